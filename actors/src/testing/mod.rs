//! What tests of engines and stores are made of: a clock to turn by hand, a store and a bus that fail on purpose,
//! a model of what a log means, and the suites that every store and every bus must pass.

pub mod bus_suite;
mod clock;
mod faulty_bus;
mod faulty_store;
pub mod model;
pub mod store_suite;

pub use clock::ManualClock;
pub use faulty_bus::FaultyBus;
pub use faulty_store::{Fault, FaultyStore, Operation};

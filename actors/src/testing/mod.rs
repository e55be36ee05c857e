//! What tests of engines and stores are made of: a clock to turn by hand, a store and a bus that fail on purpose,
//! several engines in one process, and the suites that every store and every bus must pass.

mod clock;
mod faulty_bus;
mod faulty_store;

pub use clock::ManualClock;
pub use faulty_bus::FaultyBus;
pub use faulty_store::{Fault, FaultyStore, Operation};

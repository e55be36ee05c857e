//! The engine.
pub mod domain;
#[cfg(feature = "engine")]
pub mod memory;
pub mod ports;

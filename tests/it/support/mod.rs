//! What tests are made of.

#[macro_use]
pub mod engine;

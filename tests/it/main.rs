//! The one integration test binary of the workspace.

#[macro_use]
mod support;

mod engine;

//! The one integration test binary of the workspace.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[macro_use]
mod support;

mod engine;

//! The one integration test binary of the workspace; each folder is a topic.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[macro_use]
mod support;

mod engine;
mod mounted;
mod openapi;
mod stores;

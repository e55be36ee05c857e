//! The one integration test binary of the workspace: this is its table of contents.
//!
//! The program is started as its users start it and talked to over real sockets; the engine is driven through its
//! public messages. Tests wait for conditions, never for time to pass.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[macro_use]
mod support;

mod auth;
mod cli;
mod client;
mod cluster;
mod cors;
mod crash;
mod disk;
mod engine;
mod events;
mod hooks;
mod hostile;
mod idempotency;
mod memory;
mod metrics;
mod migrate;
mod mounted;
mod openapi;
mod races;
mod rate_limit;
mod routes;
mod sentry;
mod shutdown;
mod start;
mod stores;
mod stream;
mod tasks;
mod tidy;
mod timers;
mod webhook;

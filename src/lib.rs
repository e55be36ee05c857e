//! Taskcast: the task service between producers that stream and the people who follow.
//!
//! This crate is the service around the engine in [`taskcast_actors`]: configuration, storage, HTTP and SSE, and the
//! program `taskcast`. To embed the engine in a service of your own, start from that crate.
//!
//! # Layout
//! - [`app`]: puts the parts together and takes them apart in order. Everything below knows nothing of it.
//! - [`config`]: what the operator decides. [`auth`]: who may do what.
//! - [`http`]: the route table and one endpoint per file. [`stores`]: where tasks are kept.
//! - [`storage`]: opens the stores that the configuration chooses. [`parts`]: what is told of them.
//! - [`webhook`]: delivers what tasks owe to webhooks.
//! - [`metrics`], [`telemetry`], [`sentry`]: what the operator sees. [`cli`]: the program.
//! - [`bench`]: the load driver, which [`cli`] and `benches/load` share.
//! - [`client`]: the SDK, which knows nothing of all this.
//!
//! # Features
//! `client` is the SDK alone, `server` everything else but the command line, and `cli` (the default) all of it.

#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod auth;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod bench;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
pub mod config;
#[cfg(all(feature = "client", feature = "server"))]
#[doc(hidden)]
pub mod example;
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "server")]
pub mod metrics;
#[cfg(feature = "server")]
pub mod parts;
#[cfg(feature = "server")]
pub mod sentry;
#[cfg(feature = "server")]
pub mod storage;
#[cfg(feature = "server")]
pub mod stores;
#[cfg(feature = "server")]
pub mod telemetry;
#[cfg(feature = "server")]
pub mod webhook;

/// Compiles and runs the code of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

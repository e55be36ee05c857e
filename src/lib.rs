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

pub mod app;
pub mod auth;
pub mod cli;
pub mod config;
pub mod http;
pub mod metrics;
pub mod parts;
pub mod sentry;
pub mod storage;
pub mod stores;
pub mod telemetry;
pub mod webhook;

/// Compiles and runs the code of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

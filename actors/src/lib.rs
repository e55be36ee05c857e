//! The engine of Taskcast, to embed in a service: every task is an actor that serialises its changes, keeps its
//! log, and feeds any number of readers.
//!
//! # Layout
//! - [`domain`]: every rule, pure. `decide` says what a command changes, `apply` makes the change.
//! - [`ports`]: the traits the engine needs, [`ports::TaskStore`] above all. [`memory`] implements them in memory.
//! - [`TaskActor`] and its messages: the only writer of a task in this process.
//! - `registry`: finds, starts and passivates task actors. `broadcast`: the bridge to other instances. `sweep`:
//!   what is due becomes an ordinary command.
//! - [`Subscription`]: one task's events from a cursor, once each, in order. [`Follower`]: all tasks' events.
//! - `hooks`: telling [`ports::TaskHooks`] without waiting for them. `observed`: the store as it tells its failures.
//! - `outbox`: what somebody who delivers to webhooks asks of an engine, see [`Engine::next_outbox`].
//! - `firehose`: what followers of all tasks are shown, put in order. `watched`: which tasks somebody waits for.
//! - `once`: requests that may be repeated under a key; `written` finds in a log what they wrote.
//! - [`Engine`]: the handle that ties it together, usable from any tokio runtime.
//!
//! # Invariants
//! - A task changes only by [`ports::TaskStore::commit`], which compares and appends: whoever else writes, one wins.
//! - An answer goes out after the commit. Readers see what is committed, never less, never more.
//! - Nothing here knows HTTP, Redis or SQL; `domain` and `ports` know neither actix nor tokio.

pub mod domain;
pub mod ports;

#[cfg(feature = "engine")]
mod admission;
#[cfg(feature = "engine")]
mod broadcast;
#[cfg(feature = "engine")]
mod builder;
#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "engine")]
mod error;
#[cfg(feature = "engine")]
mod firehose;
#[cfg(feature = "engine")]
mod history;
#[cfg(feature = "engine")]
mod hooks;
#[cfg(feature = "engine")]
mod live;
#[cfg(feature = "engine")]
pub mod memory;
#[cfg(feature = "engine")]
mod observed;
#[cfg(feature = "engine")]
mod once;
#[cfg(feature = "engine")]
mod outbox;
#[cfg(feature = "engine")]
mod registry;
#[cfg(feature = "engine")]
mod release;
#[cfg(feature = "engine")]
mod ring;
#[cfg(feature = "engine")]
mod runtime;
#[cfg(feature = "engine")]
mod settings;
#[cfg(feature = "engine")]
mod shared;
#[cfg(feature = "engine")]
mod shared_event;
#[cfg(feature = "engine")]
pub mod stats;
#[cfg(feature = "engine")]
mod subscription;
#[cfg(feature = "engine")]
mod sweep;
#[cfg(feature = "engine")]
mod task;
#[cfg(any(feature = "testing", all(test, feature = "engine")))]
pub mod testing;
#[cfg(feature = "engine")]
mod verbs;
#[cfg(feature = "engine")]
mod watched;
#[cfg(feature = "engine")]
mod written;

#[cfg(feature = "engine")]
pub use self::{
    builder::EngineBuilder,
    engine::Engine,
    error::EngineError,
    firehose::{Followed, Follower},
    history::{History, HistoryCursor, HistoryRequest},
    hooks::Hooks,
    live::LiveBatch,
    once::{Answered, Once},
    outbox::{OutboxEvent, OutboxPage, OutboxWork},
    ports::{Listing, Order, ReceiptKey, StoreError, TaskHooks, TaskQuery},
    release::{Release, Released},
    ring::RingLimits,
    runtime::StartError,
    settings::Settings,
    shared_event::SharedEvent,
    subscription::{Batch, Cursor, Ending, Replayed, SubscribeRequest, Subscription},
    task::{Appended, Delete, Moved, Publish, Published, TakenOutbox, TaskActor, Transition},
};

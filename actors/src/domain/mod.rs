//! The rules of Taskcast, pure: no clock, no randomness, no IO, no actor.
//!
//! A task is an append-only log of events plus a head. [`decide`] says what a command changes, [`State::apply`]
//! makes the change in memory, a store makes it durable. What is deliberately absent: anything that waits.

pub mod archive;
mod change;
pub mod checkpoint;
mod collapse;
mod command;
mod cursor;
mod decide;
mod event;
mod filter;
mod id;
pub mod json;
pub mod outbox;
#[cfg(all(test, feature = "engine"))]
mod properties;
mod ranks;
mod record;
mod rejection;
pub mod retention;
mod series;
mod state;
mod status;
mod task;
mod time;
mod ttl;

pub use change::{Change, Checkpoint, CheckpointChange, Stamp};
pub use collapse::Collapser;
pub use command::{Command, Transition};
pub use cursor::{Plan, Start};
pub use decide::{Circumstances, decide};
pub use event::{
    BLOCKED_TYPE, ClientSeq, DEFAULT_ACC_FIELD, Level, NewEvent, RESERVED_PREFIX, RESOLVED_TYPE, STATUS_TYPE,
    Series, SeriesMode, TaskEvent,
};
pub use filter::{EventFilter, TypePattern};
pub use id::{Entropy, EventId, InvalidId, MAX_ID_BYTES, TaskId};
pub use json::{Json, JsonError};
pub use ranks::Ranks;
pub use record::EventRecord;
pub use rejection::Rejection;
pub use series::{SeriesTable, Superseded};
pub use state::State;
pub use status::TaskStatus;
pub use task::{
    AssignMode, BlockedRequest, DisconnectPolicy, Head, NewTask, Secret, Task, TaskError, Webhook,
};
pub use time::Timestamp;

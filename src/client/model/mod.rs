//! What travels between client and server, as types. Fields are those of PROTOCOL §2.

mod archive;
mod event;
mod query;
mod service;
mod task;
mod worker;

pub use self::archive::{Archive, Imported, Released};
pub(super) use self::event::Envelope;
pub use self::event::{Event, NewEvent};
pub use self::query::{Cursor, Filter, HistoryQuery};
pub use self::service::{
    Adapter, AdminToken, AuthMode, Dependency, Detail, Failure, Failures, Health, Readiness,
};
pub use self::task::{NewTask, NewWebhook, TaskQuery, TaskView, Transition};
pub use self::worker::{NewWorker, Worker, WorkerStatus};

//! What embedders may want to be told. All methods default to nothing.

use std::time::Duration;

use crate::domain::{Task, TaskId};

/// Observers of the engine. A method is called outside the write path; a panic in it harms nobody.
#[expect(unused_variables, reason = "the defaults do nothing")]
pub trait TaskHooks: Send + Sync + 'static {
    /// A task failed.
    fn on_task_failed(&self, task: &Task) {}
    /// A task ran out of time.
    fn on_task_timeout(&self, task: &Task) {}
    /// Something went wrong that nobody else was told about.
    fn on_unhandled_error(&self, operation: &str, task_id: Option<&TaskId>, error: &str) {}
    /// A store could not do what it was asked.
    fn on_storage_error(&self, operation: &str, task_id: Option<&TaskId>, error: &str) {}
    /// The bus could not do what it was asked.
    fn on_broadcast_error(&self, task_id: Option<&TaskId>, error: &str) {}
    /// An event could not be delivered to a webhook at this host, for good.
    fn on_webhook_failed(&self, task_id: &TaskId, host: &str, error: &str) {}
    /// A stream was opened.
    fn on_sse_connect(&self, task_id: &TaskId) {}
    /// A stream ended.
    fn on_sse_disconnect(&self, task_id: &TaskId, open_for: Duration) {}
}

/// Nobody wants to be told anything.
impl TaskHooks for () {}

//! What embedders may want to be told. All methods default to nothing.

use std::time::Duration;

use crate::domain::{NewEvent, Task, TaskId};

/// Observers of the engine.
///
/// The engine calls them one after the other on a thread of their own, behind a bounded queue (see `Hooks`): whatever
/// they do, no write and no reader waits for them, and a panic in one harms nobody. What does not fit into the queue is
/// counted and left out. No text that is passed holds a secret or a payload; a [`Task`] and a [`NewEvent`] hold what
/// their producers put in.
///
/// ```
/// use std::sync::Arc;
///
/// use taskcast_actors::domain::Task;
/// use taskcast_actors::memory::MemoryStore;
/// use taskcast_actors::ports::TaskHooks;
/// use taskcast_actors::Engine;
///
/// struct Alarm;
///
/// impl TaskHooks for Alarm {
///     fn on_task_failed(&self, task: &Task) {
///         eprintln!("task {} failed", task.id);
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::builder(Arc::new(MemoryStore::new())).hooks(Arc::new(Alarm)).start()?;
/// # drop(engine);
/// # Ok(())
/// # }
/// ```
#[expect(unused_variables, reason = "the defaults do nothing")]
pub trait TaskHooks: Send + Sync + 'static {
    /// A task has become `failed`, whoever said so. Told by the instance that committed it, and by no other; not at all
    /// if that instance dies in between.
    fn on_task_failed(&self, task: &Task) {}

    /// A task has become `timeout`: its time to live is over. Told as [`TaskHooks::on_task_failed`] is.
    fn on_task_timeout(&self, task: &Task) {}

    /// Something failed that nobody foresaw: an actor panicked, or a request was answered with 500.
    fn on_unhandled_error(&self, operation: &str, task_id: Option<&TaskId>, error: &str) {}

    /// An event that a producer published, and that no rule refused, is not in the log, or perhaps not: the store did not
    /// take it, too much was waiting, the engine stopped, or the task's actor could not live through it. Its producer
    /// was told as well, if it waited.
    fn on_event_dropped(&self, task_id: &TaskId, event: &NewEvent, reason: &str) {}

    /// What a webhook was to be told is given up. `host` is that of its URL.
    fn on_webhook_failed(&self, task_id: &TaskId, host: &str, error: &str) {}

    /// A store could not do `operation`, named as the method of [`super::TaskStore`] or [`super::ColdTier`] is, or
    /// `archive`.
    fn on_storage_error(&self, operation: &str, task_id: Option<&TaskId>, error: &str) {}

    /// The bus could not do what it was asked, or may have lost something.
    fn on_broadcast_error(&self, task_id: Option<&TaskId>, error: &str) {}

    /// A stream over SSE was opened: that of a task, or without one that of all tasks.
    fn on_sse_connect(&self, task_id: Option<&TaskId>) {}

    /// A stream over SSE ended.
    fn on_sse_disconnect(&self, task_id: Option<&TaskId>, open_for: Duration) {}

    /// So many events were published with one call of the engine, which took so long. Told only if
    /// [`TaskHooks::wants_publishes`].
    fn on_publish(&self, task_id: &TaskId, events: usize, took: Duration) {}

    /// Whether [`TaskHooks::on_publish`] is to be called. Asked once, at the start.
    fn wants_publishes(&self) -> bool {
        false
    }
}

/// Nobody wants to be told anything.
impl TaskHooks for () {}

//! Hooks that write down what they are told, and a store where nothing works.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use taskcast_actors::domain::{Change, Head, NewEvent, Stamp, Task, TaskId, Timestamp};
use taskcast_actors::ports::*;
use tokio::sync::watch;

use super::within;

/// Writes down what it is told, a line for each.
pub(crate) struct Recorder {
    lines: watch::Sender<Vec<String>>,
    publishes: bool,
}

impl Recorder {
    /// Wants everything but publishes.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { lines: watch::Sender::default(), publishes: false })
    }

    /// Wants publishes as well.
    pub(crate) fn with_publishes() -> Arc<Self> {
        Arc::new(Self { lines: watch::Sender::default(), publishes: true })
    }

    /// Everything so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// Everything so far that begins with `kind`.
    pub(crate) fn of(&self, kind: &str) -> Vec<String> {
        self.lines().into_iter().filter(|line| line.starts_with(kind)).collect()
    }

    /// Waits until `line` has been told.
    pub(crate) async fn until(&self, line: &str) {
        let mut lines = self.lines.subscribe();
        let told = lines.wait_for(|lines| lines.iter().any(|told| told == line));
        within(&format!("hooks are told: {line}"), told).await.unwrap();
    }

    fn tell(&self, line: String) {
        self.lines.send_modify(|lines| lines.push(line));
    }
}

fn name(id: Option<&TaskId>) -> &str {
    id.map_or("-", TaskId::as_str)
}

impl TaskHooks for Recorder {
    fn on_task_failed(&self, task: &Task) {
        let error = task.error.as_deref().map_or("-", |error| &error.message);
        self.tell(format!("failed {}: {error}", task.id));
    }

    fn on_task_timeout(&self, task: &Task) {
        self.tell(format!("timeout {}", task.id));
    }

    fn on_unhandled_error(&self, operation: &str, task_id: Option<&TaskId>, error: &str) {
        self.tell(format!("unhandled {operation} {}: {error}", name(task_id)));
    }

    fn on_event_dropped(&self, task_id: &TaskId, event: &NewEvent, reason: &str) {
        self.tell(format!("dropped {task_id} {}: {reason}", event.event_type));
    }

    fn on_webhook_failed(&self, task_id: &TaskId, host: &str, error: &str) {
        self.tell(format!("webhook {task_id} {host}: {error}"));
    }

    fn on_storage_error(&self, operation: &str, task_id: Option<&TaskId>, error: &str) {
        self.tell(format!("storage {operation} {}: {error}", name(task_id)));
    }

    fn on_broadcast_error(&self, task_id: Option<&TaskId>, error: &str) {
        self.tell(format!("broadcast {}: {error}", name(task_id)));
    }

    fn on_sse_connect(&self, task_id: Option<&TaskId>) {
        self.tell(format!("connect {}", name(task_id)));
    }

    fn on_sse_disconnect(&self, task_id: Option<&TaskId>, open_for: Duration) {
        assert!(open_for > Duration::ZERO);
        self.tell(format!("disconnect {}", name(task_id)));
    }

    fn on_publish(&self, task_id: &TaskId, events: usize, _: Duration) {
        self.tell(format!("publish {task_id}: {events}"));
    }

    fn wants_publishes(&self) -> bool {
        self.publishes
    }
}

/// A store that answers nothing but an error, which says more than anybody should be told.
pub(crate) struct Broken(Mutex<StoreError>);

impl Broken {
    /// Cannot be reached.
    pub(crate) fn unavailable() -> Arc<Self> {
        let detail = "postgres://me:s3cret@db".to_owned();
        let (dependency, kind) = ("postgres", ErrorKind::Timeout);
        Arc::new(Self(Mutex::new(StoreError::Unavailable { dependency, kind, detail })))
    }

    /// Has what cannot be read.
    pub(crate) fn corrupt() -> Arc<Self> {
        Arc::new(Self(Mutex::new(StoreError::Corrupt("s3cret".to_owned()))))
    }

    fn error(&self) -> StoreError {
        self.0.lock().clone()
    }
}

#[async_trait]
impl TaskStore for Broken {
    fn provider(&self) -> &'static str {
        "memory"
    }

    async fn create(&self, _: NewLog) -> Result<Created, CreateError> {
        Err(CreateError::NotWritten(self.error()))
    }

    async fn commit(&self, _: Arc<Change>) -> Result<(), CommitError> {
        Err(CommitError::NotWritten(self.error()))
    }

    async fn load(&self, _: &TaskId) -> Result<Option<Loaded>, StoreError> {
        Err(self.error())
    }

    async fn head(&self, _: &TaskId) -> Result<Option<(Arc<Head>, Stamp)>, StoreError> {
        Err(self.error())
    }

    async fn stamps(&self, _: &[TaskId]) -> Result<Vec<Option<Stamp>>, StoreError> {
        Err(self.error())
    }

    async fn events(&self, _: &TaskId, _: Range) -> Result<Page, StoreError> {
        Err(self.error())
    }

    async fn seek(&self, _: &TaskId, _: Seek) -> Result<Option<u64>, StoreError> {
        Err(self.error())
    }

    async fn list(&self, _: &TaskQuery) -> Result<Listing, StoreError> {
        Err(self.error())
    }

    async fn delete(&self, _: &TaskId, _: u64) -> Result<bool, CommitError> {
        Err(CommitError::NotWritten(self.error()))
    }

    async fn due(&self, _: Timestamp, _: Option<&Due>, _: usize) -> Result<Vec<Due>, StoreError> {
        Err(self.error())
    }

    async fn health(&self) -> Result<(), StoreError> {
        Err(self.error())
    }

    fn receipts(&self) -> &dyn Receipts {
        self
    }
}

#[async_trait]
impl Receipts for Broken {
    async fn find(&self, _: &ReceiptKey, _: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        Err(self.error())
    }

    async fn swap(&self, _: &ReceiptKey, _: Swap) -> Result<Swapped, StoreError> {
        Err(self.error())
    }
}

//! A store and a cold tier whose failures are told to hooks: in one place, whoever asked.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::{Change, Head, Stamp, TaskId, Timestamp};
use crate::hooks::Hooks;
use crate::ports::{
    ColdTier, CommitError, CreateError, Created, Due, Listing, Loaded, NewLog, Page, Range, ReceiptKey,
    Receipts, ReleaseError, Seek, StoreError, Swap, Swapped, TaskHooks as _, TaskQuery, TaskStore,
};

/// An error of a port that may have come from a store.
trait Failure {
    /// What the store said, unless this is an answer like any other.
    fn cause(&self) -> Option<&StoreError>;
}

impl Failure for StoreError {
    fn cause(&self) -> Option<&StoreError> {
        // Somebody else removed the log: that is news, not a failure.
        (*self != Self::Gone).then_some(self)
    }
}

impl Failure for CommitError {
    fn cause(&self) -> Option<&StoreError> {
        match self {
            Self::Conflict => None,
            Self::NotWritten(error) | Self::Unknown(error) => error.cause(),
        }
    }
}

impl Failure for CreateError {
    fn cause(&self) -> Option<&StoreError> {
        match self {
            Self::Exists => None,
            Self::NotWritten(error) | Self::Unknown(error) => error.cause(),
        }
    }
}

impl Failure for ReleaseError {
    fn cause(&self) -> Option<&StoreError> {
        match self {
            Self::Moved | Self::Busy | Self::Integrity(_) => None,
            Self::Store(error) => error.cause(),
        }
    }
}

/// See the module.
pub(crate) struct Observed<S: ?Sized> {
    inner: Arc<S>,
    hooks: Hooks,
}

impl<S: ?Sized> Observed<S> {
    pub(crate) fn new(inner: Arc<S>, hooks: Hooks) -> Self {
        Self { inner, hooks }
    }

    fn told<T, E: Failure>(
        &self,
        operation: &str,
        id: Option<&TaskId>,
        answer: Result<T, E>,
    ) -> Result<T, E> {
        if let Some(error) = answer.as_ref().err().and_then(Failure::cause) {
            self.hooks.on_storage_error(operation, id, &error.summary());
        }
        answer
    }
}

#[async_trait]
impl TaskStore for Observed<dyn TaskStore> {
    fn provider(&self) -> &'static str {
        self.inner.provider()
    }

    async fn create(&self, log: NewLog) -> Result<Created, CreateError> {
        let id = log.head.task.id.clone();
        self.told("create", Some(&id), self.inner.create(log).await)
    }

    async fn commit(&self, change: Arc<Change>) -> Result<(), CommitError> {
        let committed = self.inner.commit(Arc::clone(&change)).await;
        self.told("commit", Some(&change.task_id), committed)
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Loaded>, StoreError> {
        self.told("load", Some(id), self.inner.load(id).await)
    }

    async fn head(&self, id: &TaskId) -> Result<Option<(Arc<Head>, Stamp)>, StoreError> {
        self.told("head", Some(id), self.inner.head(id).await)
    }

    async fn stamps(&self, ids: &[TaskId]) -> Result<Vec<Option<Stamp>>, StoreError> {
        self.told("stamps", None, self.inner.stamps(ids).await)
    }

    async fn events(&self, id: &TaskId, range: Range) -> Result<Page, StoreError> {
        self.told("events", Some(id), self.inner.events(id, range).await)
    }

    async fn seek(&self, id: &TaskId, seek: Seek) -> Result<Option<u64>, StoreError> {
        self.told("seek", Some(id), self.inner.seek(id, seek).await)
    }

    async fn list(&self, query: &TaskQuery) -> Result<Listing, StoreError> {
        self.told("list", None, self.inner.list(query).await)
    }

    async fn delete(&self, id: &TaskId, incarnation: u64) -> Result<bool, CommitError> {
        self.told("delete", Some(id), self.inner.delete(id, incarnation).await)
    }

    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.told("due", None, self.inner.due(now, after, limit).await)
    }

    /// Whoever asks this wants to know, and asks again and again.
    async fn health(&self) -> Result<(), StoreError> {
        self.inner.health().await
    }

    fn receipts(&self) -> &dyn Receipts {
        self
    }
}

#[async_trait]
impl Receipts for Observed<dyn TaskStore> {
    async fn find(&self, key: &ReceiptKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        self.told("find", None, self.inner.receipts().find(key, now).await)
    }

    async fn swap(&self, key: &ReceiptKey, swap: Swap) -> Result<Swapped, StoreError> {
        self.told("swap", None, self.inner.receipts().swap(key, swap).await)
    }
}

#[async_trait]
impl ColdTier for Observed<dyn ColdTier> {
    async fn is_cold(&self, id: &TaskId) -> Result<Option<bool>, StoreError> {
        self.told("is_cold", Some(id), self.inner.is_cold(id).await)
    }

    async fn release(&self, id: &TaskId, expected: Stamp) -> Result<bool, ReleaseError> {
        self.told("release", Some(id), self.inner.release(id, expected).await)
    }
}

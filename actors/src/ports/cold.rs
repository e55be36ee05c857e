//! The cold tier: where a task can be moved that nobody writes to any more.

use async_trait::async_trait;

use super::StoreError;
use crate::domain::{Stamp, TaskId};

/// A task was not moved to cold storage. It stays where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// The log is not where it was expected.
    #[error("somebody else moved the log")]
    Moved,
    /// The task is being moved already, or brought back.
    #[error("the task is being moved already")]
    Busy,
    /// The cold copy is not what the hot one is.
    #[error("the cold copy is not complete: {0}")]
    Integrity(String),
    /// A store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Moves tasks from hot to cold storage. Behind [`super::TaskStore`] both answer every read alike, and a write to a cold
/// task makes it hot again.
#[async_trait]
pub trait ColdTier: Send + Sync + 'static {
    /// Whether the task is cold, or `None` if there is no such task.
    async fn is_cold(&self, id: &TaskId) -> Result<Option<bool>, StoreError>;

    /// Moves the task to cold storage if its log is exactly at `expected`, once all of it is known to be there. Says
    /// whether that had to be done.
    async fn release(&self, id: &TaskId, expected: Stamp) -> Result<bool, ReleaseError>;
}

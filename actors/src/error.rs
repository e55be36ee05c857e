//! How the engine says no.

use crate::domain::Rejection;
use crate::ports::StoreError;

/// Why the engine did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// There is no such task.
    #[error("task not found")]
    NotFound,
    /// A task with this id exists.
    #[error("task already exists")]
    Exists,
    /// The key was used for something else; nothing was changed.
    #[error("the key was used with a different request body")]
    KeyReused,
    /// The rules refuse it; nothing was changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Too much is waiting; nothing was changed, and a later attempt may succeed.
    #[error("too many writes are waiting")]
    Overloaded,
    /// Numbers before the client's did not come in time; nothing was changed.
    #[error("Timed out waiting for clientSeq {expected}, received {received}")]
    SeqTimeout {
        /// The number that was waited for.
        expected: u64,
        /// The number that waited.
        received: u64,
    },
    /// The same number is already waiting; nothing was changed.
    #[error("Duplicate clientSeq: {received} is already waiting")]
    SeqDuplicate {
        /// The number that is waited for.
        expected: u64,
        /// The number that waits twice.
        received: u64,
    },
    /// The engine is being stopped; nothing was changed.
    #[error("the engine is stopping")]
    Stopping,
    /// The store could not do it; nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store's answer was lost: it may or may not have been done.
    #[error("it is not known whether it was done: {0}")]
    Unknown(StoreError),
    /// There is no cold tier to move a task to.
    #[error("there is no cold storage")]
    ReleaseUnsupported,
    /// The conditions under which the task was to be moved to cold storage do not hold, and why.
    #[error("{0}")]
    ReleasePrecondition(String),
    /// The task is being moved already, or is written to all the time.
    #[error("the task is being moved or written to")]
    ReleaseBusy,
    /// The cold copy is not what the hot one is; the task stays hot. What is wrong is for logs.
    #[error("the cold copy of the task is not complete")]
    ReleaseIntegrity(String),
    /// What moving the task needs cannot be reached at present; nothing was changed.
    #[error(transparent)]
    ReleaseUnavailable(StoreError),
    /// The task's actor died twice over it.
    #[error("the task could not handle this")]
    Panicked,
}

impl EngineError {
    /// Why a command was lost that no rule refuses, without anything a store said; `None` for every other answer.
    pub(crate) fn loss(&self) -> Option<String> {
        match self {
            Self::Store(StoreError::Gone) => None,
            Self::Store(error) => Some(error.summary()),
            Self::Unknown(error) => Some(format!("it is not known whether it was done: {}", error.summary())),
            Self::Overloaded | Self::Stopping | Self::Panicked => Some(self.to_string()),
            _ => None,
        }
    }
}

//! What the writer is asked to do, and what it answers.

use std::sync::Arc;

use taskcast_actors::domain::{Change, CheckpointChange, TaskEvent};
use taskcast_actors::ports::{CommitError, CreateError, StoreError};
use tokio::sync::oneshot;

use super::head_row::HeadRow;

/// One thing to write as a whole.
pub(super) enum Work {
    /// An empty log.
    Create { head: HeadRow, incarnation: u64 },
    /// A change of a log.
    Commit { head: Option<HeadRow>, change: Arc<Change> },
}

/// What became of one piece of work whose transaction was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was done.
    Done,
    /// The condition it was asked under does not hold. It wrote nothing.
    Refused,
    /// The task is not there, or somebody else is writing it. It wrote nothing.
    Busy,
}

/// Why nobody knows of an [`Outcome`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WriteError {
    NotWritten(StoreError),
    Unknown(StoreError),
}

impl WriteError {
    /// What the store said.
    pub(super) fn into_store_error(self) -> StoreError {
        match self {
            Self::NotWritten(error) | Self::Unknown(error) => error,
        }
    }
}

impl From<WriteError> for CommitError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NotWritten(error) => Self::NotWritten(error),
            WriteError::Unknown(error) => Self::Unknown(error),
        }
    }
}

impl From<WriteError> for CreateError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NotWritten(error) => Self::NotWritten(error),
            WriteError::Unknown(error) => Self::Unknown(error),
        }
    }
}

/// Work and who waits for it. Whoever waits may go away; the work is done all the same.
pub(super) struct Job {
    pub(super) work: Arc<Work>,
    pub(super) reply: oneshot::Sender<Result<Outcome, WriteError>>,
}

impl Work {
    pub(super) fn commit(change: Arc<Change>) -> Self {
        Self::Commit { head: change.head.as_deref().map(HeadRow::of), change }
    }

    /// The id of the task.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Create { head, .. } => &head.id,
            Self::Commit { change, .. } => change.task_id.as_str(),
        }
    }

    /// Bytes it will write, about.
    pub(super) fn weight(&self) -> usize {
        let events = |events: &[Arc<TaskEvent>]| events.iter().map(|event| event.weight()).sum::<usize>();
        match self {
            Self::Create { head, .. } => head.weight(),
            Self::Commit { head, change } => {
                let checkpoint = match &change.checkpoint {
                    CheckpointChange::Put(checkpoint) => checkpoint.bytes.len(),
                    CheckpointChange::Keep | CheckpointChange::Remove => 0,
                };
                head.as_ref().map_or(0, HeadRow::weight) + events(&change.events) + checkpoint
            }
        }
    }
}

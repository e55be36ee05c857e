//! What the writing thread is asked to do, and what it answers.

use std::sync::Arc;

use taskcast_actors::domain::{Change, CheckpointChange, TaskEvent, TaskId};
use taskcast_actors::ports::{NewLog, ReceiptKey, StoreError, Swap};
use tokio::sync::oneshot;

use super::head_row::HeadRow;

/// One thing to write as a whole.
pub(super) enum Work {
    Create {
        head: HeadRow,
        log: NewLog,
    },
    Commit {
        head: Option<HeadRow>,
        change: Arc<Change>,
    },
    Delete {
        id: TaskId,
        incarnation: u64,
    },
    Swap {
        key: ReceiptKey,
        swap: Swap,
    },
    /// Writes something and takes it away again, to see whether writing works.
    Probe,
}

/// What became of one piece of work whose transaction was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was done; the task was there before or not.
    Done { existed: bool },
    /// The condition it was asked under does not hold. It wrote nothing.
    Refused,
}

/// Why nobody knows of an [`Outcome`].
#[derive(Clone, Debug)]
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

/// Work and who waits for it. Whoever waits may go away; the work is done all the same.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) reply: oneshot::Sender<Result<Outcome, WriteError>>,
}

impl Work {
    pub(super) fn create(log: NewLog) -> Self {
        Self::Create { head: HeadRow::of(&log.head), log }
    }

    pub(super) fn commit(change: Arc<Change>) -> Self {
        Self::Commit { head: change.head.as_deref().map(HeadRow::of), change }
    }

    /// Whether it may leave something to sweep.
    pub(super) fn may_delete(&self) -> bool {
        match self {
            Self::Create { log, .. } => log.replace,
            Self::Delete { .. } => true,
            Self::Commit { .. } | Self::Swap { .. } | Self::Probe => false,
        }
    }

    /// Bytes it will write, about.
    pub(super) fn weight(&self) -> usize {
        let events = |events: &[Arc<TaskEvent>]| events.iter().map(|event| event.weight()).sum::<usize>();
        match self {
            Self::Create { head, log } => head.weight() + events(&log.events),
            Self::Commit { head, change } => {
                let checkpoint = match &change.checkpoint {
                    CheckpointChange::Put(checkpoint) => checkpoint.bytes.len(),
                    CheckpointChange::Keep | CheckpointChange::Remove => 0,
                };
                head.as_ref().map_or(0, HeadRow::weight) + events(&change.events) + checkpoint
            }
            Self::Swap { swap, .. } => swap.receipt.len(),
            Self::Delete { .. } | Self::Probe => 0,
        }
    }
}

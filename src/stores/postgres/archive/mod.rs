//! The database as the archive behind another store, which copies logs here piece by piece.
//!
//! A piece says where the log is, where the archive is believed to be, and everything in between. The archive takes it
//! if that is so, or if somebody else has brought part of it or all of it already; it never goes back. So pieces may be
//! repeated after a lost answer, and several archivers may work at the same time. What is deliberately absent: any
//! knowledge of where pieces come from, and when.
//!
//! - `judge`: what a piece means for what is stored (pure)
//! - `batch`: many pieces in one transaction; `stream`: one piece in many parts
//! - `open`, `fill`: the two halves of both transactions; `exclusive`: a connection that is in one

mod batch;
mod exclusive;
mod fill;
mod judge;
mod open;
mod stream;

use std::sync::Arc;

use taskcast_actors::domain::{Checkpoint, EventId, Head, Level, Stamp, TaskEvent, TaskId, Timestamp};
use taskcast_actors::ports::StoreError;

pub use self::stream::{Begun, PieceWriter};
use super::long::{self, Deleted};
use super::{PostgresStore, heads};
use crate::stores::mark::Mark;

/// What the archive is to know of one task from now on.
#[derive(Clone, Debug)]
pub struct ArchivePiece {
    /// The task.
    pub id: TaskId,
    /// Where its log is.
    pub stamp: Stamp,
    /// Where the archive is believed to be; `None` when it is believed to have nothing of this log.
    pub expected: Option<Stamp>,
    /// Incarnations that this log took the place of, and that the archive may still have.
    pub over: Vec<u64>,
    /// The task, as of `stamp`.
    pub head: Arc<Head>,
    /// What recovery may start from, as of `stamp`; `None` removes what the archive has.
    pub checkpoint: Option<Checkpoint>,
    /// Every event from `expected` (or the beginning) up to `stamp`, and older ones to which something happened, in any
    /// order, each index once.
    pub slots: Vec<(u64, SlotState)>,
}

/// What an event of a piece is now.
#[derive(Clone, Debug, PartialEq)]
pub enum SlotState {
    /// Every view shows it.
    Visible(Arc<TaskEvent>),
    /// No view shows it, but a fold needs it.
    Hidden(Arc<TaskEvent>),
    /// Its payload is gone.
    Gone(GoneSlot),
    /// An event that the archive has already, and what happened to it since.
    Marked(Mark),
}

/// What is left of an event whose payload is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoneSlot {
    /// Its id.
    pub id: EventId,
    /// When it was appended.
    pub timestamp: Timestamp,
    /// Its type.
    pub event_type: Arc<str>,
    /// Its level.
    pub level: Level,
    /// The series that it was a member of, unless cleanup removed it.
    pub series: Option<Arc<str>>,
}

/// What became of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveOutcome {
    /// The archive is where the piece is, or farther along the same log.
    Done,
    /// The archive is neither where it is believed to be nor on the way from there. Nothing was written.
    Diverged {
        /// Where it is.
        stored: Option<Stamp>,
    },
    /// Somebody else is writing the task, or there is another piece of it in the batch. Nothing was written.
    Busy,
    /// This piece cannot be stored, however often it is tried. Nothing was written.
    Refused(StoreError),
}

/// What the archive has of a log that it should have all of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// All of it.
    All,
    /// It is not where the log is said to be.
    Elsewhere,
    /// It is there, but events are missing.
    Incomplete,
}

impl PostgresStore {
    /// Writes pieces of different tasks in one transaction; the answers are in the order of the pieces. A piece that is
    /// not done harms no other.
    ///
    /// # Errors
    /// When the database does not work at present. Some or all of the pieces may have been written; try them again.
    pub async fn archive(&self, batch: Vec<ArchivePiece>) -> Result<Vec<ArchiveOutcome>, StoreError> {
        let outcomes = batch::write(&self.readers, &batch).await;
        self.note(outcomes)
    }

    /// Begins to write a piece too large to be held in memory: its slots are given to [`PieceWriter::append`] in index
    /// order, and nothing of it is there before [`PieceWriter::finish`]. `piece.slots` comes first and may be empty.
    ///
    /// # Errors
    /// When the database does not work at present.
    pub async fn begin_piece(&self, piece: ArchivePiece) -> Result<Begun, StoreError> {
        let begun = stream::begin(&self.readers, &piece).await;
        self.note(begun)
    }

    /// Removes what the archive has of a task if it is one of the incarnations `over`. Says whether it was there.
    ///
    /// # Errors
    /// When the database does not work at present. The task may have been removed; try again.
    pub async fn forget(&self, id: &TaskId, over: &[u64]) -> Result<bool, StoreError> {
        let deleted = long::delete(&self.readers, id, over).await;
        let deleted = self.note(deleted.map_err(super::job::WriteError::into_store_error))?;
        Ok(deleted == Deleted::Done)
    }

    /// Heads and stamps of `ids`, in that order.
    ///
    /// # Errors
    /// When the database does not work at present.
    pub async fn heads(&self, ids: &[TaskId]) -> Result<Vec<Option<(Arc<Head>, Stamp)>>, StoreError> {
        heads::heads(&self.readers, ids).await
    }

    /// Whether the archive has all of the log of `id` as it was at `stamp`.
    ///
    /// # Errors
    /// When the database does not work at present.
    pub async fn holds(&self, id: &TaskId, stamp: Stamp) -> Result<Holding, StoreError> {
        heads::holds(&self.readers, id, stamp).await
    }

    /// Whether there is no task at all.
    ///
    /// # Errors
    /// When the database does not work at present.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        let rows = self.readers.query("SELECT id FROM taskcast_tasks ORDER BY id LIMIT 1", &[]).await?;
        Ok(rows.is_empty())
    }

    /// Counts a success or failure of the archive side.
    fn note<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        match &answer {
            Ok(_) => self.link.connected(),
            Err(error) => self.readers.note(error),
        }
        answer
    }
}

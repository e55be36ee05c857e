//! The store: promises about data, never steps of an algorithm. `testing::store_suite!` checks every promise.

use std::sync::Arc;

use async_trait::async_trait;

use super::Receipts;
use crate::domain::{
    AssignMode, Change, Checkpoint, EventId, Head, Level, Stamp, TaskEvent, TaskId, TaskStatus, Timestamp,
    TypePattern,
};

/// What went wrong with a dependency, in the words of PROTOCOL §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the protocol")]
pub enum ErrorKind {
    ConnectionRefused,
    ConnectionReset,
    Timeout,
    Dns,
    Authentication,
    ConnectionClosed,
    Unavailable,
}

impl ErrorKind {
    /// The name the protocol uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionRefused => "connection_refused",
            Self::ConnectionReset => "connection_reset",
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Authentication => "authentication",
            Self::ConnectionClosed => "connection_closed",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A store could not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or refuses to work at present; trying again later makes sense.
    #[error("{dependency} unavailable ({})", kind.as_str())]
    Unavailable {
        /// The name of the dependency in PROTOCOL §3, for instance `sqlite`.
        dependency: &'static str,
        /// What went wrong.
        kind: ErrorKind,
        /// What the store itself said, for logs; never shown to clients.
        detail: String,
    },
    /// The store answered with something that cannot be true.
    #[error("the stored data of this task cannot be read: {0}")]
    Corrupt(String),
    /// The log that was asked for has been deleted or replaced.
    #[error("the log is gone")]
    Gone,
}

impl StoreError {
    /// What went wrong, without anything that the store itself said: that may hold addresses or data.
    pub fn summary(&self) -> String {
        match self {
            Self::Corrupt(_) => "stored data cannot be read".to_owned(),
            Self::Unavailable { .. } | Self::Gone => self.to_string(),
        }
    }
}

/// A commit was not made, or perhaps made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The log is not where the change expected it. Nothing was written.
    #[error("somebody else moved the log")]
    Conflict,
    /// Nothing was written.
    #[error("nothing was written: {0}")]
    NotWritten(StoreError),
    /// The answer was lost. Read the log to find out.
    #[error("it is not known whether it was written: {0}")]
    Unknown(StoreError),
}

/// A log was not created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// The id is taken.
    #[error("the task exists")]
    Exists,
    /// Nothing was written.
    #[error("nothing was written: {0}")]
    NotWritten(StoreError),
    /// The answer was lost.
    #[error("it is not known whether it was written: {0}")]
    Unknown(StoreError),
}

/// A log to create, empty or imported.
#[derive(Clone, Debug)]
pub struct NewLog {
    /// The task.
    pub head: Arc<Head>,
    /// A random number; see [`Stamp::incarnation`].
    pub incarnation: u64,
    /// Events with indexes 0, 1, 2, ….
    pub events: Vec<Arc<TaskEvent>>,
    /// Of these, the ones that no view shows but that a fold of the log needs.
    pub hidden: Vec<u64>,
    /// Whether a log under the same id is replaced, at once and as a whole.
    pub replace: bool,
    /// Whether the id was drawn at random for this log, so that there cannot be another one under it.
    pub fresh: bool,
}

/// What creating a log did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// Whether a log under the same id was there before.
    pub replaced: bool,
}

/// What an actor needs to start.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The task.
    pub head: Arc<Head>,
    /// Where the log is.
    pub stamp: Stamp,
    /// The newest checkpoint, if one was ever stored and it still holds.
    pub checkpoint: Option<Checkpoint>,
}

/// No log is longer: ids hold 32 bits of an index.
const MAX_INDEX: u64 = 1 << 32;

/// A piece of a log to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The log; reading another one under the same id is [`StoreError::Gone`]. `None` reads whichever is there.
    pub incarnation: Option<u64>,
    /// The first index.
    pub from: u64,
    /// The index behind the last one.
    pub to: u64,
    /// At most this many slots, at least one.
    pub max_slots: usize,
    /// Stop once payloads hold this many bytes; at least one slot is returned.
    pub max_bytes: usize,
    /// Whether payloads of accumulate events are wanted; otherwise they come as [`Slot::Gone`].
    pub deltas: bool,
}

impl Range {
    /// All slots from `from` up to `to`, in pages of bounded size.
    pub fn new(from: u64, to: u64) -> Self {
        Self { incarnation: None, from, to, max_slots: 512, max_bytes: 1 << 20, deltas: true }
    }

    /// All slots from `from` on, in pages of bounded size. A view of a growing log has to be read to its very end:
    /// where it stops earlier, the newest value of a series may be superseded before it is read, by one behind the stop.
    pub fn to_the_end(from: u64) -> Self {
        Self::new(from, MAX_INDEX)
    }

    /// Whether `page`, read for this range, ends because the log ended there.
    pub fn is_ended_by(&self, page: &Page) -> bool {
        let bytes = |slot: &Slot| match slot {
            Slot::Visible(event) | Slot::Hidden(event) => event.data.as_str().len(),
            Slot::Gone { .. } => 0,
        };
        page.slots.is_empty()
            || page.slots.len() < self.max_slots
                && page.slots.iter().map(bytes).sum::<usize>() < self.max_bytes
    }
}

/// One place of a log.
#[derive(Clone, Debug, PartialEq)]
pub enum Slot {
    /// An event that every view shows.
    Visible(Arc<TaskEvent>),
    /// An event that no view shows, but that a fold needs.
    Hidden(Arc<TaskEvent>),
    /// The place of an event whose payload is not there (any more).
    Gone {
        /// Its index.
        index: u64,
        /// Its id.
        id: EventId,
        /// When it was appended.
        timestamp: Timestamp,
        /// Its type.
        event_type: Arc<str>,
        /// Its level.
        level: Level,
        /// Its series, unless cleanup removed it.
        series: Option<Arc<str>>,
    },
}

impl Slot {
    /// The index of this place.
    pub fn index(&self) -> u64 {
        match self {
            Self::Visible(event) | Self::Hidden(event) => event.index,
            Self::Gone { index, .. } => *index,
        }
    }

    /// The id of the event at this place.
    pub fn id(&self) -> &EventId {
        match self {
            Self::Visible(event) | Self::Hidden(event) => &event.id,
            Self::Gone { id, .. } => id,
        }
    }
}

/// Consecutive slots of a log, none left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// In index order.
    pub slots: Vec<Slot>,
    /// The index to go on from.
    pub next: u64,
}

/// Something to look for in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seek {
    /// The index of the event with this id, whatever happened to the event.
    Id(EventId),
    /// The index of the first event that is later than this; the end of the log when there is none.
    After(Timestamp),
}

/// Order of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    #[default]
    Ascending,
    /// Newest first.
    Descending,
}

/// Which tasks to list. Creation order is (`created_at`, id).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskQuery {
    /// Any of these; `None` is all.
    pub status: Option<Vec<TaskStatus>>,
    /// The type matches.
    pub task_type: Option<TypePattern>,
    /// All of these.
    pub tags: Vec<String>,
    /// Exactly this; `Some(None)` matches nothing.
    pub assign_mode: Option<Option<AssignMode>>,
    /// Order.
    pub order: Order,
    /// Only tasks behind this one in the order asked for.
    pub after: Option<(Timestamp, TaskId)>,
    /// At most this many.
    pub limit: usize,
}

impl TaskQuery {
    /// Whether `head`'s task is asked for, apart from `after` and `limit`.
    pub fn wants(&self, head: &Head) -> bool {
        let task = &head.task;
        let tags = task.tags.as_deref().unwrap_or_default();
        let typed =
            |pattern: &TypePattern| task.task_type.as_deref().is_some_and(|name| pattern.matches(name));
        self.status.as_ref().is_none_or(|list| list.contains(&task.status))
            && self.task_type.as_ref().is_none_or(typed)
            && self.tags.iter().all(|tag| tags.contains(tag))
            && self.assign_mode.is_none_or(|mode| mode.is_some() && mode == task.assign_mode)
    }
}

/// Tasks in creation order.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// At most as many as asked for.
    pub tasks: Vec<Arc<Head>>,
    /// Whether more follow.
    pub more: bool,
}

/// A task one of whose timers is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The task.
    pub task_id: TaskId,
    /// Since when.
    pub at: Timestamp,
}

/// Where tasks and their logs are kept.
///
/// All reads show every write whose future has resolved, on every instance that shares the store.
#[async_trait]
pub trait TaskStore: Send + Sync + 'static {
    /// The provider's name in PROTOCOL §16.1.
    fn provider(&self) -> &'static str;

    /// Creates a log, as a whole or not at all.
    async fn create(&self, log: NewLog) -> Result<Created, CreateError>;

    /// Writes all of `change` if the log is exactly at `change.expected`, and nothing otherwise.
    async fn commit(&self, change: Arc<Change>) -> Result<(), CommitError>;

    /// What an actor needs to start, or `None` if there is no such task.
    async fn load(&self, id: &TaskId) -> Result<Option<Loaded>, StoreError>;

    /// Head and stamp, or `None` if there is no such task.
    async fn head(&self, id: &TaskId) -> Result<Option<(Arc<Head>, Stamp)>, StoreError>;

    /// Where the logs of `ids` are, in that order; `None` where there is none.
    async fn stamps(&self, ids: &[TaskId]) -> Result<Vec<Option<Stamp>>, StoreError>;

    /// The next page of a log; empty when the log ends before `range.from`, or there is no such task. It ends before
    /// `range.to` only at the bounds of `range` or where the log ends: see [`Range::is_ended_by`].
    async fn events(&self, id: &TaskId, range: Range) -> Result<Page, StoreError>;

    /// Finds an index, or `None` when nothing is found.
    async fn seek(&self, id: &TaskId, seek: Seek) -> Result<Option<u64>, StoreError>;

    /// Lists tasks in creation order.
    async fn list(&self, query: &TaskQuery) -> Result<Listing, StoreError>;

    /// Removes the task with everything that belongs to it, if its log is this incarnation. Says whether it was there.
    async fn delete(&self, id: &TaskId, incarnation: u64) -> Result<bool, CommitError>;

    /// Tasks whose [`Head::due_at`] is not later than `now`, in (`at`, id) order, from behind `after`.
    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: usize) -> Result<Vec<Due>, StoreError>;

    /// Whether the store works at present.
    async fn health(&self) -> Result<(), StoreError>;

    /// The receipts that are kept beside the tasks.
    fn receipts(&self) -> &dyn Receipts;
}

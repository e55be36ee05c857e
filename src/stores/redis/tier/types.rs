//! What the moves say.

use std::sync::Arc;

use taskcast_actors::domain::{Checkpoint, Head, Stamp, TaskId, Timestamp};
use taskcast_actors::ports::{Page, Slot};

use crate::stores::mark::Mark;

/// A page of a log that is here.
#[derive(Clone, Debug, PartialEq)]
pub enum HotPage {
    /// The page.
    Page(Page),
    /// It begins with events that are in the archive only.
    Below {
        /// Where the log is.
        stamp: Stamp,
        /// The first index whose event is here.
        base: u64,
        /// What has happened to the events from where the page begins, up to the base or where the page ends. The
        /// archive may know of it or not.
        marks: Vec<Option<Mark>>,
    },
}

/// Where something is in a log that is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotSeek {
    /// Where the log is.
    pub stamp: Stamp,
    /// The first index whose event is here.
    pub base: u64,
    /// Whether ids and times of the log follow no rule, so that an earlier event may fit as well.
    pub imported: bool,
    /// What was found among the events from the base on. For a time that is the base itself if the first of them is
    /// later, and an earlier event may be as well.
    pub index: Option<u64>,
}

/// A task the archive lacks something of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// The task.
    pub task_id: TaskId,
    /// Since when, by the clock of the server.
    pub since: Timestamp,
}

/// How far the archive is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Tasks it lacks something of.
    pub tasks: u64,
    /// Milliseconds since it first lacked something of one of them.
    pub millis: u64,
}

/// A slot that changed after the archive had its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Its index.
    pub index: u64,
    /// Grows when it changes again.
    pub weight: u64,
    /// What has happened to it in all.
    pub mark: Mark,
}

/// Everything the archive lacks of a task, at one moment and up to a bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Where the log is.
    pub stamp: Stamp,
    /// The task.
    pub head: Arc<Head>,
    /// The newest checkpoint.
    pub checkpoint: Option<Checkpoint>,
    /// Where the log was when the archive last had all of it.
    pub archived: Option<Stamp>,
    /// Incarnations of earlier logs that the archive may hold.
    pub over: Vec<u64>,
    /// The first index whose event is here.
    pub base: u64,
    /// What changed of the events that the archive has.
    pub touched: Vec<Touched>,
    /// Whether these are all that changed; otherwise `settle` these and take another snapshot.
    pub touched_is_all: bool,
    /// The first index of `slots`.
    pub first: u64,
    /// Events the archive lacks.
    pub slots: Vec<Slot>,
}

impl Snapshot {
    /// Whether it holds every event the archive lacks; the others are pages from `next` on.
    pub fn is_all(&self) -> bool {
        self.touched_is_all && self.next() >= self.stamp.version
    }

    /// The index behind the last of `slots`.
    pub fn next(&self) -> u64 {
        self.first + self.slots.len() as u64
    }
}

/// What became of the word that the archive has a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archived {
    /// It has all of it.
    All,
    /// It is noted, but the log has gone on since.
    Behind,
    /// There is no such log any more.
    Moved,
}

/// How many tasks had left a partition at some moment. What the archive says of a task that was not here holds for as
/// long as no further one leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departures(pub(crate) String);

/// What became of a task that was to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It is back.
    Done,
    /// It is here already.
    Present,
    /// It was deleted.
    Tomb,
    /// A task has left since the archive was read, perhaps this one: read it again.
    Raced,
}

/// A task nobody has written to for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idle {
    /// The task.
    pub task_id: TaskId,
    /// Where its log is.
    pub stamp: Stamp,
    /// Where it was when the archive last had all of it.
    pub archived: Option<Stamp>,
}

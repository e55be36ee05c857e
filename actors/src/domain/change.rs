//! What a commit writes, and the condition under which it does.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::TaskId;
use super::event::TaskEvent;
use super::task::Head;

/// Which log, and how far it is. Two equal stamps mean: nothing happened in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// A random number drawn when the log was created, so that a log that was deleted and created again under the
    /// same id is another one.
    pub incarnation: u64,
    /// The number of events ever appended, which is the index of the next one.
    pub version: u64,
    /// The number of changes that appended no event.
    pub revision: u64,
}

impl Stamp {
    /// Whether this is the same log as `other`, as far or farther.
    pub fn has_reached(&self, other: Self) -> bool {
        self.incarnation == other.incarnation
            && self.version >= other.version
            && self.revision >= other.revision
    }
}

/// Everything that one commit writes, all of it or nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The task.
    pub task_id: TaskId,
    /// The commit is made only if the log is exactly here.
    pub expected: Stamp,
    /// The new head, if it changes.
    pub head: Option<Arc<Head>>,
    /// Events to append, with consecutive indexes from `expected.version`.
    pub events: Vec<Arc<TaskEvent>>,
    /// Indexes of events that nobody asks for again: their place, id, type, level and series stay known.
    pub dropped: Vec<u64>,
    /// Indexes of events that no view shows, but that a fold of the log still needs.
    pub hidden: Vec<u64>,
    /// Indexes of events that cleanup removes: as `dropped`, and their series is forgotten as well.
    pub erased: Vec<u64>,
    /// What recovery may start from.
    pub checkpoint: CheckpointChange,
}

/// What a commit does to the stored checkpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum CheckpointChange {
    /// It stays.
    #[default]
    Keep,
    /// It is replaced.
    Put(Checkpoint),
    /// It is wrong from now on.
    Remove,
}

/// The state of a task at some version, as opaque bytes: recovery starts here instead of at the first event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The version that the bytes describe.
    pub version: u64,
    /// Made and read by the domain alone.
    pub bytes: Arc<[u8]>,
}

impl Change {
    /// A change of nothing.
    pub fn empty(task_id: TaskId, expected: Stamp) -> Self {
        Self {
            task_id,
            expected,
            head: None,
            events: Vec::new(),
            dropped: Vec::new(),
            hidden: Vec::new(),
            erased: Vec::new(),
            checkpoint: CheckpointChange::Keep,
        }
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.head.is_none() && self.events.is_empty() && self.erased.is_empty()
    }

    /// Where the log is once this has been committed.
    pub fn next_stamp(&self) -> Stamp {
        Stamp {
            version: self.expected.version + self.events.len() as u64,
            revision: self.expected.revision + u64::from(self.events.is_empty()),
            ..self.expected
        }
    }

    /// Adds the change that was decided on top of this one.
    pub fn absorb(&mut self, later: Self) {
        self.head = later.head.or(self.head.take());
        self.events.extend(later.events);
        self.dropped.extend(later.dropped);
        self.hidden.extend(later.hidden);
        self.erased.extend(later.erased);
        if later.checkpoint != CheckpointChange::Keep {
            self.checkpoint = later.checkpoint;
        }
    }
}

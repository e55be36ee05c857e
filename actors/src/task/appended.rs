//! The events a command appended, shared with the commit they were part of.

use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::domain::{Change, Stamp, TaskEvent, TaskId};

/// The events a command appended, in index order. Use it as a slice.
#[derive(Clone, Debug)]
pub struct Appended {
    change: Arc<Change>,
    place: Range<usize>,
    /// Whether another request under the same key appended them.
    replayed: bool,
}

impl Appended {
    /// The events of `change` at `place`.
    pub(super) fn new(change: Arc<Change>, place: Range<usize>) -> Self {
        Self { change, place, replayed: false }
    }

    /// The events of a command that was committed by an earlier attempt.
    pub(super) fn again(id: &TaskId, stamp: Stamp, events: Vec<Arc<TaskEvent>>) -> Self {
        let place = 0..events.len();
        let change = Arc::new(Change { events, ..Change::empty(id.clone(), stamp) });
        Self { change, place, replayed: false }
    }

    /// The events of an earlier request under the same key.
    pub(crate) fn replayed(id: &TaskId, events: Vec<Arc<TaskEvent>>) -> Self {
        Self::again(id, Stamp::default(), events).of_somebody_else(true)
    }

    /// The same events, appended by another request or not.
    pub(super) fn of_somebody_else(self, replayed: bool) -> Self {
        Self { replayed, ..self }
    }

    /// Whether another request under the same key appended them.
    pub(crate) fn is_replayed(&self) -> bool {
        self.replayed
    }
}

impl Appended {
    /// Where the log is with these events, and with what was committed together with them.
    pub(super) fn stamp(&self) -> Stamp {
        if self.change.is_empty() { self.change.expected } else { self.change.next_stamp() }
    }
}

impl Deref for Appended {
    type Target = [Arc<TaskEvent>];

    fn deref(&self) -> &Self::Target {
        &self.change.events[self.place.clone()]
    }
}

impl PartialEq for Appended {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<'a> IntoIterator for &'a Appended {
    type Item = &'a Arc<TaskEvent>;
    type IntoIter = std::slice::Iter<'a, Arc<TaskEvent>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

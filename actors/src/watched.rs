//! Which tasks somebody in this engine waits for: readers, and publishes that wait for the numbers before them.
//!
//! The slow comparison with the store looks at these, and the count of readers is what other instances are told.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ahash::RandomState;
use parking_lot::Mutex;

use crate::domain::TaskId;

/// How many wait for one task.
#[derive(Default)]
struct Waiting {
    readers: u64,
    publishes: u64,
}

#[derive(Default)]
struct Inner {
    tasks: HashMap<TaskId, Waiting, RandomState>,
    /// Tasks whose count of readers changed since somebody asked; kept only when somebody will.
    changed: HashSet<TaskId, RandomState>,
}

/// See the module.
pub(crate) struct Watched {
    inner: Mutex<Inner>,
    /// Whether there are others to tell about changed counts.
    told: bool,
}

impl Watched {
    pub(crate) fn new(told: bool) -> Self {
        Self { inner: Mutex::default(), told }
    }

    fn change(&self, id: &TaskId, change: impl FnOnce(&mut Waiting)) {
        let mut inner = self.inner.lock();
        let waiting = inner.tasks.entry(id.clone()).or_default();
        let before = waiting.readers;
        change(waiting);
        let (readers, publishes) = (waiting.readers, waiting.publishes);
        if readers == 0 && publishes == 0 {
            inner.tasks.remove(id);
        }
        if self.told && readers != before {
            inner.changed.insert(id.clone());
        }
    }

    /// Counts a reader until the mark is dropped.
    pub(crate) fn reader(self: &Arc<Self>, id: &TaskId) -> ReaderMark {
        self.change(id, |waiting| waiting.readers += 1);
        ReaderMark { watched: Arc::clone(self), id: id.clone() }
    }

    /// Counts a publish that waits until the mark is dropped.
    pub(crate) fn publish(self: &Arc<Self>, id: &TaskId) -> PublishMark {
        self.change(id, |waiting| waiting.publishes += 1);
        PublishMark { watched: Arc::clone(self), id: id.clone() }
    }

    /// How many readers the task has in this engine.
    pub(crate) fn readers(&self, id: &TaskId) -> u64 {
        self.inner.lock().tasks.get(id).map_or(0, |waiting| waiting.readers)
    }

    /// Every task that somebody waits for.
    pub(crate) fn tasks(&self) -> Vec<TaskId> {
        self.inner.lock().tasks.keys().cloned().collect()
    }

    /// Every task with readers, and how many. What changed before is part of it.
    pub(crate) fn all_readers(&self) -> Vec<(TaskId, u64)> {
        let mut inner = self.inner.lock();
        inner.changed.clear();
        let read = inner.tasks.iter().filter(|(_, waiting)| waiting.readers > 0);
        read.map(|(id, waiting)| (id.clone(), waiting.readers)).collect()
    }

    /// The tasks whose count of readers changed since the last call, with the counts of now.
    pub(crate) fn take_changed(&self) -> Vec<(TaskId, u64)> {
        let mut inner = self.inner.lock();
        let changed = std::mem::take(&mut inner.changed);
        let count = |id: &TaskId| inner.tasks.get(id).map_or(0, |waiting| waiting.readers);
        changed.into_iter().map(|id| (id.clone(), count(&id))).collect()
    }
}

/// One reader of a task; it counts until it is dropped.
pub(crate) struct ReaderMark {
    watched: Arc<Watched>,
    id: TaskId,
}

impl Drop for ReaderMark {
    fn drop(&mut self) {
        self.watched.change(&self.id, |waiting| waiting.readers -= 1);
    }
}

/// One publish that waits; it counts until it is dropped.
pub(crate) struct PublishMark {
    watched: Arc<Watched>,
    id: TaskId,
}

impl Drop for PublishMark {
    fn drop(&mut self) {
        self.watched.change(&self.id, |waiting| waiting.publishes -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_count_while_they_are_there_and_changes_are_told_once() {
        let watched = Arc::new(Watched::new(true));
        let id = TaskId::parse("t").unwrap();
        let readers = [watched.reader(&id), watched.reader(&id)];
        assert_eq!(watched.readers(&id), 2);
        assert_eq!(watched.take_changed(), [(id.clone(), 2)]);
        assert_eq!(watched.take_changed(), []);
        drop(readers);
        assert_eq!(watched.take_changed(), [(id.clone(), 0)]);
        assert!(watched.tasks().is_empty());
    }

    #[test]
    fn a_waiting_publish_is_watched_and_is_no_reader() {
        let watched = Arc::new(Watched::new(true));
        let id = TaskId::parse("t").unwrap();
        let mark = watched.publish(&id);
        assert_eq!((watched.tasks(), watched.readers(&id)), (vec![id.clone()], 0));
        assert!(watched.take_changed().is_empty());
        drop(mark);
        assert!(watched.tasks().is_empty());
    }
}

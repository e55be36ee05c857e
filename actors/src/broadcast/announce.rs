//! What this instance tells the others, and how it is written.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Release};

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::domain::{Change, EventRecord, Stamp, TaskId};

/// Announcements that may wait for the bus. More are dropped: the bus is a hint, and the slow poll repairs.
pub(super) const MAX_WAITING: usize = 4096;
/// Larger announcements go without their events: the others read them from the store.
const MAX_EVENTS_BYTES: usize = 64 * 1024;
/// An announcement begins with who made it and its number, so that its own maker need not read it.
const PREFIX: usize = 16;

/// What was committed, as it goes over the bus.
#[derive(Serialize, Deserialize)]
pub(super) struct Announcement {
    pub(super) before: Stamp,
    pub(super) after: Stamp,
    pub(super) head_changed: bool,
    pub(super) events: Vec<EventRecord>,
}

impl Announcement {
    fn of(change: &Change) -> Self {
        let small = change.events.iter().map(|event| event.weight()).sum::<usize>() <= MAX_EVENTS_BYTES;
        let events = change.events.iter().filter(|_| small).map(|event| EventRecord::of(event)).collect();
        Self {
            before: change.expected,
            after: change.next_stamp(),
            head_changed: change.head.is_some(),
            events,
        }
    }

    /// The announcement with room for the prefix before it.
    fn written(&self) -> Vec<u8> {
        let mut text = vec![0; PREFIX];
        serde_json::to_writer(&mut text, self).expect("an announcement serialises");
        text
    }
}

/// Who announced something, and as which of its announcements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) instance: u64,
    pub(super) number: u64,
}

impl Origin {
    fn write(self, text: &mut [u8]) {
        text[..8].copy_from_slice(&self.instance.to_be_bytes());
        text[8..PREFIX].copy_from_slice(&self.number.to_be_bytes());
    }

    /// The origin of a message and the rest of it; `None` if it is no announcement.
    pub(super) fn read(message: &[u8]) -> Option<(Self, &[u8])> {
        let (instance, rest) = message.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let origin = Self { instance: u64::from_be_bytes(*instance), number: u64::from_be_bytes(*number) };
        Some((origin, rest))
    }
}

/// One message for the bus.
pub(crate) struct Outgoing {
    pub(super) task_id: TaskId,
    pub(super) number: u64,
    pub(super) message: Bytes,
}

/// How far numbering is.
#[derive(Default)]
struct Numbers {
    /// The newest number given.
    last: u64,
    /// The newest number of an announcement that went into the queue.
    queued: u64,
}

struct Line {
    instance: u64,
    sender: mpsc::Sender<Outgoing>,
    numbers: Mutex<Numbers>,
    /// The newest number in the queue that the bus has taken or refused.
    settled: AtomicU64,
}

/// Where task actors drop their announcements, numbered in their order. Without a bus it does nothing.
///
/// A number is used up also when its announcement is dropped or fails, so that others see the hole.
#[derive(Clone, Default)]
pub(crate) struct Announcer(Option<Arc<Line>>);

impl Announcer {
    pub(super) fn new(sender: mpsc::Sender<Outgoing>) -> Self {
        let (numbers, settled) = (Mutex::default(), AtomicU64::new(0));
        Self(Some(Arc::new(Line { instance: fastrand::u64(..), sender, numbers, settled })))
    }

    /// Who this instance is to the others; 0 when there are none.
    pub(crate) fn instance(&self) -> u64 {
        self.0.as_ref().map_or(0, |line| line.instance)
    }

    /// Whether there are others to tell.
    pub(crate) fn has_bus(&self) -> bool {
        self.0.is_some()
    }

    /// Tells the others about `change`, or nobody when too much waits. Says whether it was left out.
    #[must_use]
    pub(crate) fn announce(&self, change: &Arc<Change>) -> bool {
        let Some(line) = &self.0 else { return false };
        let mut text = Announcement::of(change).written();
        let mut numbers = line.numbers.lock();
        numbers.last += 1;
        let number = numbers.last;
        Origin { instance: line.instance, number }.write(&mut text);
        let outgoing = Outgoing { task_id: change.task_id.clone(), number, message: Bytes::from(text) };
        let left_out = line.sender.try_send(outgoing).is_err();
        if left_out {
            tracing::debug!(task = %change.task_id, "the bus is behind: an announcement was left out");
        } else {
            numbers.queued = number;
        }
        left_out
    }

    /// Something was committed, or perhaps was, that cannot be announced: the others will miss a number.
    pub(crate) fn leave_out(&self) {
        if let Some(line) = &self.0 {
            line.numbers.lock().last += 1;
        }
    }

    /// The bus has taken or refused the announcement `number` and all before it.
    pub(super) fn settle(&self, number: u64) {
        if let Some(line) = &self.0 {
            line.settled.store(number, Release);
        }
    }

    /// The newest number given.
    pub(super) fn last(&self) -> u64 {
        self.0.as_ref().map_or(0, |line| line.numbers.lock().last)
    }

    /// The number up to which nothing is on its way any more.
    pub(super) fn settled(&self) -> u64 {
        let Some(line) = &self.0 else { return 0 };
        let numbers = line.numbers.lock();
        let settled = line.settled.load(Acquire);
        if settled >= numbers.queued { numbers.last } else { settled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change() -> Arc<Change> {
        let id = TaskId::parse("t").unwrap();
        Arc::new(Change::empty(id, Stamp { incarnation: 7, version: 3, revision: 0 }))
    }

    #[test]
    fn a_dropped_announcement_uses_up_its_number() {
        let (sender, mut queue) = mpsc::channel(1);
        let announcer = Announcer::new(sender);
        let left_out = [announcer.announce(&change()), announcer.announce(&change())];
        assert_eq!(left_out, [false, true]);
        announcer.leave_out();
        assert_eq!((announcer.last(), announcer.settled()), (3, 0));
        let first = queue.try_recv().unwrap();
        assert_eq!(first.number, 1);
        announcer.settle(1);
        assert_eq!(announcer.settled(), 3, "nothing is on its way");
        assert!(!announcer.announce(&change()));
        assert_eq!((queue.try_recv().unwrap().number, announcer.settled()), (4, 1));
    }

    #[test]
    fn an_announcement_says_who_made_it_and_its_number() {
        let (sender, mut queue) = mpsc::channel(1);
        let announcer = Announcer::new(sender);
        assert!(!announcer.announce(&change()));
        let sent = queue.try_recv().unwrap();
        let (origin, text) = Origin::read(&sent.message).unwrap();
        assert_eq!(origin, Origin { instance: announcer.instance(), number: 1 });
        let read: Announcement = serde_json::from_slice(text).unwrap();
        assert_eq!(read.before, change().expected);
        assert!(Origin::read(b"too short").is_none());
    }
}

//! What this instance tells the others, and how it is written.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::domain::{Change, EventRecord, Stamp, TaskId};

/// Announcements that may wait for the bus. More are dropped: the bus is a hint, and the slow poll repairs.
pub(super) const MAX_WAITING: usize = 4096;
/// Larger announcements go without their events: the others read them from the store.
const MAX_EVENTS_BYTES: usize = 64 * 1024;

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
}

/// One message for the bus.
pub(crate) struct Outgoing {
    pub(super) task_id: TaskId,
    pub(super) message: Bytes,
}

/// Where task actors drop their announcements. Without a bus it does nothing.
#[derive(Clone, Default)]
pub(crate) struct Announcer(Option<mpsc::Sender<Outgoing>>);

impl Announcer {
    pub(super) fn new(sender: mpsc::Sender<Outgoing>) -> Self {
        Self(Some(sender))
    }

    /// Tells the others about `change`, or nobody when too much waits.
    pub(crate) fn announce(&self, change: &Arc<Change>) {
        let Some(sender) = &self.0 else { return };
        let text = serde_json::to_vec(&Announcement::of(change)).expect("an announcement serialises");
        let outgoing = Outgoing { task_id: change.task_id.clone(), message: Bytes::from(text) };
        if sender.try_send(outgoing).is_err() {
            tracing::debug!(task = %change.task_id, "the bus is behind: an announcement was left out");
        }
    }
}

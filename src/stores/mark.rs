//! What becomes of events after they were appended, as stores note it.

use std::sync::Arc;

use taskcast_actors::ports::Slot;

/// What has happened to an event since it was appended. A greater one includes the lesser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// No view shows it.
    Hidden,
    /// Its payload is gone; its place, id, type, level and series stay known.
    Dropped,
    /// Its payload and its series are gone.
    Erased,
}

impl Mark {
    /// What `slot` is once this has happened to it as well.
    pub fn applied_to(self, slot: Slot) -> Slot {
        match (self, slot) {
            (Self::Hidden, Slot::Visible(event)) => Slot::Hidden(event),
            (Self::Hidden, other) => other,
            (_, Slot::Visible(event) | Slot::Hidden(event)) => Slot::Gone {
                index: event.index,
                id: event.id.clone(),
                timestamp: event.timestamp,
                event_type: Arc::clone(&event.event_type),
                level: event.level,
                series: event
                    .series_key()
                    .filter(|_| self == Self::Dropped)
                    .map(|(series, _)| Arc::clone(series)),
            },
            (Self::Erased, Slot::Gone { index, id, timestamp, event_type, level, .. }) => {
                Slot::Gone { index, id, timestamp, event_type, level, series: None }
            }
            (Self::Dropped, gone) => gone,
        }
    }
}

//! How what Redis says of a task becomes what Postgres takes.

use taskcast_actors::domain::Stamp;
use taskcast_actors::ports::Slot;

use crate::stores::postgres::{ArchivePiece, GoneSlot, SlotState};
use crate::stores::redis::Snapshot;

/// The piece that brings the archive from `expected` to where `snapshot` was taken, as far as that has the events.
pub(super) fn of(snapshot: &Snapshot, expected: Option<Stamp>) -> ArchivePiece {
    let touched = snapshot.touched.iter().map(|slot| (slot.index, SlotState::Marked(slot.mark)));
    ArchivePiece {
        id: snapshot.head.task.id.clone(),
        stamp: snapshot.stamp,
        expected,
        over: snapshot.over.clone(),
        head: snapshot.head.clone(),
        checkpoint: snapshot.checkpoint.clone(),
        slots: touched.chain(snapshot.slots.iter().map(state)).collect(),
    }
}

/// A slot with its index.
pub(super) fn state(slot: &Slot) -> (u64, SlotState) {
    let state = match slot {
        Slot::Visible(event) => SlotState::Visible(event.clone()),
        Slot::Hidden(event) => SlotState::Hidden(event.clone()),
        Slot::Gone { id, timestamp, event_type, level, series, .. } => SlotState::Gone(GoneSlot {
            id: id.clone(),
            timestamp: *timestamp,
            event_type: event_type.clone(),
            level: *level,
            series: series.clone(),
        }),
    };
    (slot.index(), state)
}

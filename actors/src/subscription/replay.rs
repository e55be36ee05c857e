//! Reading the log from the store on behalf of one reader.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Replayed;
use crate::domain::{EventFilter, SeriesTable, TaskEvent, TaskId, Timestamp};
use crate::engine::Engine;
use crate::ports::{Page, Range, Slot, StoreError};

/// How accumulate events of the replay are shown.
pub(super) enum Deltas {
    /// As they are.
    Plain,
    /// Only these snapshots, at their indexes.
    Collapsed(VecDeque<Arc<TaskEvent>>),
    /// With running values, folded from the first event of the log.
    Folded(SeriesTable),
}

/// A part of the log to read.
pub(super) struct Replay {
    /// The next index to read; lower than what the reader needs while values are folded.
    pub(super) at: u64,
    /// The index behind the last one to read.
    pub(super) to: u64,
    /// How deltas are shown.
    pub(super) shown: Deltas,
    /// Only later events are delivered.
    pub(super) later_than: Option<Timestamp>,
}

impl Replay {
    /// Every visible event from `from` to `to`.
    pub(super) fn uncollapsed(from: u64, to: u64, accumulated: bool) -> Self {
        let (at, shown) = match accumulated {
            true => (0, Deltas::Folded(SeriesTable::default())),
            false => (from, Deltas::Plain),
        };
        Self { at, to, shown, later_than: None }
    }

    /// Whether the payloads of accumulate events have to be read.
    pub(super) fn deltas(&self) -> bool {
        !matches!(self.shown, Deltas::Collapsed(_))
    }

    /// Takes a page in; `(next, rank)` is the reader's place, which moves along.
    pub(super) fn take(
        &mut self,
        page: &Page,
        filter: &EventFilter,
        (next, rank): (&mut u64, &mut u64),
    ) -> Vec<Replayed> {
        let mut delivered = Vec::new();
        self.at = page.next;
        for slot in &page.slots {
            let shown = self.show(slot);
            if slot.index() < *next {
                continue;
            }
            *next = slot.index() + 1;
            if !wants(filter, slot) {
                continue;
            }
            let late = |event: &TaskEvent| self.later_than.is_none_or(|time| event.timestamp > time);
            if let Some(event) = shown.filter(|event| late(event)) {
                delivered.push(Replayed { rank: *rank, event });
            }
            *rank += 1;
        }
        delivered
    }

    /// What a reader sees at this place, if anything.
    fn show(&mut self, slot: &Slot) -> Option<Arc<TaskEvent>> {
        match (&mut self.shown, slot) {
            (Deltas::Collapsed(snapshots), slot) => {
                while snapshots.front().is_some_and(|snapshot| snapshot.index < slot.index()) {
                    snapshots.pop_front();
                }
                if snapshots.front().is_some_and(|snapshot| snapshot.index == slot.index()) {
                    return snapshots.pop_front();
                }
                match slot {
                    Slot::Visible(event) if event.accumulates().is_none() => Some(Arc::clone(event)),
                    _ => None,
                }
            }
            (Deltas::Plain, Slot::Visible(event)) => Some(Arc::clone(event)),
            (Deltas::Folded(series), Slot::Visible(event)) => {
                series.apply(event);
                let running = event.accumulates().and_then(|_| series.running_value(event));
                Some(match running {
                    Some(data) => Arc::new(TaskEvent { data, ..(**event).clone() }),
                    None => Arc::clone(event),
                })
            }
            (Deltas::Folded(series), Slot::Hidden(event)) => {
                series.apply(event);
                None
            }
            _ => None,
        }
    }
}

pub(super) fn wants(filter: &EventFilter, slot: &Slot) -> bool {
    match slot {
        Slot::Visible(event) | Slot::Hidden(event) => filter.matches(event),
        Slot::Gone { event_type, level, .. } => filter.wants(event_type, *level),
    }
}

/// A page of the log `incarnation`.
pub(super) async fn read(
    engine: &Engine,
    id: &TaskId,
    incarnation: u64,
    (from, to): (u64, u64),
    deltas: bool,
) -> Result<Page, StoreError> {
    let range = Range { incarnation: Some(incarnation), deltas, ..Range::new(from, to) };
    engine.shared().store.events(id, range).await
}

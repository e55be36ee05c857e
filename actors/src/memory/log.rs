//! One task's log in memory.

use std::sync::Arc;

use crate::domain::{
    Change, Checkpoint, CheckpointChange, EventId, Head, Level, Stamp, TaskEvent, Timestamp,
};
use crate::ports::{Loaded, NewLog, Page, Range, Seek, Slot, StoreError};

/// What is left of an event whose payload is gone.
struct Tombstone {
    id: EventId,
    timestamp: Timestamp,
    event_type: Arc<str>,
    level: Level,
    series: Option<Arc<str>>,
}

enum Cell {
    Visible(Arc<TaskEvent>),
    Hidden(Arc<TaskEvent>),
    Gone(Box<Tombstone>),
}

impl Cell {
    fn event(&self) -> Option<&Arc<TaskEvent>> {
        match self {
            Self::Visible(event) | Self::Hidden(event) => Some(event),
            Self::Gone(_) => None,
        }
    }

    fn id(&self) -> &EventId {
        match self {
            Self::Visible(event) | Self::Hidden(event) => &event.id,
            Self::Gone(tombstone) => &tombstone.id,
        }
    }

    fn timestamp(&self) -> Timestamp {
        match self {
            Self::Visible(event) | Self::Hidden(event) => event.timestamp,
            Self::Gone(tombstone) => tombstone.timestamp,
        }
    }

    fn hide(&mut self) {
        if let Self::Visible(event) = self {
            *self = Self::Hidden(Arc::clone(event));
        }
    }

    fn drop_payload(&mut self, keep_series: bool) {
        match self {
            Self::Visible(event) | Self::Hidden(event) => {
                *self = Self::Gone(Box::new(tombstone(event, keep_series)));
            }
            Self::Gone(tombstone) if !keep_series => tombstone.series = None,
            Self::Gone(_) => {}
        }
    }

    fn slot(&self, index: u64, deltas: bool) -> Slot {
        match self {
            Self::Visible(event) | Self::Hidden(event) if !deltas && event.accumulates().is_some() => {
                Slot::Gone {
                    index,
                    id: event.id.clone(),
                    timestamp: event.timestamp,
                    event_type: Arc::clone(&event.event_type),
                    level: event.level,
                    series: event.accumulates().cloned(),
                }
            }
            Self::Visible(event) => Slot::Visible(Arc::clone(event)),
            Self::Hidden(event) => Slot::Hidden(Arc::clone(event)),
            Self::Gone(tombstone) => Slot::Gone {
                index,
                id: tombstone.id.clone(),
                timestamp: tombstone.timestamp,
                event_type: Arc::clone(&tombstone.event_type),
                level: tombstone.level,
                series: tombstone.series.clone(),
            },
        }
    }
}

fn tombstone(event: &TaskEvent, keep_series: bool) -> Tombstone {
    Tombstone {
        id: event.id.clone(),
        timestamp: event.timestamp,
        event_type: Arc::clone(&event.event_type),
        level: event.level,
        series: event.series_key().map(|(id, _)| Arc::clone(id)).filter(|_| keep_series),
    }
}

/// Head, stamp and cells of one task.
pub(super) struct Log {
    pub(super) head: Arc<Head>,
    pub(super) stamp: Stamp,
    cells: Vec<Cell>,
    checkpoint: Option<Checkpoint>,
}

impl Log {
    pub(super) fn of(new: NewLog) -> Self {
        let mut cells: Vec<Cell> = new.events.into_iter().map(Cell::Visible).collect();
        for index in new.hidden {
            cells[position(index)].hide();
        }
        let stamp = Stamp { incarnation: new.incarnation, version: cells.len() as u64, revision: 0 };
        Self { head: new.head, stamp, cells, checkpoint: None }
    }

    pub(super) fn commit(&mut self, change: &Change) {
        if let Some(head) = &change.head {
            self.head = Arc::clone(head);
        }
        self.cells.extend(change.events.iter().map(|event| Cell::Visible(Arc::clone(event))));
        for index in &change.hidden {
            self.cells[position(*index)].hide();
        }
        for index in &change.dropped {
            self.cells[position(*index)].drop_payload(true);
        }
        for index in &change.erased {
            self.cells[position(*index)].drop_payload(false);
        }
        match &change.checkpoint {
            CheckpointChange::Keep => {}
            CheckpointChange::Put(checkpoint) => self.checkpoint = Some(checkpoint.clone()),
            CheckpointChange::Remove => self.checkpoint = None,
        }
        self.stamp = change.next_stamp();
    }

    pub(super) fn loaded(&self) -> Loaded {
        Loaded { head: Arc::clone(&self.head), stamp: self.stamp, checkpoint: self.checkpoint.clone() }
    }

    pub(super) fn page(&self, range: Range) -> Result<Page, StoreError> {
        if range.incarnation.is_some_and(|wanted| wanted != self.stamp.incarnation) {
            return Err(StoreError::Gone);
        }
        let (from, to) = (position(range.from), position(range.to).min(self.cells.len()));
        let mut page = Page { slots: Vec::new(), next: range.from };
        let mut bytes = 0;
        for cell in self.cells.get(from..to).unwrap_or_default().iter().take(range.max_slots.max(1)) {
            if bytes >= range.max_bytes && !page.slots.is_empty() {
                break;
            }
            bytes += cell.event().map_or(0, |event| event.data.as_str().len());
            page.slots.push(cell.slot(page.next, range.deltas));
            page.next += 1;
        }
        Ok(page)
    }

    pub(super) fn seek(&self, seek: &Seek) -> Option<u64> {
        match seek {
            Seek::Id(id) => self.find(id),
            Seek::After(at) => Some(self.first_later_than(*at) as u64),
        }
    }

    /// Imported logs may hold any times, all others are sorted by time.
    fn first_later_than(&self, at: Timestamp) -> usize {
        if self.head.imported {
            let later = self.cells.iter().position(|cell| cell.timestamp() > at);
            return later.unwrap_or(self.cells.len());
        }
        self.cells.partition_point(|cell| cell.timestamp() <= at)
    }

    fn find(&self, id: &EventId) -> Option<u64> {
        let hinted = id
            .index_hint()
            .filter(|index| self.cells.get(position(*index)).is_some_and(|cell| cell.id() == id));
        if hinted.is_some() || !self.head.imported {
            return hinted;
        }
        self.cells.iter().position(|cell| cell.id() == id).map(|position| position as u64)
    }
}

fn position(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

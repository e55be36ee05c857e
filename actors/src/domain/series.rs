//! Series: what the newest value of each is, in O(delta) per event (PROTOCOL §8.3).

use std::collections::HashMap;
use std::sync::Arc;

use super::Json;
use super::event::{SeriesMode, TaskEvent};
use super::filter::EventFilter;

/// The newest accumulate event of a series and its running text.
#[derive(Clone, Debug)]
struct Running {
    event: Arc<TaskEvent>,
    /// The inside of the string literal at the event's field, still escaped: escaped pieces concatenate to the
    /// escaped whole. `None` when the field holds no string.
    text: Option<String>,
    /// The snapshot made of the two, shared by all who ask until the next delta.
    snapshot: Option<Arc<TaskEvent>>,
}

impl Running {
    fn value(&self) -> Json {
        match &self.text {
            Some(text) => self.event.data.with_string_member(self.event.acc_field(), text),
            None => self.event.data.clone(),
        }
    }

    /// The event that stands for all deltas of the series, at its newest one.
    fn snapshot(&mut self) -> Arc<TaskEvent> {
        if let Some(made) = &self.snapshot {
            return Arc::clone(made);
        }
        let made = Arc::new(TaskEvent { data: self.value(), snapshot: true, ..(*self.event).clone() });
        self.snapshot = Some(Arc::clone(&made));
        made
    }
}

#[derive(Clone, Debug)]
struct Entry {
    last: Arc<TaskEvent>,
    running: Option<Running>,
    newest_latest: Option<u64>,
    /// Whether all deltas had the same type and level, so that a filter wants all of them or none.
    uniform: bool,
}

impl Entry {
    /// The escaped string at `field` of the series state.
    fn state_string(&self, field: &str) -> Option<&str> {
        match &self.running {
            Some(running) if running.event.index == self.last.index && running.event.acc_field() == field => {
                running.text.as_deref()
            }
            _ => self.last.data.string_member(field),
        }
    }

    /// Whether a fold without the newest event but with `event` knows as much: a numbering client's place in its
    /// own numbering must not be lost.
    fn may_lose_last_to(&self, event: &TaskEvent) -> bool {
        let Some(client) = self.last.client.as_deref() else { return true };
        event.client.as_deref().is_some_and(|later| later.id == client.id)
    }

    fn add_delta(&mut self, event: &Arc<TaskEvent>) {
        if let Some(before) = &self.running {
            let same = before.event.event_type == event.event_type && before.event.level == event.level;
            self.uniform &= same;
        }
        let field = event.acc_field();
        let own = event.data.string_member(field);
        let appends = self.running.as_ref().is_some_and(|running| {
            running.event.index == self.last.index
                && running.event.acc_field() == field
                && running.text.is_some()
        });
        let text = match (own, appends) {
            (Some(own), true) => {
                let mut text = self.running.take().and_then(|running| running.text).unwrap_or_default();
                text.push_str(own);
                Some(text)
            }
            (Some(own), false) => {
                let before = self.state_string(field).unwrap_or_default();
                Some([before, own].concat())
            }
            (None, _) => None,
        };
        self.running = Some(Running { event: Arc::clone(event), text, snapshot: None });
    }
}

/// What happens to the event that a new `latest` event supersedes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Superseded {
    /// Nobody will ask for it again: its payload may go.
    Drop(u64),
    /// It is hidden, but a running value was built on it, or a client's numbering ends with it, so a fold of the log
    /// still needs it.
    Hide(u64),
}

/// The state of every series of one task.
#[derive(Clone, Debug, Default)]
pub struct SeriesTable {
    entries: HashMap<Arc<str>, Entry>,
}

impl SeriesTable {
    /// Takes `event` in, if it belongs to a series. Says which event it supersedes.
    pub fn apply(&mut self, event: &Arc<TaskEvent>) -> Option<Superseded> {
        let (id, mode) = event.series_key()?;
        if !self.entries.contains_key(id) {
            self.entries.insert(Arc::clone(id), first_of(event, mode));
            return None;
        }
        let entry = self.entries.get_mut(id)?;
        let mut superseded = None;
        if mode == SeriesMode::Latest {
            let droppable = entry.may_lose_last_to(event);
            superseded = entry.newest_latest.replace(event.index).map(|index| {
                let drop = entry.last.index == index && droppable;
                if drop { Superseded::Drop(index) } else { Superseded::Hide(index) }
            });
        } else {
            entry.add_delta(event);
        }
        entry.last = Arc::clone(event);
        superseded
    }

    /// The running value at the newest accumulate event of the series of `event`, which must be that event.
    pub fn running_value(&self, event: &TaskEvent) -> Option<Json> {
        let running = self.entries.get(event.accumulates()?)?.running.as_ref()?;
        (running.event.index == event.index).then(|| running.value())
    }

    /// What a reader with `filter` sees instead of all deltas so far: one snapshot per series, in index order.
    /// `None` when some series has deltas of several types or levels and the filter does not want the newest:
    /// then only the log can tell.
    pub fn collapsed(&mut self, filter: &EventFilter) -> Option<Vec<Arc<TaskEvent>>> {
        let mut snapshots = Vec::new();
        for entry in self.entries.values_mut() {
            let uniform = entry.uniform;
            let Some(running) = entry.running.as_mut() else { continue };
            if filter.matches(&running.event) {
                snapshots.push(running.snapshot());
            } else if !uniform {
                return None;
            }
        }
        snapshots.sort_by_key(|event| event.index);
        Some(snapshots)
    }

    /// Bytes that the running texts hold.
    pub fn weight(&self) -> usize {
        let text = |entry: &Entry| entry.running.as_ref().and_then(|r| r.text.as_ref().map(String::len));
        self.entries.values().map(|entry| text(entry).unwrap_or(0) + 64).sum()
    }

    /// What a checkpoint has to keep of every series.
    pub fn parts(&self) -> impl Iterator<Item = SeriesParts<'_>> {
        self.entries.values().map(|entry| SeriesParts {
            last: &entry.last,
            running: entry.running.as_ref().map(|running| (&running.event, running.text.as_deref())),
            newest_latest: entry.newest_latest,
            uniform: entry.uniform,
        })
    }

    /// Puts back what [`SeriesTable::parts`] gave out.
    pub fn restore(&mut self, parts: OwnedSeriesParts) {
        let Some((id, _)) = parts.last.series_key() else { return };
        let id = Arc::clone(id);
        let running = parts.running.map(|(event, text)| Running { event, text, snapshot: None });
        let entry =
            Entry { last: parts.last, running, newest_latest: parts.newest_latest, uniform: parts.uniform };
        self.entries.insert(id, entry);
    }
}

/// One series of a checkpoint, borrowed.
pub struct SeriesParts<'a> {
    pub last: &'a Arc<TaskEvent>,
    pub running: Option<(&'a Arc<TaskEvent>, Option<&'a str>)>,
    pub newest_latest: Option<u64>,
    pub uniform: bool,
}

/// One series of a checkpoint, owned.
pub struct OwnedSeriesParts {
    pub last: Arc<TaskEvent>,
    pub running: Option<(Arc<TaskEvent>, Option<String>)>,
    pub newest_latest: Option<u64>,
    pub uniform: bool,
}

fn first_of(event: &Arc<TaskEvent>, mode: SeriesMode) -> Entry {
    let mut entry = Entry { last: Arc::clone(event), running: None, newest_latest: None, uniform: true };
    if mode == SeriesMode::Latest {
        entry.newest_latest = Some(event.index);
    } else {
        let text = event.data.string_member(event.acc_field()).map(str::to_owned);
        entry.running = Some(Running { event: Arc::clone(event), text, snapshot: None });
    }
    entry
}

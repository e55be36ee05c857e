//! Series: what the newest value of each is, in O(delta) per event (PROTOCOL §8.3).

use std::collections::HashMap;
use std::sync::Arc;

use super::Json;
use super::event::{SeriesMode, TaskEvent};

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
}

#[derive(Clone, Debug)]
struct Entry {
    last: Arc<TaskEvent>,
    running: Option<Running>,
    newest_latest: Option<u64>,
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

    fn add_delta(&mut self, event: &Arc<TaskEvent>) {
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
    /// It is hidden, but a running value was built on it, so a fold of the log still needs it.
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
            superseded = entry.newest_latest.replace(event.index).map(|index| {
                if entry.last.index == index { Superseded::Drop(index) } else { Superseded::Hide(index) }
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

    /// The newest accumulate event of every series, as it is in the log.
    pub fn newest_deltas(&self) -> impl Iterator<Item = &Arc<TaskEvent>> {
        self.entries.values().filter_map(|entry| entry.running.as_ref().map(|running| &running.event))
    }

    /// The snapshot that stands for all deltas of the series `id`, at its newest one.
    pub fn snapshot(&mut self, id: &str) -> Option<Arc<TaskEvent>> {
        let running = self.entries.get_mut(id)?.running.as_mut()?;
        if running.snapshot.is_none() {
            let data = running.value();
            running.snapshot = Some(Arc::new(TaskEvent { data, snapshot: true, ..(*running.event).clone() }));
        }
        running.snapshot.clone()
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
        })
    }

    /// Puts back what [`SeriesTable::parts`] gave out.
    pub fn restore(&mut self, parts: OwnedSeriesParts) {
        let Some((id, _)) = parts.last.series_key() else { return };
        let id = Arc::clone(id);
        let running = parts.running.map(|(event, text)| Running { event, text, snapshot: None });
        let entry = Entry { last: parts.last, running, newest_latest: parts.newest_latest };
        self.entries.insert(id, entry);
    }
}

/// One series of a checkpoint, borrowed.
pub struct SeriesParts<'a> {
    pub last: &'a Arc<TaskEvent>,
    pub running: Option<(&'a Arc<TaskEvent>, Option<&'a str>)>,
    pub newest_latest: Option<u64>,
}

/// One series of a checkpoint, owned.
pub struct OwnedSeriesParts {
    pub last: Arc<TaskEvent>,
    pub running: Option<(Arc<TaskEvent>, Option<String>)>,
    pub newest_latest: Option<u64>,
}

fn first_of(event: &Arc<TaskEvent>, mode: SeriesMode) -> Entry {
    let mut entry = Entry { last: Arc::clone(event), running: None, newest_latest: None };
    if mode == SeriesMode::Latest {
        entry.newest_latest = Some(event.index);
    } else {
        let text = event.data.string_member(event.acc_field()).map(str::to_owned);
        entry.running = Some(Running { event: Arc::clone(event), text, snapshot: None });
    }
    entry
}

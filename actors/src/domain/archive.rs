//! A task as one document, and back (PROTOCOL §14).

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::Timestamp;
use super::event::TaskEvent;
use super::series::SeriesTable;
use super::task::{Head, Task};

/// The schema name in every archive.
pub const SCHEMA: &str = "taskcast.taskArchive";
/// The version of the form in every archive.
pub const VERSION: u32 = 1;

/// An archive that passed every check of PROTOCOL §14.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// The task, verbatim.
    pub task: Task,
    /// Its events with indexes 0, 1, 2, ….
    pub events: Vec<Arc<TaskEvent>>,
}

impl Archive {
    /// The head of the imported task: no timer runs.
    pub fn head(&self) -> Head {
        Head { imported: true, ..Head::of(self.task.clone()) }
    }
}

/// Puts the events of a log into the order and form of an archive: one event of each series, everything else as
/// it is.
#[derive(Default)]
pub struct Collector {
    kept: Vec<Option<Arc<TaskEvent>>>,
    places: HashMap<Arc<str>, usize>,
    newest: HashMap<Arc<str>, Arc<TaskEvent>>,
    series: SeriesTable,
}

impl Collector {
    /// Takes the next event of the log, visible or hidden.
    pub fn event(&mut self, event: &Arc<TaskEvent>) {
        match event.series_key() {
            None => self.kept.push(Some(Arc::clone(event))),
            Some((id, _)) => {
                self.place(id);
                self.series.apply(event);
                self.newest.insert(Arc::clone(id), Arc::clone(event));
            }
        }
    }

    /// Takes an event of which only its series is left.
    pub fn gone(&mut self, series: &Arc<str>) {
        self.place(series);
    }

    fn place(&mut self, series: &Arc<str>) {
        if !self.places.contains_key(series) {
            self.places.insert(Arc::clone(series), self.kept.len());
            self.kept.push(None);
        }
    }

    /// The events of the archive, indexed from 0.
    pub fn finish(mut self) -> Vec<TaskEvent> {
        for (series, place) in &self.places {
            self.kept[*place] = self.newest.remove(series);
        }
        let values = self.series;
        let kept = self.kept.into_iter().flatten().enumerate();
        kept.map(|(index, event)| {
            let data = values.running_value(&event).unwrap_or_else(|| event.data.clone());
            TaskEvent { index: index as u64, data, ..(*event).clone() }
        })
        .collect()
    }
}

/// Appends the document to `out`.
pub fn write(task: &Task, events: &[TaskEvent], exported_at: Timestamp, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Opening<'a> {
        schema: &'a str,
        version: u32,
        exported_at: Timestamp,
        task: &'a Task,
    }
    let opening = Opening { schema: SCHEMA, version: VERSION, exported_at, task };
    serde_json::to_writer(&mut *out, &opening).expect("a task serialises");
    out.pop();
    out.extend_from_slice(b",\"events\":[");
    for (position, event) in events.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        event.write_raw(out);
    }
    out.extend_from_slice(b"]}");
}

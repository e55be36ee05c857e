//! Collapse: of each accumulate series only the newest listed event stays, with its running value (PROTOCOL §8.4).

use std::collections::HashMap;
use std::sync::Arc;

use super::Json;
use super::event::TaskEvent;
use super::series::SeriesTable;

struct Newest {
    place: usize,
    /// Made when an event that is not listed moves the series on.
    value: Option<Json>,
}

/// Collapses a list of events while the log is folded from its first event.
#[derive(Default)]
pub struct Collapser {
    series: SeriesTable,
    listed: Vec<Option<Arc<TaskEvent>>>,
    newest: HashMap<Arc<str>, Newest>,
}

impl Collapser {
    /// Takes the next event of the log; `listed` says whether it is in the list.
    pub fn take(&mut self, event: &Arc<TaskEvent>, listed: bool) {
        let Some(id) = event.accumulates() else {
            self.series.apply(event);
            if listed {
                self.listed.push(Some(Arc::clone(event)));
            }
            return;
        };
        if !listed {
            self.keep_value(id);
        }
        self.series.apply(event);
        if listed {
            let newest = Newest { place: self.listed.len(), value: None };
            self.listed.push(Some(Arc::clone(event)));
            if let Some(older) = self.newest.insert(Arc::clone(id), newest) {
                self.listed[older.place] = None;
            }
        }
    }

    fn keep_value(&mut self, id: &Arc<str>) {
        let Some(newest) = self.newest.get_mut(id).filter(|newest| newest.value.is_none()) else { return };
        newest.value = self.listed[newest.place].as_ref().and_then(|event| self.series.running_value(event));
    }

    /// The collapsed list.
    pub fn finish(mut self) -> Vec<Arc<TaskEvent>> {
        for newest in self.newest.into_values() {
            let Some(event) = &self.listed[newest.place] else { continue };
            let value = newest.value.or_else(|| self.series.running_value(event));
            let data = value.unwrap_or_else(|| event.data.clone());
            self.listed[newest.place] =
                Some(Arc::new(TaskEvent { data, snapshot: true, ..(**event).clone() }));
        }
        self.listed.into_iter().flatten().collect()
    }
}

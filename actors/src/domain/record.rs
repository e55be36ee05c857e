//! An event as data for other programs of ours: checkpoints and announcements between instances.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::event::{ClientSeq, Level, Series, SeriesMode, TaskEvent};
use super::{EventId, Json, TaskId, Timestamp};

/// An event without its task, in the form that checkpoints and announcements carry.
#[derive(Serialize, Deserialize)]
pub struct EventRecord {
    id: EventId,
    index: u64,
    at: Timestamp,
    event_type: Arc<str>,
    level: Level,
    data: Json,
    series: Option<Arc<str>>,
    mode: Option<SeriesMode>,
    field: Option<Arc<str>>,
    client: Option<(Arc<str>, u64)>,
}

impl EventRecord {
    /// The record of `event`.
    pub fn of(event: &TaskEvent) -> Self {
        let series = event.series.as_deref().cloned().unwrap_or_default();
        Self {
            id: event.id.clone(),
            index: event.index,
            at: event.timestamp,
            event_type: Arc::clone(&event.event_type),
            level: event.level,
            data: event.data.clone(),
            series: series.id,
            mode: series.mode,
            field: series.acc_field,
            client: event.client.as_deref().map(|client| (Arc::clone(&client.id), client.seq)),
        }
    }

    /// The event of the task `task_id` that this is the record of.
    pub fn into_event(self, task_id: &TaskId) -> Arc<TaskEvent> {
        let series = Series { id: self.series, mode: self.mode, acc_field: self.field };
        Arc::new(TaskEvent {
            id: self.id,
            task_id: task_id.clone(),
            index: self.index,
            timestamp: self.at,
            event_type: self.event_type,
            level: self.level,
            data: self.data,
            series: (series != Series::default()).then(|| Box::new(series)),
            client: self.client.map(|(id, seq)| Box::new(ClientSeq { id, seq })),
            snapshot: false,
        })
    }
}

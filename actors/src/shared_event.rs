//! An event on its way to many readers.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::domain::{Json, TaskEvent};

/// An event of the live window, with what its readers share.
#[derive(Debug)]
pub struct SharedEvent {
    event: Arc<TaskEvent>,
    running: Option<Json>,
    wire: OnceLock<Bytes>,
}

impl SharedEvent {
    /// Shares `event`; `running` is its running value if somebody wants that.
    pub fn new(event: Arc<TaskEvent>, running: Option<Json>) -> Self {
        Self { event, running, wire: OnceLock::new() }
    }

    /// The event as it is in the log.
    pub fn event(&self) -> &Arc<TaskEvent> {
        &self.event
    }

    /// The event with its running value; `None` when that was not kept.
    pub fn accumulated(&self) -> Option<Arc<TaskEvent>> {
        if self.event.accumulates().is_none() {
            return Some(Arc::clone(&self.event));
        }
        let data = self.running.clone()?;
        Some(Arc::new(TaskEvent { data, ..(*self.event).clone() }))
    }

    /// The bytes that `encode` makes of the event in the log, made the first time anybody asks. All callers have to
    /// mean the same form.
    pub fn wire(&self, encode: impl FnOnce(&TaskEvent) -> Bytes) -> &Bytes {
        self.wire.get_or_init(|| encode(&self.event))
    }
}

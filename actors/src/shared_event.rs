//! An event on its way to many readers: the same bytes for all of them.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::domain::{Json, TaskEvent};

/// The forms in which one event may be written. Readers of the same form share the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireForm {
    /// An envelope instead of the raw event.
    pub wrapped: bool,
    /// An accumulate event carries its running value instead of its delta.
    pub accumulated: bool,
}

/// An event of the live window, encoded at most once in each form.
#[derive(Debug)]
pub struct SharedEvent {
    event: Arc<TaskEvent>,
    running: Option<Json>,
    wire: [OnceLock<Bytes>; 4],
}

impl SharedEvent {
    /// Shares `event`; `running` is its running value if somebody wants that.
    pub fn new(event: Arc<TaskEvent>, running: Option<Json>) -> Self {
        Self { event, running, wire: [const { OnceLock::new() }; 4] }
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

    /// The bytes of this event in `form`, made by `encode` the first time anybody asks.
    pub fn wire(&self, form: WireForm, encode: impl FnOnce(&TaskEvent) -> Bytes) -> &Bytes {
        let slot = usize::from(form.wrapped) * 2 + usize::from(form.accumulated);
        self.wire[slot].get_or_init(|| match (form.accumulated, self.accumulated()) {
            (true, Some(event)) => encode(&event),
            _ => encode(&self.event),
        })
    }
}

//! A stream while it is open: counted, and told to hooks when it begins and ends.

use std::sync::Arc;
use std::time::Instant;

use taskcast_actors::TaskHooks as _;
use taskcast_actors::domain::TaskId;

use crate::http::Service;
use crate::metrics::StreamKind;

/// Open until it is dropped.
pub(super) struct OpenStream {
    service: Arc<Service>,
    /// Whose events; `None` is all tasks.
    task: Option<TaskId>,
    since: Instant,
}

impl OpenStream {
    /// A stream of `task`'s events, or of all tasks', begins.
    pub(super) fn begin(service: Arc<Service>, task: Option<TaskId>) -> Self {
        let stream = Self { service, task, since: Instant::now() };
        stream.service.metrics.stream_opened(stream.kind());
        stream.service.engine.hooks().on_sse_connect(stream.task.as_ref());
        stream
    }

    fn kind(&self) -> StreamKind {
        if self.task.is_some() { StreamKind::Task } else { StreamKind::Global }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let (task, open_for) = (self.task.as_ref(), self.since.elapsed());
        self.service.metrics.stream_closed(self.kind());
        self.service.engine.hooks().on_sse_disconnect(task, open_for);
        let task = task.map_or("*", TaskId::as_str);
        tracing::debug!(task, open_ms = open_for.as_millis(), "a stream was closed");
    }
}

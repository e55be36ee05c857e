//! What all parts of one engine share.

use std::sync::Arc;

use crate::admission::{Gauge, Inbox};
use crate::broadcast::Announcer;
use crate::domain::{TaskStatus, Timestamp};
use crate::firehose::Firehose;
use crate::ports::{Clock, TaskHooks, TaskStore};
use crate::registry::Directory;
use crate::ring::Ring;
use crate::settings::Settings;
use crate::shared_event::SharedEvent;
use crate::stats::Stats;

/// Why the live side of a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LiveEnd {
    /// The task is finished and its log complete.
    Finished(TaskStatus),
    /// The task was deleted.
    Deleted,
    /// Another log took its place.
    Replaced,
    /// The actor is gone; another one can be asked.
    Detached,
}

/// The live window of one task.
pub(crate) type Live = Ring<Arc<SharedEvent>, LiveEnd>;

/// What all parts of one engine share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn TaskStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hooks: Arc<dyn TaskHooks>,
    pub(crate) settings: Settings,
    pub(crate) stats: Stats,
    pub(crate) directory: Directory,
    pub(crate) firehose: Firehose,
    pub(crate) announcer: Announcer,
    pub(crate) waiting: Arc<Gauge>,
}

impl Shared {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn new_inbox(&self) -> Arc<Inbox> {
        let own = Gauge::new(self.settings.queue_commands, self.settings.queue_bytes);
        Arc::new(Inbox::new(own, Arc::clone(&self.waiting)))
    }
}

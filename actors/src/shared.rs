//! What all parts of one engine share.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::admission::{Gauge, Inbox};
use crate::broadcast::{Announcer, Instances};
use crate::domain::Timestamp;
use crate::firehose::Firehose;
use crate::once::Turns;
use crate::ports::{Clock, ColdTier, TaskHooks, TaskStore};
use crate::registry::Directory;
use crate::settings::Settings;
use crate::stats::Stats;
use crate::watched::Watched;

/// What all parts of one engine share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn TaskStore>,
    /// Where tasks can be moved that nobody writes to any more.
    pub(crate) cold: Option<Arc<dyn ColdTier>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hooks: Arc<dyn TaskHooks>,
    pub(crate) settings: Settings,
    pub(crate) stats: Stats,
    pub(crate) directory: Directory,
    pub(crate) firehose: Firehose,
    pub(crate) announcer: Announcer,
    /// What is known of other instances.
    pub(crate) instances: Mutex<Instances>,
    /// Which tasks somebody here waits for.
    pub(crate) watched: Arc<Watched>,
    pub(crate) waiting: Arc<Gauge>,
    /// Requests under keys.
    pub(crate) turns: Turns,
    /// Becomes true when numbered publishes may no longer wait for others.
    pub(crate) closing: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Something was committed, or perhaps was, that cannot be shown: whoever follows all tasks is told, here and on
    /// other instances.
    pub(crate) fn unseen(&self, why: &'static str) {
        self.firehose.gap(why);
        self.announcer.leave_out();
    }

    pub(crate) fn new_inbox(&self) -> Arc<Inbox> {
        let own = Gauge::new(self.settings.queue_commands, self.settings.queue_bytes);
        Arc::new(Inbox::new(own, Arc::clone(&self.waiting)))
    }
}

//! What all parts of one engine share.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::admission::{Gauge, Inbox};
use crate::broadcast::{Announcer, Instances};
use crate::domain::{Command, Task, TaskId, TaskStatus, Timestamp};
use crate::error::EngineError;
use crate::firehose::Firehose;
use crate::hooks::Hooks;
use crate::once::Turns;
use crate::outbox::Outboxes;
use crate::ports::{Clock, ColdTier, TaskHooks as _, TaskStore};
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
    pub(crate) hooks: Hooks,
    pub(crate) settings: Settings,
    pub(crate) stats: Stats,
    pub(crate) directory: Directory,
    pub(crate) firehose: Firehose,
    /// Tasks that owe something to webhooks, if somebody here delivers to them.
    pub(crate) outboxes: Option<Outboxes>,
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

    /// A task has another status, and this instance committed that.
    pub(crate) fn moved(&self, task: &Task) {
        self.stats.transition(task.status);
        match task.status {
            TaskStatus::Failed => self.hooks.on_task_failed(task),
            TaskStatus::Timeout => self.hooks.on_task_timeout(task),
            _ => {}
        }
    }

    /// What `command` was to append is not in the log of the task, or perhaps not.
    pub(crate) fn not_done(&self, id: &TaskId, command: &Command, error: &EngineError) {
        let Command::Publish(events) = command else { return };
        if let Some(reason) = error.loss().filter(|_| !self.hooks.is_nobody()) {
            events.iter().for_each(|event| self.hooks.on_event_dropped(id, event, &reason));
        }
    }

    pub(crate) fn new_inbox(&self) -> Arc<Inbox> {
        let own = Gauge::new(self.settings.queue_commands, self.settings.queue_bytes);
        Arc::new(Inbox::new(own, Arc::clone(&self.waiting)))
    }
}

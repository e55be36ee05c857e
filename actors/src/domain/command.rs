//! What can be asked of a task.

use super::change::Stamp;
use super::event::NewEvent;
use super::outbox::{Claim, Settlement};
use super::task::{BlockedRequest, TaskError};
use super::{Json, TaskStatus};

/// A wish to change a task. [`super::decide`] says what it would change.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Append these events, all or none.
    Publish(Vec<NewEvent>),
    /// Move the task to another status.
    Transition(Transition),
    /// Answer the request of a blocked task and let it run.
    Resolve {
        /// The answer; `None` is `null`.
        data: Option<Json>,
    },
    /// Do what a timer of the task asks for, if one is due.
    Due,
    /// Record that a cleanup rule was executed and remove these events.
    Erase {
        /// The rule.
        fingerprint: u64,
        /// The events that go.
        indexes: Vec<u64>,
        /// Where the log was when they were looked up; on any other log nothing goes.
        stamp: Stamp,
    },
    /// Work on what is owed to webhooks, alone.
    TakeOutbox(Claim),
    /// Record what became of it.
    SettleOutbox(Settlement),
    /// Deliver again what could not be delivered.
    Redeliver {
        /// [`super::outbox::Failure::id`] of each; `None` is all.
        ids: Option<Vec<String>>,
    },
}

impl Command {
    /// Bytes this command holds, about: what admission control counts.
    pub fn weight(&self) -> usize {
        match self {
            Self::Publish(events) => events.iter().map(|event| event.data.as_str().len() + 128).sum(),
            Self::Transition(wish) => wish.result.as_ref().map_or(0, |json| json.as_str().len()) + 128,
            Self::Resolve { data } => data.as_ref().map_or(0, |json| json.as_str().len()) + 128,
            Self::Due
            | Self::Erase { .. }
            | Self::TakeOutbox(_)
            | Self::SettleOutbox(_)
            | Self::Redeliver { .. } => 0,
        }
    }

    /// Whether what it wrote can be found in the log. What leaves no event there can be decided again.
    pub fn leaves_events(&self) -> bool {
        matches!(self, Self::Publish(_) | Self::Transition(_) | Self::Resolve { .. } | Self::Due)
    }
}

/// A move to another status, with what PROTOCOL §7.4 lets a request say.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The target.
    pub to: TaskStatus,
    /// The result, an object.
    pub result: Option<Json>,
    /// The error.
    pub error: Option<TaskError>,
    /// Why the task is suspended.
    pub reason: Option<String>,
    /// A new time to live, in seconds.
    pub ttl: Option<u32>,
    /// Milliseconds after which a blocked task runs again by itself.
    pub resume_after_ms: Option<u64>,
    /// What a blocked task asks for.
    pub blocked_request: Option<BlockedRequest>,
}

impl Transition {
    /// A plain move to `to`.
    pub fn to(to: TaskStatus) -> Self {
        Self {
            to,
            result: None,
            error: None,
            reason: None,
            ttl: None,
            resume_after_ms: None,
            blocked_request: None,
        }
    }
}

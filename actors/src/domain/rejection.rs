//! Why the rules refuse a command. A rejection changes nothing.

use super::TaskStatus;

/// Why the rules refuse a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The table of PROTOCOL §6.1 does not allow it, or somebody else was faster.
    #[error("Invalid transition: {from} → {to}")]
    InvalidTransition {
        /// Where the task stands.
        from: TaskStatus,
        /// Where it was to go.
        to: TaskStatus,
    },
    /// A finished task takes no events.
    #[error("Cannot publish to task in terminal status: {0}")]
    Terminal(TaskStatus),
    /// The type belongs to the server.
    #[error("Event type is reserved: {0}")]
    ReservedType(String),
    /// Only a blocked task can be resolved.
    #[error("Task is not blocked")]
    NotBlocked,
    /// The client's number has been used.
    #[error("Stale clientSeq: expected {expected}, received {received}")]
    SeqStale {
        /// The number that comes next.
        expected: u64,
        /// The number that came.
        received: u64,
    },
    /// Numbers before the client's are missing.
    #[error("Gap in clientSeq: expected {expected}, received {received}")]
    SeqGap {
        /// The number that comes next.
        expected: u64,
        /// The number that came.
        received: u64,
    },
    /// Somebody else delivers to the task's webhooks.
    #[error("somebody else delivers to the task's webhooks")]
    OutboxTaken,
    /// No timer of the task is due.
    #[error("nothing is due")]
    NothingDue,
}

impl Rejection {
    /// The stable code of PROTOCOL §3.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidTransition { .. } => "invalid_transition",
            Self::Terminal(_) => "task_terminal",
            Self::ReservedType(_) => "reserved_event_type",
            Self::NotBlocked => "task_not_blocked",
            Self::SeqStale { .. } => "seq_stale",
            Self::SeqGap { .. } => "seq_gap",
            Self::OutboxTaken => "outbox_taken",
            Self::NothingDue => "nothing_due",
        }
    }
}

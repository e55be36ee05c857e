//! Statuses and which may follow which (PROTOCOL §6.1).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskStatus {
    /// Created, not taken by anybody.
    Pending,
    /// Claimed by a worker, not started.
    Assigned,
    /// Being worked on.
    Running,
    /// Suspended; its time to live does not run.
    Paused,
    /// Suspended, waiting for an answer to a request.
    Blocked,
    /// Ended well.
    Completed,
    /// Ended with an error.
    Failed,
    /// Ended because its time to live ran out.
    Timeout,
    /// Ended by somebody's wish.
    Cancelled,
}

use TaskStatus::{Assigned, Blocked, Cancelled, Completed, Failed, Paused, Pending, Running, Timeout};

impl TaskStatus {
    /// Every status, in the order of the protocol.
    pub const ALL: [Self; 9] =
        [Pending, Assigned, Running, Paused, Blocked, Completed, Failed, Timeout, Cancelled];

    /// Whether no other status can follow.
    pub fn is_terminal(self) -> bool {
        matches!(self, Completed | Failed | Timeout | Cancelled)
    }

    /// Whether the task waits: paused or blocked.
    pub fn is_suspended(self) -> bool {
        matches!(self, Paused | Blocked)
    }

    /// Whether a request may move a task from this status to `to`.
    pub fn allows(self, to: Self) -> bool {
        match self {
            Pending => matches!(to, Assigned | Running | Paused | Timeout | Cancelled),
            Assigned => matches!(to, Pending | Running | Paused | Timeout | Cancelled),
            Running => matches!(to, Paused | Blocked) || to.is_terminal(),
            Paused => matches!(to, Assigned | Running | Blocked | Timeout | Cancelled),
            Blocked => matches!(to, Assigned | Running | Paused | Failed | Timeout | Cancelled),
            Completed | Failed | Timeout | Cancelled => false,
        }
    }

    /// The name the protocol uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Pending => "pending",
            Assigned => "assigned",
            Running => "running",
            Paused => "paused",
            Blocked => "blocked",
            Completed => "completed",
            Failed => "failed",
            Timeout => "timeout",
            Cancelled => "cancelled",
        }
    }

    /// The status with this name, exactly.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_table_is_the_one_of_the_protocol() {
        let table = [
            (Pending, ".✔✔✔...✔✔"),
            (Assigned, "✔.✔✔...✔✔"),
            (Running, "...✔✔✔✔✔✔"),
            (Paused, ".✔✔.✔..✔✔"),
            (Blocked, ".✔✔✔..✔✔✔"),
            (Completed, "........."),
            (Failed, "........."),
            (Timeout, "........."),
            (Cancelled, "........."),
        ];
        for (from, row) in table {
            for (to, mark) in TaskStatus::ALL.into_iter().zip(row.chars()) {
                assert_eq!(from.allows(to), mark == '✔', "{from} -> {to}");
            }
        }
    }
}

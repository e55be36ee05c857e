//! When the time to live runs (PROTOCOL §13).

use super::command::Transition;
use super::task::Head;
use super::{TaskStatus, Timestamp};

/// The deadline of `head`'s task once `transition` has been made at `now`; `None` when its clock stands still.
pub fn deadline_after(head: &Head, transition: &Transition, now: Timestamp) -> Option<Timestamp> {
    if transition.to.is_terminal() || transition.to == TaskStatus::Paused {
        return None;
    }
    let restart = |ttl: u32| now.plus_seconds(u64::from(ttl));
    if let Some(ttl) = transition.ttl {
        return Some(restart(ttl));
    }
    match head.task.status {
        TaskStatus::Paused => head.task.ttl.map(restart),
        _ => head.deadline,
    }
}

/// Whether the task has run out of time.
pub fn is_expired(head: &Head, now: Timestamp) -> bool {
    !head.task.status.is_terminal() && head.deadline.is_some_and(|deadline| deadline <= now)
}

//! Cleanup rules: which apply to a finished task, when, and which events they remove (PROTOCOL §13).

use serde::{Deserialize, Serialize};

use super::event::{Level, SeriesMode, TaskEvent};
use super::filter::TypePattern;
use super::task::{Head, Task};
use super::{TaskStatus, Timestamp};

/// The cleanup rules of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cleanup {
    /// All are executed.
    pub rules: Vec<CleanupRule>,
}

/// One rule: for which tasks, when, and what goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CleanupRule {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which tasks; all finished ones when absent.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<CleanupMatch>,
    /// When.
    pub trigger: CleanupTrigger,
    /// What goes.
    pub target: CleanupTarget,
    /// Which events go when the target is `events`; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_filter: Option<CleanupEvents>,
}

/// The tasks a rule is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CleanupMatch {
    /// Type patterns, any of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_types: Option<Vec<String>>,
    /// Statuses, any of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Vec<TaskStatus>>,
}

/// When a rule becomes due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CleanupTrigger {
    /// Milliseconds after the end of the task; 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_ms: Option<u64>,
}

/// What a rule removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CleanupTarget {
    /// The task with everything.
    All,
    /// Only events; the task stays.
    Events,
    /// The task with everything.
    Task,
}

/// Which events a rule removes; the conditions are ANDed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CleanupEvents {
    /// Type patterns, any of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<String>>,
    /// Levels, any of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<Level>>,
    /// Only events appended this many milliseconds before the end of the task, or earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than_ms: Option<u64>,
    /// Series modes, any of them; events without a mode do not match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series_mode: Option<Vec<SeriesMode>>,
}

impl CleanupRule {
    /// A number that stays the same while the rule does, to remember that it was executed.
    /// FNV-1a, 64 bit (<http://www.isthe.com/chongo/tech/comp/fnv/>).
    pub fn fingerprint(&self) -> u64 {
        let text = serde_json::to_vec(self).expect("a rule serialises");
        text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    }

    /// When this rule is due for `task`, or `None` if it is not for it.
    pub fn due_at(&self, task: &Task) -> Option<Timestamp> {
        if !task.status.is_terminal() || !self.is_for(task) {
            return None;
        }
        Some(ended_at(task).plus_millis(self.trigger.after_ms.unwrap_or(0)))
    }

    fn is_for(&self, task: &Task) -> bool {
        let Some(matches) = &self.matches else { return true };
        let status = matches.status.as_ref().is_none_or(|list| list.contains(&task.status));
        status
            && matches.task_types.as_ref().is_none_or(|types| any_matches(types, task.task_type.as_deref()))
    }

    /// Whether this rule, executed on `task`, removes `event`.
    pub fn removes(&self, task: &Task, event: &TaskEvent) -> bool {
        let Some(filter) = &self.event_filter else { return true };
        let mode = event.series.as_deref().and_then(|series| series.mode);
        filter.types.as_ref().is_none_or(|types| any_matches(types, Some(&event.event_type)))
            && filter.levels.as_ref().is_none_or(|levels| levels.contains(&event.level))
            && filter.series_mode.as_ref().is_none_or(|modes| mode.is_some_and(|mode| modes.contains(&mode)))
            && filter
                .older_than_ms
                .is_none_or(|age| event.timestamp.0 < ended_at(task).0.saturating_sub_unsigned(age))
    }
}

fn any_matches(patterns: &[String], name: Option<&str>) -> bool {
    name.is_some_and(|name| patterns.iter().any(|text| TypePattern::parse(text).matches(name)))
}

fn ended_at(task: &Task) -> Timestamp {
    task.completed_at.unwrap_or(task.updated_at)
}

/// The rules of `head`'s task and the global ones that have not been executed on it, with their due times.
fn open_rules<'a>(
    head: &'a Head,
    global: &'a [CleanupRule],
) -> impl Iterator<Item = (Timestamp, &'a CleanupRule)> {
    let own = head.task.cleanup.iter().flat_map(|cleanup| &cleanup.rules);
    own.chain(global).filter_map(|rule| {
        let due = rule.due_at(&head.task)?;
        (!head.cleaned.contains(&rule.fingerprint())).then_some((due, rule))
    })
}

/// When the next rule is due for `head`'s task.
pub fn next_due(head: &Head, global: &[CleanupRule]) -> Option<Timestamp> {
    open_rules(head, global).map(|(due, _)| due).min()
}

/// The rule to execute at `now`, the longest due first.
pub fn due_rule<'a>(head: &'a Head, global: &'a [CleanupRule], now: Timestamp) -> Option<&'a CleanupRule> {
    open_rules(head, global).filter(|(due, _)| *due <= now).min_by_key(|(due, _)| *due).map(|(_, rule)| rule)
}

//! Which tasks there are, in creation order and by due time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use crate::domain::{Head, TaskId, TaskStatus, Timestamp};
use crate::ports::{Due, Listing, Order, TaskQuery};

type Key = (Timestamp, TaskId);

/// All heads by status, and all due times.
#[derive(Default)]
pub(super) struct Index {
    by_status: HashMap<TaskStatus, BTreeMap<Key, Arc<Head>>>,
    due: BTreeSet<(Timestamp, TaskId)>,
}

fn key(head: &Head) -> Key {
    (head.task.created_at, head.task.id.clone())
}

fn due_key(head: &Head) -> Option<(Timestamp, TaskId)> {
    head.due_at().map(|at| (at, head.task.id.clone()))
}

impl Index {
    /// A task got another head, appeared, or disappeared.
    pub(super) fn moved(&mut self, old: Option<&Head>, new: Option<&Arc<Head>>) {
        if let Some(old) = old {
            if let Some(heads) = self.by_status.get_mut(&old.task.status) {
                heads.remove(&key(old));
            }
            if let Some(due) = due_key(old) {
                self.due.remove(&due);
            }
        }
        if let Some(new) = new {
            self.by_status.entry(new.task.status).or_default().insert(key(new), Arc::clone(new));
            self.due.extend(due_key(new));
        }
    }

    pub(super) fn list(&self, query: &TaskQuery) -> Listing {
        let statuses = query.status.as_deref().unwrap_or(&TaskStatus::ALL);
        let mut tasks = Vec::new();
        for heads in statuses.iter().filter_map(|status| self.by_status.get(status)) {
            tasks.extend(walk(heads, query).filter(|head| query.wants(head)).take(query.limit + 1).cloned());
        }
        tasks.sort_by_cached_key(|head| key(head));
        tasks.dedup_by(|a, b| a.task.id == b.task.id);
        if query.order == Order::Descending {
            tasks.reverse();
        }
        let more = tasks.len() > query.limit;
        tasks.truncate(query.limit);
        Listing { tasks, more }
    }

    pub(super) fn due(&self, now: Timestamp, after: Option<&Due>, limit: usize) -> Vec<Due> {
        let from = after.map_or(Bound::Unbounded, |due| Bound::Excluded((due.at, due.task_id.clone())));
        let due = self.due.range((from, Bound::Unbounded)).take_while(|(at, _)| *at <= now).take(limit);
        due.map(|(at, task_id)| Due { task_id: task_id.clone(), at: *at }).collect()
    }
}

fn walk<'a>(
    heads: &'a BTreeMap<Key, Arc<Head>>,
    query: &TaskQuery,
) -> Box<dyn Iterator<Item = &'a Arc<Head>> + 'a> {
    let behind = query.after.clone().map_or(Bound::Unbounded, Bound::Excluded);
    match query.order {
        Order::Ascending => Box::new(heads.range((behind, Bound::Unbounded)).map(|(_, head)| head)),
        Order::Descending => Box::new(heads.range((Bound::Unbounded, behind)).rev().map(|(_, head)| head)),
    }
}

//! Listing tasks in creation order.
//!
//! Each partition is walked along its indexes, and the walks are merged. A walk reads from all of its indexes at one
//! moment and from one place, so that a task that changes its status meanwhile is seen all the same.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use fred::types::Value;
use futures_util::future::try_join_all;
use taskcast_actors::domain::{AssignMode, Head, TaskId, TaskStatus, Timestamp};
use taskcast_actors::ports::{Listing, Order, TaskQuery};

use super::RedisStore;
use super::error::Failure;
use super::keys::{self, PARTITIONS, split_creation};
use super::reply::Reply;
use super::scripts::Script;
use super::write::number;

/// Members read of each index at once, at first and at most: more when filters leave few of them.
const FEWEST: usize = 16;
const MOST: usize = 512;

/// The walk along one partition.
struct Walk {
    partition: u8,
    /// Where to read on, as the command wants it.
    cursor: String,
    read: VecDeque<String>,
    chunk: usize,
    ended: bool,
}

/// The tasks that `query` asks for.
pub(super) async fn read(store: &RedisStore, query: &TaskQuery) -> Result<Listing, Failure> {
    let mut walks: Vec<Walk> = (0..PARTITIONS).map(|partition| Walk::start(partition, query)).collect();
    let indexes = indexes(query);
    let (mut tasks, mut seen) = (Vec::new(), HashSet::new());
    while tasks.len() <= query.limit && !indexes.is_empty() {
        let wanted = query.limit + 1 - tasks.len();
        let ids = next_ids(store, query, (&mut walks, &indexes), wanted).await?;
        if ids.is_empty() {
            break;
        }
        let heads = store.heads(&ids).await?;
        // Since its place was read, a task may have gone or changed, or moved to a later place.
        let wanted = |head: &Arc<Head>| query.wants(head) && seen.insert(head.task.id.clone());
        tasks.extend(heads.into_iter().flatten().filter(wanted));
    }
    let more = tasks.len() > query.limit;
    tasks.truncate(query.limit);
    Ok(Listing { tasks, more })
}

/// The indexes to walk along in each partition.
fn indexes(query: &TaskQuery) -> Vec<String> {
    let Some(wanted) = &query.status else { return vec!["all".to_owned()] };
    let asked = TaskStatus::ALL.into_iter().filter(|status| wanted.contains(status));
    asked.map(|status| format!("status:{status}")).collect()
}

/// The next tasks whose traits are wanted, in order, at most `count`.
async fn next_ids(
    store: &RedisStore,
    query: &TaskQuery,
    (walks, indexes): (&mut [Walk], &[String]),
    count: usize,
) -> Result<Vec<TaskId>, Failure> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let empty = walks.iter_mut().filter(|walk| walk.read.is_empty() && !walk.ended);
        try_join_all(empty.map(|walk| walk.refill(store, query, indexes))).await?;
        let Some(walk) = foremost(walks, query.order) else {
            if walks.iter().all(|walk| walk.ended) {
                break;
            }
            continue;
        };
        let Some(member) = walk.read.pop_front() else { break };
        let (_, id, traits) =
            split_creation(&member).ok_or_else(|| Failure::corrupt("an index is broken"))?;
        if wants(query, traits)? {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// The walk whose next task comes first; none while one of them has to be read on.
fn foremost(walks: &mut [Walk], order: Order) -> Option<&mut Walk> {
    if walks.iter().any(|walk| walk.read.is_empty() && !walk.ended) {
        return None;
    }
    let ahead = walks.iter_mut().filter(|walk| !walk.read.is_empty());
    match order {
        Order::Ascending => ahead.min_by(|a, b| a.read.front().cmp(&b.read.front())),
        Order::Descending => ahead.max_by(|a, b| a.read.front().cmp(&b.read.front())),
    }
}

impl Walk {
    fn start(partition: u8, query: &TaskQuery) -> Self {
        let place = |at: &(Timestamp, TaskId)| match query.order {
            Order::Ascending => keys::behind(at.0, &at.1),
            Order::Descending => keys::before(at.0, &at.1),
        };
        let end = if query.order == Order::Ascending { "-" } else { "+" };
        let cursor = query.after.as_ref().map_or_else(|| end.to_owned(), place);
        let share = query.limit / usize::from(PARTITIONS) * 2;
        Self { partition, cursor, read: VecDeque::new(), chunk: share.clamp(FEWEST, MOST), ended: false }
    }

    async fn refill(
        &mut self,
        store: &RedisStore,
        query: &TaskQuery,
        indexes: &[String],
    ) -> Result<(), Failure> {
        let root = store.keys.root(self.partition);
        let (command, end) = match query.order {
            Order::Ascending => ("ZRANGEBYLEX", "+"),
            Order::Descending => ("ZREVRANGEBYLEX", "-"),
        };
        let mut args = vec![Value::from(root.as_str()), Value::from_static_str(command)];
        args.extend([Value::from(self.cursor.as_str()), Value::from_static_str(end), number(self.chunk)]);
        args.extend(indexes.iter().map(|index| Value::from(index.as_str())));
        let mut answer = Reply::of(store.link.run(Script::List, format!("{root}all"), args).await?)?;
        let mut lists = Vec::with_capacity(indexes.len());
        while answer.left() > 0 {
            let mut list = answer.array()?;
            lists.push((0..list.left()).map(|_| list.text()).collect::<Result<Vec<_>, _>>()?);
        }
        self.take(lists, query.order);
        Ok(())
    }

    /// Merges lists, up to where the first of them was cut off.
    fn take(&mut self, lists: Vec<Vec<String>>, order: Order) {
        let cut =
            lists.iter().filter(|list| list.len() >= self.chunk).filter_map(|list| list.last().cloned());
        let stop = if order == Order::Ascending { cut.min() } else { cut.max() };
        let mut members: Vec<String> = lists.into_iter().flatten().collect();
        members.sort_unstable();
        if order == Order::Descending {
            members.reverse();
        }
        if let Some(stop) = &stop {
            members.retain(|member| if order == Order::Ascending { member <= stop } else { member >= stop });
        }
        self.ended = stop.is_none();
        self.cursor = stop.map(|stop| format!("({stop}")).unwrap_or_default();
        self.chunk = (self.chunk * 2).min(MOST);
        self.read = members.into();
    }
}

/// [`TaskQuery::wants`] on the traits in a member, so that most heads need not be read.
fn wants(query: &TaskQuery, traits: &str) -> Result<bool, Failure> {
    if query.task_type.is_none() && query.tags.is_empty() && query.assign_mode.is_none() {
        return Ok(true);
    }
    type Traits = (Option<String>, Option<AssignMode>, Vec<String>);
    let (task_type, mode, tags): Traits = match traits {
        "" => (None, None, Vec::new()),
        text => serde_json::from_str(text).map_err(Failure::corrupt)?,
    };
    let typed = query.task_type.as_ref().is_none_or(|p| task_type.is_some_and(|name| p.matches(&name)));
    let assigned = query.assign_mode.is_none_or(|wanted| wanted.is_some() && wanted == mode);
    Ok(typed && assigned && query.tags.iter().all(|tag| tags.contains(tag)))
}

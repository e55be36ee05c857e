//! Lists over both tiers. The archive also has tasks that are in Redis, as they were a while ago: Redis knows better.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use taskcast_actors::domain::{Head, TaskId, Timestamp};
use taskcast_actors::ports::{Due, Listing, Order, StoreError, TaskQuery, TaskStore};
use tokio::time::timeout;

use super::Tiers;
use crate::stores::redis::Lookup;

/// How long what is due in Redis waits for the archive: less than a timer may be late.
const DUE_PATIENCE: Duration = Duration::from_millis(250);

/// The place of a task in creation order.
type Place = (Timestamp, TaskId);

fn place(head: &Head) -> Place {
    (head.task.created_at, head.task.id.clone())
}

impl Tiers {
    /// Tasks of both tiers in creation order.
    pub(super) async fn list(&self, query: &TaskQuery) -> Result<Listing, StoreError> {
        let hot = self.hot.list(query).await?;
        // While nothing has left Redis the archive need not be there.
        if self.hot.is_whole().await? {
            return Ok(hot);
        }
        let mut cold = self.archive.list(query).await?;
        let mut found: BTreeMap<Place, Arc<Head>> =
            hot.tasks.iter().map(|head| (place(head), Arc::clone(head))).collect();
        let hot_end = hot.tasks.last().filter(|_| hot.more).map(|head| place(head));
        loop {
            let next = cold.tasks.last().filter(|_| cold.more).map(|head| place(head));
            for head in self.current(query, &found, cold.tasks).await? {
                found.insert(place(&head), head);
            }
            let enough = found.len() > query.limit;
            let Some(after) = next.clone().filter(|_| !enough) else {
                return Ok(merged(query, found, hot_end, next));
            };
            let query = TaskQuery { after: Some(after), ..query.clone() };
            cold = self.archive.list(&query).await?;
        }
    }

    /// Of `heads`, which are from the archive, those that are cold, and what Redis has in place of the others, if it is
    /// wanted and not among `found`.
    async fn current(
        &self,
        query: &TaskQuery,
        found: &BTreeMap<Place, Arc<Head>>,
        heads: Vec<Arc<Head>>,
    ) -> Result<Vec<Arc<Head>>, StoreError> {
        let unknown = heads.iter().filter(|head| !found.contains_key(&place(head)));
        let ids: Vec<TaskId> = unknown.map(|head| head.task.id.clone()).collect();
        let (hot, cold) = self.apart(&ids).await?;
        let mut current: Vec<_> = cold.into_values().collect();
        // These may have come back since Redis was asked for its list.
        for id in &hot {
            current.extend(self.hot.probe_head(id).await?.hot().map(|(head, _)| head));
        }
        current.retain(|head| query.wants(head));
        Ok(current)
    }

    /// Which of `ids` are in Redis, and the heads of those that are cold. The archive is asked once more, since it may have
    /// been told of a deletion after it gave these ids.
    async fn apart(&self, ids: &[TaskId]) -> Result<(Vec<TaskId>, HashMap<TaskId, Arc<Head>>), StoreError> {
        let (mut hot, mut cold) = (Vec::new(), Vec::new());
        for (id, found) in ids.iter().zip(self.hot.exists_many(ids).await?) {
            match found {
                Lookup::Hot(()) => hot.push(id.clone()),
                Lookup::Absent { .. } => cold.push(id.clone()),
                Lookup::Tomb => {}
            }
        }
        let heads = if cold.is_empty() { Vec::new() } else { self.archive.heads(&cold).await? };
        let heads = cold.into_iter().zip(heads).filter_map(|(id, known)| Some((id, known?.0)));
        Ok((hot, heads.collect()))
    }

    /// What is due in both tiers, in order. An archive that does not answer at once must not hold up what is due in
    /// Redis: what is due there comes later.
    pub(super) async fn due(
        &self,
        now: Timestamp,
        after: Option<&Due>,
        limit: usize,
    ) -> Result<Vec<Due>, StoreError> {
        let hot = self.hot.due(now, after, limit).await?;
        if self.hot.is_whole().await? {
            return Ok(hot);
        }
        let Ok(Ok(cold)) = timeout(DUE_PATIENCE, self.cold_due(now, after, limit)).await else {
            return Ok(hot);
        };
        let mut found: HashMap<TaskId, Timestamp> = cold.into_iter().collect();
        found.extend(hot.into_iter().map(|due| (due.task_id, due.at)));
        let mut due: Vec<Due> = found.into_iter().map(|(task_id, at)| Due { task_id, at }).collect();
        due.sort_unstable_by(|a, b| (a.at, &a.task_id).cmp(&(b.at, &b.task_id)));
        due.truncate(limit);
        Ok(due)
    }

    /// Cold tasks that are due, at least `limit` of them if there are as many.
    async fn cold_due(
        &self,
        now: Timestamp,
        after: Option<&Due>,
        limit: usize,
    ) -> Result<Vec<(TaskId, Timestamp)>, StoreError> {
        let mut found = Vec::new();
        let mut after = after.cloned();
        loop {
            let page = self.archive.due(now, after.as_ref(), limit).await?;
            let ids: Vec<TaskId> = page.iter().map(|due| due.task_id.clone()).collect();
            let (_, heads) = self.apart(&ids).await?;
            let due = heads.into_iter().filter_map(|(id, head)| Some((id, head.due_at()?)));
            found.extend(due.filter(|(_, at)| *at <= now));
            if page.len() < limit || found.len() >= limit {
                return Ok(found);
            }
            after = page.last().cloned();
        }
    }
}

/// The first tasks of `found`, as far as both tiers have been read.
fn merged(
    query: &TaskQuery,
    found: BTreeMap<Place, Arc<Head>>,
    hot_end: Option<Place>,
    cold_end: Option<Place>,
) -> Listing {
    let ascending = query.order == Order::Ascending;
    let known = |at: &Place, end: &Option<Place>| {
        end.as_ref().is_none_or(|end| if ascending { at <= end } else { at >= end })
    };
    let read = |(at, _): &(Place, Arc<Head>)| known(at, &hot_end) && known(at, &cold_end);
    let count = found.len();
    let heads = found.into_iter();
    let mut tasks: Vec<_> = match query.order {
        Order::Ascending => heads.filter(read).map(|(_, head)| head).collect(),
        Order::Descending => heads.rev().filter(read).map(|(_, head)| head).collect(),
    };
    tasks.truncate(query.limit);
    let more = count > tasks.len() || hot_end.is_some() || cold_end.is_some();
    Listing { tasks, more }
}

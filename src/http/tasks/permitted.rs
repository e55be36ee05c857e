//! A page of the tasks that somebody in particular may see (PROTOCOL §4.4, §4.5): those the credential permits and whose
//! own rules do.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use taskcast_actors::domain::{Head, TaskId, Timestamp};
use taskcast_actors::{EngineError, Order, TaskQuery};

use crate::auth::{Principal, Scope};
use crate::http::Service;

/// How many tasks are read at once, of those a credential names.
const READS: usize = 32;
/// The fewest tasks that are asked for at once while most are denied.
const LEAST_PAGE: usize = 256;
/// How many tasks are looked at for one page. Where nearly all are denied a page may so be short, and even empty, with a
/// cursor to go on from.
const MOST_LOOKED_AT: usize = 20_000;

/// A page, and where the next one begins if there may be one.
pub(super) struct Page {
    pub(super) tasks: Vec<Arc<Head>>,
    pub(super) next: Option<(Timestamp, TaskId)>,
}

/// The place of a task in creation order.
pub(super) fn place(head: &Head) -> (Timestamp, TaskId) {
    (head.task.created_at, head.task.id.clone())
}

/// The page that `query` asks for, of what `principal` may see.
pub(super) async fn list(
    service: &Service,
    principal: &Principal,
    query: TaskQuery,
) -> Result<Page, EngineError> {
    match principal.tasks() {
        Some(ids) => {
            let ids = ids.iter().filter_map(|id| TaskId::parse(id).ok()).collect();
            Ok(cut(named(service, principal, &query, ids).await?, query.limit))
        }
        None if principal.is_known() => looked_for(service, principal, query).await,
        None => {
            let listing = service.engine.list(&query).await?;
            let next = listing.tasks.last().filter(|_| listing.more).map(|head| place(head));
            Ok(Page { tasks: listing.tasks, next })
        }
    }
}

fn may_see(principal: &Principal, head: &Head) -> bool {
    principal.require_rules(head.task.auth_config.as_ref(), Scope::EventSubscribe).is_ok()
}

/// The first of `tasks`, and whether there are others.
fn cut(mut tasks: Vec<Arc<Head>>, limit: usize) -> Page {
    let more = tasks.len() > limit;
    tasks.truncate(limit);
    let next = tasks.last().filter(|_| more).map(|head| place(head));
    Page { tasks, next }
}

/// All tasks that `query` asks for, of these; its limit does not count.
async fn named(
    service: &Service,
    principal: &Principal,
    query: &TaskQuery,
    ids: Vec<TaskId>,
) -> Result<Vec<Arc<Head>>, EngineError> {
    let read = async |id: TaskId| match service.engine.get(&id).await {
        Err(EngineError::NotFound) => Ok(None),
        found => found.map(Some),
    };
    let mut found = stream::iter(ids).map(read).buffer_unordered(READS);
    let mut tasks = Vec::new();
    while let Some(head) = found.next().await {
        tasks.extend(head?.filter(|head| query.wants(head) && may_see(principal, head)));
    }
    let behind = |head: &Arc<Head>| match (&query.after, query.order) {
        (None, _) => true,
        (Some(after), Order::Ascending) => place(head) > *after,
        (Some(after), Order::Descending) => place(head) < *after,
    };
    tasks.retain(behind);
    tasks.sort_unstable_by_key(|head| place(head));
    if query.order == Order::Descending {
        tasks.reverse();
    }
    Ok(tasks)
}

/// Goes through all tasks until the page is full and another one is found, or enough were looked at.
async fn looked_for(
    service: &Service,
    principal: &Principal,
    mut query: TaskQuery,
) -> Result<Page, EngineError> {
    let limit = query.limit;
    let (mut tasks, mut looked_at) = (Vec::new(), 0);
    loop {
        query.limit = (limit + 1 - tasks.len()).max(LEAST_PAGE);
        let listing = service.engine.list(&query).await?;
        looked_at += listing.tasks.len();
        query.after = listing.tasks.last().map(|head| place(head));
        tasks.extend(listing.tasks.into_iter().filter(|head| may_see(principal, head)));
        if tasks.len() > limit || !listing.more {
            return Ok(cut(tasks, limit));
        }
        if looked_at >= MOST_LOOKED_AT {
            return Ok(Page { tasks, next: query.after });
        }
    }
}

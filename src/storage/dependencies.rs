//! The servers, as health reports show them.

use std::sync::Arc;

use futures_util::FutureExt as _;
use taskcast_actors::ports::{Bus, StoreError, TaskStore};

use crate::parts::{Dependency, DependencyState, Failure};
use crate::stores::link::LinkState;
use crate::stores::postgres::PostgresStore;
use crate::stores::redis::{RedisBus, RedisStore};

/// Redis as the store.
pub(super) fn redis(store: &Arc<RedisStore>) -> Dependency {
    let asked = Arc::clone(store);
    let check = move || {
        let asked = Arc::clone(&asked);
        async move { asked.health().await.map_err(|error| kind(&error)) }.boxed()
    };
    dependency("redisCommand", true, Box::new(check), store.link())
}

/// The connection over which the bus speaks, where Redis is no store.
pub(super) fn speaking(bus: &Arc<RedisBus>) -> Dependency {
    let asked = Arc::clone(bus);
    let check = move || {
        let asked = Arc::clone(&asked);
        async move { asked.command_health().await.map_err(|error| kind(&error)) }.boxed()
    };
    dependency("redisCommand", false, Box::new(check), bus.command_link())
}

/// The connection over which the bus hears. Without it there is a delay, and nothing else.
pub(super) fn bus(bus: &Arc<RedisBus>) -> Dependency {
    let (asked, link) = (Arc::clone(bus), bus.link());
    let known = Arc::clone(&link);
    let check = move || {
        let (asked, link) = (Arc::clone(&asked), Arc::clone(&link));
        async move {
            let last = || link.snapshot().last_error.map_or("unavailable", |kind| kind.as_str());
            asked.health().await.map_err(|_| last())
        }
        .boxed()
    };
    dependency("redisPubSub", false, Box::new(check), known)
}

/// Postgres, as the store or as an archive that may be away for a while.
pub(super) fn postgres(store: &Arc<PostgresStore>, essential: bool) -> Dependency {
    let asked = Arc::clone(store);
    let check = move || {
        let asked = Arc::clone(&asked);
        async move { asked.health().await.map_err(|error| kind(&error)) }.boxed()
    };
    dependency("postgres", essential, Box::new(check), Arc::clone(store.link()))
}

type Check = Box<dyn Fn() -> futures_util::future::BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

fn dependency(name: &'static str, essential: bool, check: Check, link: Arc<LinkState>) -> Dependency {
    let state = move || {
        let known = link.snapshot();
        DependencyState {
            state: known.phase.as_str(),
            since: known.changed_at,
            failures: known.consecutive_failures,
            last_error: known.last_error.map(|kind| kind.as_str()),
            reconnects: known.reconnects,
        }
    };
    Dependency { name, essential, check, state: Box::new(state) }
}

fn kind(error: &StoreError) -> Failure {
    match error {
        StoreError::Unavailable { kind, .. } => kind.as_str(),
        StoreError::Corrupt(_) | StoreError::Gone => "unavailable",
    }
}

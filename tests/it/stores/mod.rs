//! Every store keeps every promise of the port.

mod postgres;
mod postgres_archive;
mod postgres_plans;
mod redis;
mod sqlite;
pub(crate) mod tiered;

use std::sync::Arc;

use crate::support::servers::Redis;

taskcast_actors::store_suite!(sqlite_suite, {
    let (dir, path) = sqlite::place();
    (Arc::new(sqlite::open(&path)), dir)
});

taskcast_actors::store_suite!(postgres_suite, postgres::open(&postgres::database().await).await);
taskcast_actors::store_suite!(redis_suite, Arc::new(redis::open(Redis::shared().await, false).await));
taskcast_actors::store_suite!(archived_redis_suite, Arc::new(redis::open(Redis::shared().await, true).await));
taskcast_actors::bus_suite!(redis_bus_suite, redis::two_buses(Redis::shared().await).await);
taskcast_actors::store_suite!(tiered_suite, Arc::new(tiered::open().await));
taskcast_actors::store_suite!(always_cold_suite, Arc::new(tiered::AlwaysCold::open().await));

//! Under load, everything fails in turn, ten times each. ENGINE: what users see and what is kept.

use serde_json::json;

use super::harness::{Cluster, Own, gauge};
use super::load::Load;
use crate::support::{Setup, Store, wait_until};

/// How often each thing fails.
const TIMES: usize = 10;
/// Events acknowledged between two failures.
const BETWEEN: u64 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_killed_under_load_lose_nothing() {
    let mut cluster = Cluster::start(Store::Tiered, 2).await;
    let load = Load::start(&cluster).await;
    for _ in 0..TIMES {
        load.goes_on(BETWEEN).await;
        cluster.add().await;
        cluster.kill_oldest().await;
    }
    load.goes_on(BETWEEN).await;
    load.finish(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_replaced_under_load_lose_nothing() {
    let setup = Setup::new(Store::Tiered).config(json!({"shutdown": {"drainMs": 1000}}));
    let mut cluster = Cluster::start_with(setup, 2).await;
    let load = Load::start(&cluster).await;
    for _ in 0..3 {
        load.goes_on(BETWEEN).await;
        cluster.add().await;
        cluster.stop_oldest().await;
    }
    load.finish(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_restarts_under_load_loses_nothing() {
    let mut own = Own::start().await;
    let cluster = own.cluster(2).await;
    let load = Load::start(&cluster).await;
    for _ in 0..TIMES {
        load.goes_on(BETWEEN).await;
        own.redis.kill().await;
        let ready = cluster.instances[0].get("/health/ready").await;
        assert_eq!(
            (ready.status, ready.json()["dependencies"]["redisCommand"]["state"].as_str()),
            (503, Some("unhealthy"))
        );
        own.redis.restart().await;
    }
    load.goes_on(BETWEEN).await;
    load.finish(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pub_sub_connections_that_break_under_load_cost_a_moment_and_nothing_else() {
    let own = Own::start().await;
    let cluster = own.cluster(2).await;
    let load = Load::start(&cluster).await;
    for _ in 0..TIMES {
        load.goes_on(BETWEEN).await;
        own.redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    }
    load.goes_on(BETWEEN).await;
    // The last messages of every task are lost as well.
    own.redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    load.finish(&cluster).await;
    for name in [r#"taskcast_reconnects_total{dependency="redisPubSub"}"#, "taskcast_bus_gaps_total"] {
        assert!(gauge(&cluster.instances[0], name).await >= 1.0, "{name}");
    }
    let name = "taskcast_bus_repairs_total";
    assert!(gauge(&cluster.instances[0], name).await + gauge(&cluster.instances[1], name).await >= 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_away_under_load_is_nothing_but_archive_lag() {
    let mut own = Own::start().await;
    let cluster = own.cluster(2).await;
    let load = Load::start(&cluster).await;
    for _ in 0..TIMES {
        load.goes_on(BETWEEN).await;
        own.postgres.kill().await;
        load.goes_on(BETWEEN).await;
        let ready = cluster.instances[0].get("/health/ready").await;
        let state = ready.json()["dependencies"]["postgres"]["state"].clone();
        assert_eq!((ready.status, state.as_str()), (200, Some("unhealthy")));
        wait_until("the lag is seen", async || {
            (gauge(&cluster.instances[1], "taskcast_archive_tasks_behind").await > 0.0).then_some(())
        })
        .await;
        own.postgres.restart().await;
    }
    load.finish(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archivers_that_fight_for_every_task_archive_each_event_once() {
    let own = Own::start().await;
    let cluster = own.cluster(3).await;
    let load = Load::start(&cluster).await;
    let leases: Vec<_> = (0..16).map(|part| format!("{}:{{{part}}}:lease", cluster.prefix())).collect();
    let words: Vec<&str> = std::iter::once("DEL").chain(leases.iter().map(String::as_str)).collect();
    for _ in 0..100 * TIMES {
        own.redis.command(&words).await;
        load.goes_on(1).await;
    }
    load.finish(&cluster).await;
}

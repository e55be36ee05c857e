//! Under load, everything fails in turn, ten times each. ENGINE: what users see and what is kept.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Cluster, Own, gauge};
use super::load::{Load, Noticed};
use crate::support::relay::Relay;
use crate::support::{Setup, Store, wait_until, within};

/// How often each thing fails.
const TIMES: usize = 10;
/// Events acknowledged between two failures.
const BETWEEN: u64 = 200;
/// How long Postgres is away.
const OUTAGE: Duration = Duration::from_secs(30);

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
async fn the_last_messages_of_a_task_that_are_lost_under_load_are_made_up_for_within_seconds() {
    let own = Own::start().await;
    let relay = Relay::to(&own.redis.url()).await;
    let mut cluster = own.cluster(1).await;
    cluster.add_server(own.instance_over(relay.url()).await);
    let [one, deaf] = &cluster.instances[..] else { panic!("two instances") };
    let load = Load::start_gently(&cluster).await;
    let repairs = "taskcast_bus_repairs_total";
    let (before, mut waits) = (gauge(deaf, repairs).await, Vec::new());
    for round in 0..TIMES {
        let id = format!("lost-{round}");
        one.running(&id).await;
        let mut stream = deaf.stream(&format!("/tasks/{id}/events?since.index=0")).await;
        one.publish(&id, r#"{"type":"n","data":"heard"}"#).await;
        assert_eq!(stream.event().await["data"], "heard");
        relay.lose_messages_of(&id);
        one.publish(&id, r#"{"type":"n","data":"lost"}"#).await;
        one.moved(&id, "completed").await;
        let ended = Instant::now();
        let rest = within("the stream ends", stream.rest()).await;
        waits.push(ended.elapsed());
        let data: Vec<_> = rest.events.iter().map(|event| event["data"].clone()).collect();
        assert_eq!(data, [json!("lost"), json!({"status": "completed"})]);
        assert_eq!(rest.done.as_deref(), Some("completed"));
        assert_eq!(relay.lost(), 2 * (round + 1), "the message of each commit was lost");
    }
    assert!(gauge(deaf, repairs).await - before >= TIMES as f64);
    waits.sort_unstable();
    assert!(waits[TIMES / 2] < Duration::from_secs(2), "{waits:?}");
    assert_eq!(load.finish(&cluster).await, Noticed { refused: 0, interrupted: 0 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_away_for_half_a_minute_under_load_is_nothing_but_archive_lag() {
    let mut own = Own::start().await;
    let cluster = own.cluster(2).await;
    let load = Load::start_gently(&cluster).await;
    for round in 0..TIMES {
        let away = Instant::now();
        match round % 2 {
            0 => own.postgres.kill().await,
            _ => own.postgres.freeze().await,
        }
        begin_and_end(&cluster, &format!("away-{round}")).await;
        while away.elapsed() < OUTAGE {
            load.goes_on(BETWEEN / 10).await;
        }
        let ready = cluster.instances[0].get("/health/ready").await;
        let state = ready.json()["dependencies"]["postgres"]["state"].clone();
        assert_eq!((ready.status, state.as_str()), (200, Some("unhealthy")));
        for instance in &cluster.instances {
            let lag = gauge(instance, "taskcast_archive_lag_seconds").await;
            assert!(lag > OUTAGE.as_secs_f64() / 2.0, "{lag}");
        }
        match round % 2 {
            0 => own.postgres.restart().await,
            _ => own.postgres.thaw().await,
        }
        wait_until("the archive has caught up", async || {
            (gauge(&cluster.instances[0], "taskcast_archive_lag_seconds").await < 1.0).then_some(())
        })
        .await;
    }
    assert_eq!(load.finish(&cluster).await, Noticed { refused: 0, interrupted: 0 });
    for round in 0..TIMES {
        cluster.release_unchanged(&format!("away-{round}")).await;
    }
}

/// The life of a task that one instance writes and the other one follows.
async fn begin_and_end(cluster: &Cluster, id: &str) {
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    one.running(id).await;
    let mut stream = other.stream(&format!("/tasks/{id}/events?includeStatus=false")).await;
    for number in 0..5 {
        one.publish(id, &json!({"type": "n", "data": number}).to_string()).await;
    }
    other.moved(id, "completed").await;
    let seen = within("the stream ends", stream.rest()).await;
    let data: Vec<_> = seen.events.iter().map(|event| event["data"].clone()).collect();
    assert_eq!((data, seen.done.as_deref()), ((0..5).map(Value::from).collect(), Some("completed")));
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

//! The archive behind Redis: what it holds, and what happens when one of the two is gone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::{Cluster, Own, gauge};
use crate::support::{Server, Setup, Store, wait_until};

/// All ids in the order of the listing, in pages of two.
async fn listed(server: &Server, query: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/tasks?limit=2{query}{cursor}")).await.ok(200);
        let tasks = page["tasks"].as_array().expect("a list");
        ids.extend(tasks.iter().map(|task| task["id"].as_str().expect("an id").to_owned()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

#[tokio::test]
async fn hot_and_cold_tasks_are_listed_alike() {
    let cluster = Cluster::start(Store::Tiered, 2).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    let ids: Vec<String> = (0..9).map(|number| format!("t{number}")).collect();
    for (number, id) in ids.iter().enumerate() {
        one.running(id).await;
        if number % 3 == 0 {
            cluster.release(id).await.ok(200);
        }
    }
    for server in [one, other] {
        assert_eq!(listed(server, "").await, ids);
        assert_eq!(listed(server, "&status=running").await, ids);
        assert_eq!(listed(server, "&status=completed").await, Vec::<String>::new());
    }
    // A cold task that moves on is listed as what it is now.
    other.moved("t3", "completed").await;
    other.moved("t4", "completed").await;
    assert_eq!(listed(one, "&status=completed").await, ["t3", "t4"]);
    assert!(!listed(one, "&status=running").await.contains(&"t3".to_owned()));
}

#[tokio::test]
async fn the_id_of_a_cold_task_is_taken_until_it_is_deleted_or_overwritten() {
    let cluster = Cluster::start(Store::Tiered, 2).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    for id in ["a", "b"] {
        one.running(id).await;
        cluster.release(id).await.ok(200);
        other.post("/tasks", &format!(r#"{{"id":"{id}"}}"#)).await.refused_with(
            409,
            "task_exists",
            "already exists",
        );
    }
    let archive = one.get("/tasks/a/archive").await;
    let body = json!({"archive": archive.json(), "overwrite": true});
    other.post("/tasks/import", &body.to_string()).await;
    assert_eq!(other.delete("/tasks/b").await.status, 204);
    assert_eq!(one.get("/tasks/b").await.status, 404);
    cluster.archived().await;
    one.create("b").await;
    assert_eq!(one.history("b", "").await, Vec::<Value>::new());
    cluster.archived().await;
    let sql = "SELECT count(*) FROM taskcast_events WHERE task_id = 'b'";
    let row = cluster.database().await.query_one(sql, &[]).await.expect("a row");
    assert_eq!(row.get::<_, i64>(0), 0, "the events of the deleted task are gone");
}

#[tokio::test]
async fn when_redis_is_emptied_tasks_go_on_from_postgres() {
    let own = Own::start().await;
    let cluster = own.cluster(2).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    one.running("t").await;
    for number in 1..=5 {
        one.publish("t", &json!({"type": "n", "data": number}).to_string()).await;
    }
    let mut stream = other.stream("/tasks/t/events?since.index=0").await;
    stream.events(5).await;
    cluster.archived().await;
    own.redis.command(&["FLUSHALL"]).await;
    assert_eq!(other.history("t", "").await.len(), 6);
    assert_eq!(other.publish("t", r#"{"type":"n","data":6}"#).await["index"], 6);
    assert_eq!(stream.event().await["data"], 6, "open streams go on");
    one.post("/tasks", r#"{"id":"t"}"#).await.refused_with(409, "task_exists", "already exists");
    one.moved("t", "completed").await;
    assert_eq!(stream.rest().await.done.as_deref(), Some("completed"));
    cluster.archived().await;
    assert_eq!(one.history("t", "").await.len(), 8);
}

#[tokio::test]
async fn while_postgres_is_away_only_cold_tasks_cannot_be_read() {
    let mut own = Own::start().await;
    let cluster = own.cluster(2).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    one.running("hot").await;
    one.running("cold").await;
    cluster.release("cold").await.ok(200);
    own.postgres.kill().await;
    one.publish("hot", r#"{"type":"n","data":1}"#).await;
    other.post("/tasks", "{}").await.ok(201);
    assert_eq!(other.history("hot", "").await.len(), 2);
    let refused = other.get("/tasks/cold").await;
    refused.refused_with(503, "dependency_unavailable", "postgres unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    own.postgres.restart().await;
    wait_until("cold tasks can be read again", async || {
        (other.get("/tasks/cold").await.status == 200).then_some(())
    })
    .await;
    cluster.archived().await;
}

#[tokio::test]
async fn an_archive_that_hangs_is_seen_to_lag_at_once() {
    let mut own = Own::start().await;
    let cluster = own.cluster(1).await;
    let server = &cluster.instances[0];
    server.running("t").await;
    cluster.archived().await;
    own.postgres.freeze().await;
    let frozen = Instant::now();
    server.publish("t", r#"{"type":"n","data":1}"#).await;
    wait_until("the lag is seen", async || {
        (gauge(server, "taskcast_archive_lag_seconds").await > 1.0).then_some(())
    })
    .await;
    assert!(frozen.elapsed() < Duration::from_secs(10), "{:?}", frozen.elapsed());
    own.postgres.thaw().await;
    cluster.archived().await;
}

#[tokio::test]
async fn while_no_task_is_cold_nothing_needs_postgres() {
    let mut own = Own::start().await;
    let cluster = own.cluster(2).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    one.running("t").await;
    own.postgres.kill().await;
    other.create("chosen").await;
    other.get("/tasks/unknown").await.refused(404, "task_not_found", "Task not found");
    assert_eq!(listed(other, "").await, ["t", "chosen"]);
    assert_eq!(other.delete("/tasks/t").await.status, 204);
    own.postgres.restart().await;
    cluster.archived().await;
    let rows = cluster.database().await.query("SELECT id FROM taskcast_tasks", &[]).await.expect("rows");
    assert_eq!(rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), ["chosen"]);
}

#[tokio::test]
async fn a_redis_that_gets_an_archive_is_archived_as_a_whole() {
    let own = Own::start().await;
    let redis_only = own.setup(Store::Redis);
    let server = redis_only.start().await;
    for number in 0..20 {
        server.running(&format!("t{number}")).await;
    }
    server.killed().await;
    let cluster = own.cluster(1).await;
    cluster.archived().await;
    let row =
        cluster.database().await.query_one("SELECT count(*) FROM taskcast_tasks", &[]).await.expect("a row");
    assert_eq!(row.get::<_, i64>(0), 20);
}

#[tokio::test]
async fn the_archive_is_less_than_a_second_behind() {
    let setup = Setup::new(Store::Tiered);
    let cluster = Cluster::start_with(setup, 1).await;
    cluster.instances[0].running("t").await;
    let started = Instant::now();
    cluster.archived().await;
    assert!(started.elapsed().as_secs() < 10, "bounded; the benchmarks have the figure");
}

//! Timers, wherever the task is and whoever is alive: each fires once.

use super::harness::{Cluster, events};
use crate::support::{Store, wait_until};

#[tokio::test]
async fn each_timer_fires_once_however_many_instances_look_at_it() {
    for store in [Store::Redis, Store::Tiered, Store::Postgres] {
        let cluster = Cluster::start(store, 3).await;
        for number in 0..30 {
            let body = format!(r#"{{"id":"t{number}","ttl":1}}"#);
            cluster.instances[number % 3].post("/tasks", &body).await.ok(201);
        }
        for number in 0..30 {
            let path = format!("/tasks/t{number}");
            let server = &cluster.instances[(number + 1) % 3];
            wait_until("it is timed out", async || {
                (server.get(&path).await.ok(200)["status"] == "timeout").then_some(())
            })
            .await;
            let history = events(&server.get(&format!("{path}/events/history")).await);
            assert_eq!(history.len(), 1, "{history:?}");
        }
    }
}

#[tokio::test]
async fn the_timer_of_a_killed_instance_is_fired_by_another() {
    let mut cluster = Cluster::start(Store::Tiered, 2).await;
    cluster.instances[0].post("/tasks", r#"{"id":"t","ttl":1}"#).await.ok(201);
    cluster.instances[0].moved("t", "running").await;
    let mut stream = cluster.instances[1].stream("/tasks/t/events?includeStatus=false").await;
    cluster.kill_oldest().await;
    assert_eq!(stream.done().await, "timeout");
}

#[tokio::test]
async fn a_cold_task_keeps_its_timers() {
    let cluster = Cluster::start(Store::Tiered, 2).await;
    let server = &cluster.instances[0];
    server.post("/tasks", r#"{"id":"t","ttl":3}"#).await.ok(201);
    server.moved("t", "running").await;
    assert_eq!(cluster.release("t").await.ok(200)["released"], true);
    wait_until("it is timed out", async || {
        (server.get("/tasks/t").await.ok(200)["status"] == "timeout").then_some(())
    })
    .await;
    let history = server.history("t", "").await;
    assert_eq!(history.last().expect("events")["data"]["status"], "timeout");
    assert_eq!(history.len(), 2);
}

#[tokio::test]
async fn cleanup_reaches_tasks_in_every_tier() {
    let cluster = Cluster::start(Store::Tiered, 2).await;
    let server = &cluster.instances[0];
    for (id, released) in [("hot", false), ("cold", true)] {
        let rule = r#"{"trigger":{"afterMs":4000},"target":"all"}"#;
        server.post("/tasks", &format!(r#"{{"id":"{id}","cleanup":{{"rules":[{rule}]}}}}"#)).await.ok(201);
        server.moved(id, "running").await;
        server.moved(id, "completed").await;
        if released {
            assert_eq!(cluster.release(id).await.ok(200)["released"], true);
        }
    }
    for id in ["hot", "cold"] {
        wait_until("it is cleaned up", async || {
            (cluster.instances[1].get(&format!("/tasks/{id}")).await.status == 404).then_some(())
        })
        .await;
    }
    cluster.archived().await;
    let rows = cluster.database().await.query("SELECT id FROM taskcast_tasks", &[]).await.expect("rows");
    assert!(rows.is_empty(), "nothing stays in the archive");
}

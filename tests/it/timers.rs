//! Time passes for real here, as little of it as will do (PROTOCOL §13).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::{Client, Server, Setup, Store, wait_until};

on_each_store!(
    a_task_times_out_within_a_second,
    a_blocked_task_resumes_by_itself,
    a_pause_stops_the_clock,
    an_import_arms_no_timer,
    a_new_time_to_live_counts_from_now,
);
with_each_store!(finished_tasks_are_cleaned_up);

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right");
    i64::try_from(since.as_millis()).expect("it is not that late")
}

async fn in_status(client: &Client, id: &str, status: &str) -> Value {
    wait_until(status, async || {
        let task = client.get(&format!("/tasks/{id}")).await.ok(200);
        (task["status"] == status).then_some(task)
    })
    .await
}

async fn a_task_times_out_within_a_second(server: Server) {
    server.post("/tasks", r#"{"id":"t","ttl":1}"#).await.ok(201);
    let mut stream = server.stream("/tasks/t/events").await;
    let ask = r#"{"status":"blocked","reason":"r","blockedRequest":{"type":"q"},"resumeAfterMs":60000}"#;
    server.moved("t", "running").await;
    server.patch("/tasks/t/status", ask).await.ok(200);
    stream.events(3).await;
    let last = stream.event().await;
    assert_eq!((&last["type"], &last["data"]), (&json!("taskcast:status"), &json!({"status": "timeout"})));
    assert_eq!(stream.done().await, "timeout");
    let task = server.get("/tasks/t").await.ok(200);
    let took = task["completedAt"].as_i64().zip(task["createdAt"].as_i64()).map(|(end, start)| end - start);
    assert!(took.is_some_and(|took| (1000..2000).contains(&took)), "{took:?}");
    assert_eq!((&task["status"], &task["ttl"]), (&json!("timeout"), &json!(1)));
    for name in ["reason", "blockedRequest", "resumeAt", "assignedWorker"] {
        assert_eq!(task.get(name), None);
    }
    assert_eq!(server.history("t", "").await.len(), 4, "it fires once");
}

async fn a_blocked_task_resumes_by_itself(server: Server) {
    server.running("t").await;
    let ask = r#"{"status":"blocked","blockedRequest":{"type":"q"},"resumeAfterMs":300}"#;
    let blocked = server.patch("/tasks/t/status", ask).await.ok(200);
    let due = blocked["resumeAt"].as_i64().expect("a time");
    let task = in_status(&server, "t", "running").await;
    let late = task["updatedAt"].as_i64().map(|at| at - due);
    assert!(late.is_some_and(|late| (0..1000).contains(&late)), "{late:?}");
    assert!(task.get("resumeAt").is_none() && task.get("result").is_none(), "{task}");
    let last = server.history("t", "").await.pop().expect("a history");
    assert_eq!((&last["type"], &last["data"]), (&json!("taskcast:resolved"), &json!({})));
}

async fn a_pause_stops_the_clock(server: Server) {
    server.post("/tasks", r#"{"id":"paused","ttl":1}"#).await.ok(201);
    server.moved("paused", "paused").await;
    server.post("/tasks", r#"{"id":"other","ttl":2}"#).await.ok(201);
    in_status(&server, "other", "timeout").await;
    assert_eq!(server.get("/tasks/paused").await.ok(200)["status"], "paused");
    let resumed = server.moved("paused", "running").await["updatedAt"].as_i64().expect("a time");
    let end = in_status(&server, "paused", "timeout").await["completedAt"].as_i64().expect("a time");
    assert!((1000..2000).contains(&(end - resumed)), "{}", end - resumed);
}

async fn an_import_arms_no_timer(server: Server) {
    let task = json!({"id": "old", "status": "running", "ttl": 1, "createdAt": 5, "updatedAt": 5});
    let blocked = json!({"id": "stuck", "status": "blocked", "resumeAt": 5, "createdAt": 5, "updatedAt": 5});
    for task in [task, blocked] {
        let archive = json!({"schema": "taskcast.taskArchive", "version": 1, "exportedAt": 9, "task": task,
            "events": []});
        server.post("/tasks/import", &json!({"archive": archive}).to_string()).await.ok(200);
    }
    server.post("/tasks", r#"{"id":"new","ttl":1}"#).await.ok(201);
    in_status(&server, "new", "timeout").await;
    assert_eq!(server.get("/tasks/old").await.ok(200)["status"], "running");
    assert_eq!(server.get("/tasks/stuck").await.ok(200)["status"], "blocked");
    for status in ["paused", "blocked"] {
        server.moved("stuck", status).await;
    }
    in_status(&server, "stuck", "running").await;
    server.moved("old", "paused").await;
    server.moved("old", "running").await;
    in_status(&server, "old", "timeout").await;
}

async fn a_new_time_to_live_counts_from_now(server: Server) {
    server.post("/tasks", r#"{"id":"t","ttl":1000}"#).await.ok(201);
    let moved = server.patch("/tasks/t/status", r#"{"status":"running","ttl":1}"#).await.ok(200);
    assert_eq!(moved["ttl"], 1);
    let end = in_status(&server, "t", "timeout").await["completedAt"].as_i64();
    let took = end.zip(moved["updatedAt"].as_i64()).map(|(end, start)| end - start);
    assert!(took.is_some_and(|took| (1000..2000).contains(&took)), "{took:?}");
}

async fn finished_tasks_are_cleaned_up(store: Store) {
    let rules = json!([
        {"match": {"taskTypes": ["short.*"], "status": ["completed"]}, "trigger": {"afterMs": 200}, "target": "all"},
        {"match": {"status": ["failed"]}, "trigger": {}, "target": "events",
         "eventFilter": {"types": ["noise"]}},
    ]);
    let server = Setup::new(store).config(json!({"cleanup": {"rules": rules}})).start().await;
    for (id, name) in [("a", "short.x"), ("b", "long"), ("c", "short.x")] {
        server.post("/tasks", &format!(r#"{{"id":"{id}","type":"{name}"}}"#)).await.ok(201);
        server.moved(id, "running").await;
        server.publish(id, r#"[{"type":"noise"},{"type":"note"}]"#).await;
    }
    let mut stream = server.stream("/tasks/b/events").await;
    stream.events(3).await;
    server.moved("a", "completed").await;
    server.moved("b", "completed").await;
    server.moved("c", "failed").await;
    wait_until("the task is gone", async || (server.get("/tasks/a").await.status == 404).then_some(())).await;
    wait_until("the noise is gone", async || {
        let types = crate::support::sse::each(&server.history("c", "").await, "type");
        (types == ["taskcast:status", "note", "taskcast:status"]).then_some(())
    })
    .await;
    assert_eq!(server.history("b", "").await.len(), 4);
    let mut late = server.stream("/tasks/c/events").await;
    let kept = late.rest().await.events;
    assert_eq!(crate::support::sse::each(&kept, "filteredIndex"), [0, 2, 3], "ranks do not shift");
}

#[tokio::test]
async fn a_timer_that_ran_out_while_the_server_was_down_fires_within_a_second() {
    let setup = Setup::new(Store::Sqlite);
    let server = setup.start().await;
    server.post("/tasks", r#"{"id":"ttl","ttl":1}"#).await.ok(201);
    server.running("blocked").await;
    let created = server.get("/tasks/ttl").await.ok(200)["createdAt"].as_i64().expect("a time");
    server.patch("/tasks/blocked/status", r#"{"status":"blocked","resumeAfterMs":1}"#).await.ok(200);
    server.killed().await;
    // Nothing happens while no server runs; the wait is for the clock.
    let overdue = Duration::from_millis(u64::try_from(created + 1100 - now()).unwrap_or(0));
    let never = std::future::pending::<()>();
    tokio::time::timeout(overdue, never).await.expect_err("nothing ends a wait for nothing");
    let server = setup.start().await;
    let started = now();
    for (id, status) in [("ttl", "timeout"), ("blocked", "running")] {
        let task = in_status(&server, id, status).await;
        let late = task["updatedAt"].as_i64().map(|at| at - started);
        assert!(late.is_some_and(|late| late < 1000), "{id}: {late:?}");
    }
}

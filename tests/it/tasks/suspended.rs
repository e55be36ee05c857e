//! Paused and blocked tasks, and what a blocked task asks for (PROTOCOL §6.3, §7.5, §7.6).

use serde_json::{Value, json};

use crate::support::sse::each;
use crate::support::{Client, Server};

on_each_store!(
    a_blocked_task_shows_what_it_asks_for,
    a_resolution_is_the_result_and_an_event,
    a_resolution_that_is_no_object_is_wrapped,
    reasons_last_from_pause_to_block,
    only_a_blocked_task_can_be_resolved,
);
on_local_stores!(without_a_cold_tier_nothing_is_released);

async fn block(client: &Client, id: &str, more: &str) -> Value {
    let body = format!(r#"{{"status":"blocked"{more}}}"#);
    client.patch(&format!("/tasks/{id}/status"), &body).await.ok(200)
}

async fn a_blocked_task_shows_what_it_asks_for(server: Server) {
    server.running("t").await;
    let request = server.get("/tasks/t/request").await;
    request.refused(404, "no_blocked_request", "No blocked request");
    let ask = r#","reason":"why","blockedRequest":{"type":"approve","data":{"z":null,"a":[]},"x":1}"#;
    let task = block(&server, "t", ask).await;
    let request = json!({"type": "approve", "data": {"z": null, "a": []}});
    assert_eq!((&task["reason"], &task["blockedRequest"]), (&json!("why"), &request));
    let shown = server.get("/tasks/t/request").await;
    assert_eq!((shown.status, shown.text()), (200, r#"{"type":"approve","data":{"z":null,"a":[]}}"#));
    let events = server.history("t", "").await;
    assert_eq!(each(&events, "type"), ["taskcast:status", "taskcast:status", "taskcast:blocked"]);
    assert_eq!(each(&events, "index"), [0, 1, 2]);
    assert_eq!(events[2]["data"], json!({"reason": "why", "request": request}));
    server.moved("t", "paused").await;
    server.get("/tasks/t/request").await.refused(404, "no_blocked_request", "No blocked request");
    assert_eq!(server.get("/tasks/t").await.ok(200)["blockedRequest"], request);
    block(&server, "t", "").await;
    assert_eq!(server.get("/tasks/t/request").await.ok(200), request);
    server.moved("t", "running").await;
    let task = server.get("/tasks/t").await.ok(200);
    assert!(["reason", "blockedRequest", "resumeAt"].iter().all(|name| task.get(name).is_none()), "{task}");
    let last = server.history("t", "").await.pop().expect("a history");
    assert_eq!((&last["type"], &last["data"]), (&json!("taskcast:resolved"), &json!({})));
}

async fn a_resolution_is_the_result_and_an_event(server: Server) {
    server.running("t").await;
    block(&server, "t", r#","blockedRequest":{"type":"q","data":null}"#).await;
    assert_eq!(server.get("/tasks/t/request").await.text(), r#"{"type":"q","data":null}"#);
    let task = server.post("/tasks/t/resolve", r#"{"data":{"yes":1,"big":12345678901234567}}"#).await;
    assert!(task.text().contains(r#""result":{"yes":1,"big":12345678901234567}"#), "{}", task.text());
    assert_eq!(task.ok(200)["status"], "running");
    let events = server.history("t", "since.index=2").await;
    assert_eq!(each(&events, "type"), ["taskcast:status", "taskcast:resolved"]);
    let result = json!({"yes": 1, "big": 12_345_678_901_234_567_i64});
    assert_eq!(events[0]["data"], json!({"status": "running", "result": result}));
    assert_eq!(events[1]["data"], json!({"resolution": result}));
    assert_eq!(server.moved("t", "completed").await["result"], result);
}

async fn a_resolution_that_is_no_object_is_wrapped(server: Server) {
    server.running("t").await;
    let bodies = [("{}", json!(null)), (r#"{"data":null}"#, json!(null)), (r#"{"data":[1]}"#, json!([1]))];
    for (body, value) in bodies.into_iter().chain([(r#"{"data":"x"}"#, json!("x"))]) {
        block(&server, "t", "").await;
        let task = server.post("/tasks/t/resolve", body).await.ok(200);
        assert_eq!(task["result"], json!({"resolution": value}), "{body}");
    }
    let types = each(&server.history("t", "").await, "type");
    assert!(types.iter().all(|name| name == "taskcast:status"), "nothing was asked: {types:?}");
}

async fn reasons_last_from_pause_to_block(server: Server) {
    server.create("t").await;
    let pause = r#"{"status":"paused","reason":"lunch","resumeAfterMs":5,"blockedRequest":{"type":"q"}}"#;
    let task = server.patch("/tasks/t/status", pause).await.ok(200);
    assert_eq!(task["reason"], "lunch");
    assert!(task.get("resumeAt").is_none() && task.get("blockedRequest").is_none(), "{task}");
    let task = block(&server, "t", r#","resumeAfterMs":60000"#).await;
    assert_eq!(task["reason"], "lunch");
    let due = task["resumeAt"].as_i64().zip(task["updatedAt"].as_i64());
    assert_eq!(due.map(|(at, now)| at - now), Some(60_000));
    let again = server.moved("t", "paused").await;
    assert_eq!(again["resumeAt"], task["resumeAt"]);
    let task = block(&server, "t", r#","reason":"dinner""#).await;
    assert_eq!((&task["reason"], &task["resumeAt"]), (&json!("dinner"), &again["resumeAt"]));
    let task = server.patch("/tasks/t/status", r#"{"status":"running","reason":"ignored"}"#).await.ok(200);
    assert!(task.get("reason").is_none() && task.get("resumeAt").is_none(), "{task}");
}

async fn only_a_blocked_task_can_be_resolved(server: Server) {
    server.create("t").await;
    for status in ["running", "paused"] {
        let refused = server.post("/tasks/t/resolve", "{}").await;
        refused.refused(400, "task_not_blocked", "Task is not blocked");
        server.moved("t", status).await;
    }
    server.post("/tasks/t/resolve", "[]").await.refused_with(400, "invalid_body", "object");
    server.post("/tasks/none/resolve", "{}").await.refused(404, "task_not_found", "Task not found");
}

async fn without_a_cold_tier_nothing_is_released(server: Server) {
    server.create("t").await;
    let path = "/tasks/t/storage/release";
    for body in ["{}", "[]", r#"{"expectedLastEventIndex":-2,"inactiveSince":0}"#] {
        server.post(path, body).await.refused(400, "invalid_body", "Invalid storage release request");
    }
    let answer = server.post(path, r#"{"expectedLastEventIndex":-1,"inactiveSince":0}"#).await;
    let text = "Task storage release is not supported by this adapter";
    answer.refused(503, "storage_release_unsupported", text);
    assert_eq!(answer.header("retry-after"), None);
    let missing =
        server.post("/tasks/none/storage/release", r#"{"expectedLastEventIndex":0,"inactiveSince":0}"#);
    missing.await.refused(404, "task_not_found", "Task not found");
}

//! Moving tasks through their states (PROTOCOL §6).

use serde_json::{Value, json};

use crate::support::sse::each;
use crate::support::{Client, Server};

const STATUSES: [&str; 9] =
    ["pending", "assigned", "running", "paused", "blocked", "completed", "failed", "timeout", "cancelled"];

/// Where a task may go from each status.
const TABLE: [(&str, &[&str]); 9] = [
    ("pending", &["assigned", "running", "paused", "timeout", "cancelled"]),
    ("assigned", &["pending", "running", "paused", "timeout", "cancelled"]),
    ("running", &["paused", "blocked", "completed", "failed", "timeout", "cancelled"]),
    ("paused", &["assigned", "running", "blocked", "timeout", "cancelled"]),
    ("blocked", &["assigned", "running", "paused", "failed", "timeout", "cancelled"]),
    ("completed", &[]),
    ("failed", &[]),
    ("timeout", &[]),
    ("cancelled", &[]),
];

on_each_store!(
    the_table_of_transitions_holds,
    a_transition_writes_one_status_event,
    result_and_error_are_kept,
    a_bad_transition_is_refused_and_names_the_field,
    a_terminal_task_takes_no_events,
);

/// Makes a task that stands in `status`.
async fn task_in(client: &Client, id: &str, status: &str) {
    client.create(id).await;
    let way: &[&str] = match status {
        "pending" => &[],
        "blocked" | "completed" | "failed" => &["running", status],
        _ => &[status],
    };
    for step in way {
        client.moved(id, step).await;
    }
}

async fn the_table_of_transitions_holds(server: Server) {
    for (from, allowed) in TABLE {
        for to in STATUSES {
            let id = format!("{from}-{to}");
            task_in(&server, &id, from).await;
            let before = server.history(&id, "").await;
            let path = format!("/tasks/{id}/status");
            let answer = server.patch(&path, &format!(r#"{{"status":"{to}"}}"#)).await;
            if allowed.contains(&to) {
                let task = answer.ok(200);
                assert_eq!(task["status"], to);
                let terminal = matches!(to, "completed" | "failed" | "timeout" | "cancelled");
                assert_eq!(task.get("completedAt").is_some(), terminal, "{id}");
                assert_eq!(task.get("completedAt").unwrap_or(&task["updatedAt"]), &task["updatedAt"]);
                assert_eq!(server.history(&id, "").await.len(), before.len() + 1);
            } else {
                let text = format!("Invalid transition: {from} → {to}");
                answer.refused(409, "invalid_transition", &text);
                assert_eq!(server.history(&id, "").await, before);
            }
        }
    }
}

async fn a_transition_writes_one_status_event(server: Server) {
    server.create("t").await;
    assert_eq!(server.history("t", "").await, Vec::<Value>::new());
    let before = server.get("/tasks/t").await.ok(200);
    let answer = server.patch("/tasks/t/status", r#"{"status":"running"}"#).await;
    let task = answer.ok(200);
    assert!(task.get("hot").is_none() && task.get("subscriberCount").is_none(), "{task}");
    assert!(task["updatedAt"].as_i64() >= before["createdAt"].as_i64());
    server.publish("t", r#"{"type":"a"}"#).await;
    assert_eq!(server.get("/tasks/t").await.ok(200)["updatedAt"], task["updatedAt"]);
    let body =
        r#"{"status":"failed","error":{"message":"no","code":"E","details":{"n":1e3}},"result":{"r":1}}"#;
    server.patch("/tasks/t/status", body).await.ok(200);
    let events = server.history("t", "").await;
    assert_eq!(each(&events, "type"), ["taskcast:status", "a", "taskcast:status"]);
    assert_eq!(each(&events, "index"), [0, 1, 2]);
    assert_eq!(each(&events, "level"), ["info", "info", "info"]);
    assert_eq!(events[0]["data"], json!({"status": "running"}));
    let failed: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(events[2]["data"], failed);
    let history = server.get("/tasks/t/events/history").await;
    assert!(history.text().contains(r#""details":{"n":1e3}"#), "{}", history.text());
}

async fn result_and_error_are_kept(server: Server) {
    server.create("t").await;
    let error = json!({"message": "slow"});
    let with_error = json!({"status": "running", "error": {"message": "slow", "more": 1}});
    server.patch("/tasks/t/status", &with_error.to_string()).await.ok(200);
    server.patch("/tasks/t/status", r#"{"status":"paused","result":{"a":1}}"#).await.ok(200);
    server.patch("/tasks/t/status", r#"{"status":"running","result":null}"#).await.ok(200);
    let done = server.patch("/tasks/t/status", r#"{"status":"completed","result":{"b":2}}"#).await.ok(200);
    assert_eq!((&done["result"], &done["error"]), (&json!({"b": 2}), &error));
    let told = each(&server.history("t", "").await, "data");
    let expected = [
        json!({"status": "running", "error": error}),
        json!({"status": "paused", "result": {"a": 1}, "error": error}),
        json!({"status": "running", "result": {"a": 1}, "error": error}),
        json!({"status": "completed", "result": {"b": 2}, "error": error}),
    ];
    assert_eq!(told, expected);
}

async fn a_bad_transition_is_refused_and_names_the_field(server: Server) {
    server.create("t").await;
    let refused = [
        ("{}", "status"),
        (r#"{"status":null}"#, "status"),
        (r#"{"status":"Running"}"#, "status"),
        (r#"{"status":1}"#, "status"),
        (r#"{"status":"running","result":[]}"#, "result"),
        (r#"{"status":"running","error":"x"}"#, "error"),
        (r#"{"status":"running","error":{}}"#, "error.message"),
        (r#"{"status":"running","error":{"message":"m","details":1}}"#, "error.details"),
        (r#"{"status":"running","reason":1}"#, "reason"),
        (r#"{"status":"running","ttl":1.5}"#, "ttl"),
        (r#"{"status":"running","resumeAfterMs":0}"#, "resumeAfterMs"),
        (r#"{"status":"running","resumeAfterMs":9007199254740992}"#, "resumeAfterMs"),
        (r#"{"status":"running","blockedRequest":{}}"#, "blockedRequest.type"),
        (r#"{"status":"running","reason":"\u0000"}"#, "\\u0000"),
        ("[]", "object"),
    ];
    for (body, named) in refused {
        server.patch("/tasks/t/status", body).await.refused_with(400, "invalid_body", named);
        // A bad body is found before a missing task.
        server.patch("/tasks/none/status", body).await.refused_with(400, "invalid_body", named);
    }
    let ttl = server.patch("/tasks/t/status", r#"{"status":"running","ttl":-3}"#).await;
    ttl.refused(400, "invalid_body", "Invalid TTL: -3. TTL must be a positive number.");
    assert_eq!(server.get("/tasks/t").await.ok(200)["status"], "pending");
}

async fn a_terminal_task_takes_no_events(server: Server) {
    for status in ["completed", "failed", "timeout", "cancelled"] {
        task_in(&server, status, status).await;
        let path = format!("/tasks/{status}/events");
        let text = format!("Cannot publish to task in terminal status: {status}");
        for body in [r#"{"type":"a"}"#, r#"[{"type":"a"}]"#, "[]"] {
            server.post(&path, body).await.refused(400, "task_terminal", &text);
        }
        let last = server.history(status, "").await.pop().expect("a history");
        assert_eq!(last["data"]["status"], status);
        let resolve = server.post(&format!("/tasks/{status}/resolve"), "{}").await;
        resolve.refused(400, "task_not_blocked", "Task is not blocked");
    }
}

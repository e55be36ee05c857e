//! `taskcast pipe`: standard input as events.

use serde_json::{Value, json};

use super::{Ran, User};
use crate::support::{Server, Store};

/// The id of the task that a command made, which it tells.
fn told(ran: &Ran) -> String {
    ran.err.split("taskcast logs ").nth(1).unwrap_or_else(|| panic!("{ran:?}")).trim().to_owned()
}

/// The data of the events of this type.
async fn data(server: &Server, id: &str, event_type: &str) -> Vec<Value> {
    let path = format!("/tasks/{id}/events/history?types={event_type}&seriesFormat=accumulated");
    let events = server.get(&path).await.ok(200);
    events.as_array().unwrap().iter().map(|event| event["data"].clone()).collect()
}

#[tokio::test]
async fn lines_words_and_json_become_events_of_a_task_that_completes() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    let ran = user.run_with(&["pipe", "--type", "log", "--tee"], "one\r\ntwo\nthree").await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "one\r\ntwo\nthree"), "{ran:?}");
    let id = told(&ran);
    let lines = ["one", "two", "three"].map(|line| json!({"line": line}));
    assert_eq!(data(&server, &id, "pipe.line").await, lines);
    let task = server.get(&format!("/tasks/{id}")).await.ok(200);
    assert_eq!(
        (&task["status"], &task["type"], &task["result"]),
        (&json!("completed"), &json!("log"), &json!({"events": 3}))
    );

    let ran = user.run_with(&["pipe", "--as", "words", "--series", "answer"], "Nothing is lost.").await;
    assert_eq!(data(&server, &told(&ran), "pipe.text").await, [json!({"delta": "Nothing is lost."})]);

    let ran = user
        .run_with(
            &["pipe", "--as", "json", "--event-type", "point"],
            "{\"b\":1,\"a\":12345678901234567890}\n\n[]\n",
        )
        .await;
    let points = data(&server, &told(&ran), "point").await;
    assert_eq!(
        points.iter().map(Value::to_string).collect::<Vec<_>>(),
        ["{\"b\":1,\"a\":12345678901234567890}", "[]"]
    );
}

#[tokio::test]
async fn a_line_that_is_no_json_fails_the_task_and_tells_which() {
    let server = Server::start(Store::Memory).await;
    let ran = User::of(&server).run_with(&["pipe", "--as", "json"], "1\nnope\n").await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("line 2 is no JSON"), "{ran:?}");
    let tasks = server.get("/tasks").await.ok(200);
    let task = &tasks["tasks"][0];
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!("pipe_failed")));
    assert_eq!(data(&server, task["id"].as_str().unwrap(), "pipe.json").await, [json!(1)]);
}

#[tokio::test]
async fn a_task_that_is_named_goes_on() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    server.post("/tasks", r#"{"id":"mine"}"#).await.ok(201);
    for text in ["a\n", "b\n"] {
        assert_eq!(user.run_with(&["pipe", "--task", "mine"], text).await.code, Some(0));
    }
    assert_eq!(data(&server, "mine", "pipe.line").await, [json!({"line": "a"}), json!({"line": "b"})]);
    assert_eq!(server.get("/tasks/mine").await.ok(200)["status"], "pending");
    let ran = user.run_with(&["pipe", "--task", "nobody"], "a\n").await;
    assert_eq!(ran.code, Some(5), "{ran:?}");
}

#[tokio::test]
async fn a_task_that_is_ended_by_somebody_ends_the_pipe() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    server.post("/tasks", r#"{"id":"t"}"#).await.ok(201);
    server.patch("/tasks/t/status", r#"{"status":"cancelled"}"#).await.ok(200);
    let ran = user.run_with(&["pipe", "--task", "t"], &"line\n".repeat(20_000)).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("terminal status"), "{ran:?}");
}

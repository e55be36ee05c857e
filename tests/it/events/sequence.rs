//! Numbered publishing (PROTOCOL §8.5).

use serde_json::json;

use crate::support::client::request;
use crate::support::sse::each;
use crate::support::{Answer, Client, Server, Setup, Store, Wire, wait_until};

on_each_store!(
    numbers_in_order_are_accepted,
    a_number_too_high_waits_for_the_ones_before,
    a_held_publish_is_answered_when_the_task_ends,
    a_held_publish_whose_client_left_stores_nothing,
    numbered_batches_are_judged_by_their_first_number,
);
with_each_store!(
    a_held_publish_gives_up_after_a_while,
    when_too_much_waits_writes_are_refused,
    numbering_is_shared_by_instances_and_survives_all_of_them,
);

fn event(name: &str, seq: u64, more: &str) -> String {
    format!(r#"{{"type":"{name}","clientId":"c","clientSeq":{seq}{more}}}"#)
}

/// Sends a publish without waiting for its answer.
async fn sent(client: &Client, id: &str, body: &str) -> Wire {
    let mut wire = Wire::connect(client.address).await;
    let bytes = request("POST", &format!("/tasks/{id}/events"), &[], body.as_bytes());
    wire.send(&bytes).await.expect("the server reads");
    wire
}

/// Waits until the number is held: until then a second one like it is a gap for those who do not wait.
async fn held(client: &Client, id: &str, seq: u64) {
    let probe = event("probe", seq, r#","seqMode":"fast-fail""#);
    wait_until("the publish is held", async || {
        let answer = client.post(&format!("/tasks/{id}/events"), &probe).await;
        (answer.json()["code"] == "seq_duplicate").then_some(())
    })
    .await;
}

async fn answered(mut wire: Wire) -> Answer {
    wire.answer(false).await.expect("an answer")
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str, error: &str, expected: u64, received: u64) {
    let json = json!({"error": error, "code": code, "expectedSeq": expected, "receivedSeq": received});
    assert_eq!((answer.status, answer.json()), (status, json));
}

async fn numbers_in_order_are_accepted(server: Server) {
    server.create("t").await;
    for seq in [5, 6] {
        let stored = server.publish("t", &event("a", seq, "")).await;
        assert_eq!((&stored["clientId"], &stored["clientSeq"]), (&json!("c"), &json!(seq)));
    }
    assert_eq!(server.get("/tasks/t/seq/c").await.ok(200), json!({"clientId": "c", "expectedSeq": 7}));
    let stale = server.post("/tasks/t/events", &event("a", 5, "")).await;
    refused(&stale, 409, "seq_stale", "Stale clientSeq: expected 7, received 5", 7, 5);
    let gap = server.post("/tasks/t/events", &event("a", 9, r#","seqMode":"fast-fail""#)).await;
    refused(&gap, 409, "seq_gap", "Gap in clientSeq: expected 7, received 9", 7, 9);
    let unknown = server.get("/tasks/t/seq/d").await;
    unknown.refused(404, "seq_client_not_found", "Unknown client: d");
    assert_eq!(server.history("t", "").await.len(), 2);
    server.moved("t", "cancelled").await;
    server.get("/tasks/t/seq/c").await.refused(404, "seq_client_not_found", "Unknown client: c");
}

async fn a_number_too_high_waits_for_the_ones_before(server: Server) {
    server.create("t").await;
    server.publish("t", &event("0", 0, "")).await;
    let third = sent(&server, "t", &event("3", 3, "")).await;
    held(&server, "t", 3).await;
    let second = sent(&server, "t", &event("2", 2, "")).await;
    held(&server, "t", 2).await;
    let again = server.post("/tasks/t/events", &event("3", 3, "")).await;
    refused(&again, 409, "seq_duplicate", "Duplicate clientSeq: 3 is already waiting", 1, 3);
    assert_eq!(server.publish("t", r#"{"type":"other"}"#).await["index"], 1);
    assert_eq!(server.publish("t", &event("1", 1, "")).await["index"], 2);
    assert_eq!(answered(third).await.ok(201)["index"], 4);
    assert_eq!(answered(second).await.ok(201)["index"], 3);
    assert_eq!(each(&server.history("t", "").await, "type"), ["0", "other", "1", "2", "3"]);
    assert_eq!(server.get("/tasks/t/seq/c").await.ok(200)["expectedSeq"], 4);
}

async fn a_held_publish_is_answered_when_the_task_ends(server: Server) {
    for id in ["done", "gone"] {
        server.create(id).await;
        server.publish(id, &event("0", 0, "")).await;
        let waiting = sent(&server, id, &event("2", 2, "")).await;
        held(&server, id, 2).await;
        if id == "done" {
            server.moved(id, "cancelled").await;
            let text = "Cannot publish to task in terminal status: cancelled";
            answered(waiting).await.refused(400, "task_terminal", text);
            assert_eq!(server.history(id, "").await.len(), 2);
        } else {
            assert_eq!(server.delete("/tasks/gone").await.status, 204);
            answered(waiting).await.refused(404, "task_not_found", "Task not found: gone");
        }
    }
}

async fn a_held_publish_whose_client_left_stores_nothing(server: Server) {
    server.create("t").await;
    server.publish("t", &event("0", 0, "")).await;
    let waiting = sent(&server, "t", &event("lost", 2, "")).await;
    held(&server, "t", 2).await;
    drop(waiting);
    let probe = event("probe", 2, r#","seqMode":"fast-fail""#);
    wait_until("its number is free", async || {
        let answer = server.post("/tasks/t/events", &probe).await;
        (answer.json()["code"] == "seq_gap").then_some(())
    })
    .await;
    server.publish("t", &event("1", 1, "")).await;
    assert_eq!(server.publish("t", &event("2", 2, "")).await["index"], 2);
    assert_eq!(each(&server.history("t", "").await, "type"), ["0", "1", "2"]);
}

async fn numbered_batches_are_judged_by_their_first_number(server: Server) {
    server.create("t").await;
    let batch = |items: &[String]| format!("[{}]", items.join(","));
    let mixed = batch(&[event("a", 1, ""), r#"{"type":"plain"}"#.to_owned(), event("b", 2, "")]);
    let stored = server.publish("t", &mixed).await;
    assert_eq!(each(stored.as_array().expect("a list"), "index"), [0, 1, 2]);
    assert_eq!(server.get("/tasks/t/seq/c").await.ok(200)["expectedSeq"], 3);
    let other = r#"{"type":"x","clientId":"d","clientSeq":4}"#.to_owned();
    for bad in [batch(&[event("a", 3, ""), event("b", 5, "")]), batch(&[event("a", 3, ""), other])] {
        server.post("/tasks/t/events", &bad).await.refused_with(400, "invalid_body", "client");
    }
    let gap = batch(&[event("a", 4, ""), event("b", 5, r#","seqMode":"fast-fail""#)]);
    let answer = server.post("/tasks/t/events", &gap).await;
    refused(&answer, 409, "seq_gap", "Gap in clientSeq: expected 3, received 4", 3, 4);
    let waiting = sent(&server, "t", &batch(&[event("d", 4, ""), event("e", 5, "")])).await;
    held(&server, "t", 5).await;
    server.publish("t", &event("c", 3, "")).await;
    assert_eq!(each(answered(waiting).await.ok(201).as_array().expect("a list"), "index"), [4, 5]);
}

async fn a_held_publish_gives_up_after_a_while(store: Store) {
    let server = Setup::new(store).config(json!({"publish": {"seqHoldTimeoutMs": 60}})).start().await;
    server.create("t").await;
    server.publish("t", &event("0", 0, "")).await;
    let answer = server.post("/tasks/t/events", &event("9", 9, "")).await;
    refused(&answer, 408, "seq_timeout", "Timed out waiting for clientSeq 1, received 9", 1, 9);
    assert_eq!(server.history("t", "").await.len(), 1);
}

async fn when_too_much_waits_writes_are_refused(store: Store) {
    let server = Setup::new(store).config(json!({"engine": {"queueCommands": 1}})).start().await;
    server.create("t").await;
    server.create("other").await;
    server.publish("t", &event("0", 0, "")).await;
    waiting_writes(&server, 0).await;
    let waiting = sent(&server, "t", &event("2", 2, "")).await;
    waiting_writes(&server, 1).await;
    let publish = server.post("/tasks/t/events", r#"{"type":"a"}"#).await;
    let moved = server.patch("/tasks/t/status", r#"{"status":"running"}"#).await;
    for refused in [publish, moved] {
        refused.refused(503, "overloaded", "Server is overloaded");
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    server.publish("other", r#"{"type":"a"}"#).await;
    assert_eq!(server.history("t", "").await.len(), 1);
    drop(waiting);
}

async fn numbering_is_shared_by_instances_and_survives_all_of_them(store: Store) {
    let setup = Setup::new(store);
    let mut instances = vec![setup.start().await];
    if !matches!(store, Store::Memory | Store::Sqlite) {
        instances.push(setup.start().await);
    }
    let (one, other) = (&instances[0], instances.last().expect("there is one"));
    one.create("t").await;
    one.publish("t", &event("0", 0, "")).await;
    let waiting = sent(other, "t", &event("2", 2, "")).await;
    held(other, "t", 2).await;
    assert_eq!(one.publish("t", &event("1", 1, "")).await["index"], 1);
    assert_eq!(answered(waiting).await.ok(201)["index"], 2);
    for instance in &instances {
        let stale = instance.post("/tasks/t/events", &event("a", 1, "")).await;
        refused(&stale, 409, "seq_stale", "Stale clientSeq: expected 3, received 1", 3, 1);
    }
    if store == Store::Memory {
        return;
    }
    for instance in instances {
        instance.killed().await;
    }
    let server = setup.start().await;
    assert_eq!(server.get("/tasks/t/seq/c").await.ok(200)["expectedSeq"], 3);
    let gap = server.post("/tasks/t/events", &event("a", 4, r#","seqMode":"fast-fail""#)).await;
    refused(&gap, 409, "seq_gap", "Gap in clientSeq: expected 3, received 4", 3, 4);
    assert_eq!(server.publish("t", &event("3", 3, "")).await["index"], 3);
}

async fn waiting_writes(server: &Server, count: usize) {
    wait_until("so many writes wait", async || {
        let metrics = server.get("/metrics").await;
        metrics.text().contains(&format!("\ntaskcast_writes_waiting {count}\n")).then_some(())
    })
    .await;
}

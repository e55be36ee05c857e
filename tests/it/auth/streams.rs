//! Streams: which events are shown, and when a credential ends (PROTOCOL §4.3, §4.5, §10).

use std::time::Instant;

use serde_json::{Value, json};

use super::{Caller, now, secured};
use crate::support::sse::each;
use crate::support::{Server, Store, Stream, wait_until, within};

with_each_store!(
    a_stream_of_all_tasks_shows_permitted_tasks_only,
    a_stream_of_all_tasks_obeys_the_rules_of_tasks_that_come_later,
    a_task_that_is_replaced_is_judged_by_its_new_rules,
    streams_end_with_the_token_and_without_a_word,
);

fn only(sub: &str) -> Value {
    json!({"rules": [{"match": {"scope": ["event:subscribe"]}, "require": {"sub": [sub]}}]})
}

/// A follower of all tasks with this subject.
async fn following(server: &Server, sub: &str) -> Stream {
    Caller::with(server, json!({"sub": sub, "scope": "event:subscribe"})).stream("/events").await
}

async fn a_stream_of_all_tasks_shows_permitted_tasks_only(store: Store) {
    let server = secured(store).start().await;
    let root = Caller::root(&server);
    let some = Caller::with(&server, json!({"scope": "event:subscribe", "taskIds": ["a", "later"]}));
    root.create("a").await;
    root.create("b").await;
    let mut stream = some.stream("/events").await;
    let mut typed = some.stream("/events?types=y").await;
    for (task, event_type) in [("a", "x"), ("b", "x"), ("b", "y"), ("a", "y")] {
        root.publish(task, event_type).await.ok(201);
    }
    root.create("later").await;
    root.publish("later", "x").await.ok(201);
    root.publish("later", "y").await.ok(201);
    let mut events = stream.events(4).await;
    events.sort_by_key(|event| event["taskId"] == "later");
    assert_eq!(each(&events, "taskId"), ["a", "a", "later", "later"]);
    assert_eq!(each(&events, "type"), ["x", "y", "x", "y"]);
    assert_eq!(each(&typed.events(2).await, "type"), ["y", "y"]);
    let none = Caller::with(&server, json!({"scope": "event:subscribe", "taskIds": []}));
    drop(none.stream("/events").await);
}

async fn a_stream_of_all_tasks_obeys_the_rules_of_tasks_that_come_later(store: Store) {
    const TASKS: usize = 40;
    let server = secured(store).start().await;
    let root = Caller::root(&server);
    let (mut ann, mut bob) = (following(&server, "ann").await, following(&server, "bob").await);
    for number in 0..TASKS {
        let rules = only(if number % 2 == 0 { "ann" } else { "bob" });
        root.post("/tasks", json!({"id": format!("t{number}"), "authConfig": rules})).await.ok(201);
        for event_type in ["x", "y", "z"] {
            root.publish(&format!("t{number}"), event_type).await.ok(201);
        }
    }
    root.create("free").await;
    root.publish("free", "end").await.ok(201);
    for (stream, rest) in [(&mut ann, 0), (&mut bob, 1)] {
        let events = stream.events(TASKS / 2 * 3 + 1).await;
        for number in (0..TASKS).filter(|number| number % 2 == rest) {
            let of_task: Vec<_> =
                events.iter().filter(|event| event["taskId"] == format!("t{number}")).cloned().collect();
            assert_eq!(each(&of_task, "type"), ["x", "y", "z"], "{number}");
        }
    }
}

async fn a_task_that_is_replaced_is_judged_by_its_new_rules(store: Store) {
    let server = secured(store).start().await;
    let root = Caller::root(&server);
    let mut bob = following(&server, "bob").await;
    root.post("/tasks", json!({"id": "t", "authConfig": only("bob")})).await.ok(201);
    root.publish("t", "shown").await.ok(201);
    assert_eq!(each(&bob.events(1).await, "type"), ["shown"]);
    assert_eq!(root.call("DELETE", "/tasks/t", "").await.status, 204);
    root.post("/tasks", json!({"id": "t", "authConfig": only("ann")})).await.ok(201);
    root.publish("t", "hidden").await.ok(201);
    root.create("free").await;
    root.publish("free", "end").await.ok(201);
    assert_eq!(each(&bob.events(1).await, "type"), ["end"]);
}

async fn streams_end_with_the_token_and_without_a_word(store: Store) {
    let server = secured(store).start().await;
    Caller::root(&server).create("t").await;
    let end = now() + 3;
    let brief = Caller::with(&server, json!({"scope": "event:subscribe", "exp": end}));
    let lasting =
        Caller::with(&server, json!({"scope": "event:subscribe", "exp": now() + 100_000_000_000_000}));
    let mut open = lasting.stream("/tasks/t/events").await;
    let mut streams = Vec::new();
    for path in ["/tasks/t/events", "/events", "/tasks/t/events?wrap=false"] {
        streams.push(brief.stream(path).await);
    }
    Caller::root(&server).publish("t", "a").await.ok(201);
    let started = Instant::now();
    for stream in &mut streams {
        let whole = within("the stream ends", stream.rest()).await;
        assert_eq!((whole.done, whole.retry, each(&whole.events, "type")), (None, None, vec![json!("a")]));
    }
    assert!(now() >= end, "not before the token ends");
    assert!(started.elapsed().as_secs() < 30, "and not much later");
    let answer = brief.get("/tasks/t/events").await;
    answer.refused(401, "invalid_token", "Invalid or expired token");
    wait_until("the streams are closed", async || {
        (lasting.get("/tasks/t").await.ok(200)["subscriberCount"] == 1).then_some(())
    })
    .await;
    Caller::root(&server).publish("t", "b").await.ok(201);
    assert_eq!(each(&open.events(2).await, "type"), ["a", "b"]);
}

#[tokio::test]
async fn a_busy_stream_ends_with_its_token_too() {
    let server = secured(Store::Memory).start().await;
    let root = Caller::root(&server);
    root.create("t").await;
    let brief = Caller::with(&server, json!({"scope": "event:subscribe", "exp": now() + 2}));
    let mut stream = brief.stream("/tasks/t/events").await;
    let publishing = async {
        loop {
            root.publish("t", "a").await.ok(201);
        }
    };
    let whole = within("the stream ends", async {
        tokio::select! {
            () = publishing => unreachable!("it publishes for ever"),
            whole = stream.rest() => whole,
        }
    })
    .await;
    assert_eq!((whole.done, whole.retry), (None, None));
    assert!(!whole.events.is_empty());
}

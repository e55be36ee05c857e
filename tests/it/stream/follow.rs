//! Many readers, readers that go, and how they are counted (PROTOCOL §2, §9.5).

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::support::sse::each;
use crate::support::{Client, Server, Wire, wait_until};

on_each_store!(
    fifty_readers_get_every_event_in_order,
    readers_are_counted_at_once,
    readers_that_vanish_are_not_counted_for_long,
    a_stream_stays_open_while_a_task_is_suspended,
    large_events_and_large_batches_arrive_whole,
);

async fn readers(client: &Client) -> u64 {
    let task = client.get("/tasks/t").await.ok(200);
    let count = task["subscriberCount"].as_u64().expect("a count");
    assert_eq!(task["hot"], count > 0);
    count
}

async fn fifty_readers_get_every_event_in_order(server: Server) {
    server.running("t").await;
    let mut reading = Vec::new();
    for _ in 0..50 {
        let mut stream = server.stream("/tasks/t/events").await;
        reading.push(tokio::spawn(async move { stream.rest().await }));
    }
    let mut wire = Wire::connect(server.address).await;
    for number in 0..200 {
        wire.post("/tasks/t/events", &format!(r#"{{"type":"n","data":{number}}}"#)).await.ok(201);
    }
    server.moved("t", "completed").await;
    for stream in reading {
        let whole = stream.await.expect("the reader is well");
        assert_eq!(whole.done.as_deref(), Some("completed"));
        assert_eq!(whole.events.len(), 202);
        for (place, event) in whole.events.iter().enumerate() {
            assert_eq!((&event["rawIndex"], &event["filteredIndex"]), (&json!(place), &json!(place)));
        }
        assert_eq!(each(&whole.events[1..201], "data"), (0..200).map(|n| json!(n)).collect::<Vec<_>>());
    }
}

async fn readers_are_counted_at_once(server: Server) {
    server.create("t").await;
    assert_eq!(readers(&server).await, 0);
    let mut streams = Vec::new();
    for count in 1..=5 {
        streams.push(server.stream("/tasks/t/events").await);
        let asked = Instant::now();
        wait_until("the reader is counted", async || (readers(&server).await == count).then_some(())).await;
        assert!(asked.elapsed() < Duration::from_millis(100), "{:?}", asked.elapsed());
    }
    let _all = server.stream("/events").await;
    assert_eq!(readers(&server).await, 5, "a reader of all tasks is not counted");
    let listed = server.get("/tasks").await.ok(200);
    assert_eq!(
        (&listed["tasks"][0]["subscriberCount"], &listed["tasks"][0]["hot"]),
        (&json!(5), &json!(true))
    );
    server.moved("t", "cancelled").await;
    for mut stream in streams {
        stream.event().await;
        assert_eq!(stream.done().await, "cancelled");
    }
    wait_until("nobody is counted", async || (readers(&server).await == 0).then_some(())).await;
}

async fn readers_that_vanish_are_not_counted_for_long(server: Server) {
    server.create("t").await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(server.stream("/tasks/t/events").await);
    }
    wait_until("all are counted", async || (readers(&server).await == 20).then_some(())).await;
    let mut left = streams.split_off(10);
    drop(streams);
    let gone = wait_until("ten are gone", async || (readers(&server).await == 10).then_some(()));
    timeout(Duration::from_secs(1), gone).await.expect("they are noticed without an event");
    server.publish("t", r#"{"type":"a"}"#).await;
    for stream in &mut left {
        assert_eq!(stream.event().await["rawIndex"], 0);
    }
    drop(left);
    wait_until("all are gone", async || (readers(&server).await == 0).then_some(())).await;
    let metrics = server.get("/metrics").await;
    assert!(metrics.text().contains("taskcast_sse_connections{kind=\"task\"} 0\n"));
}

async fn a_stream_stays_open_while_a_task_is_suspended(server: Server) {
    server.create("t").await;
    let mut stream = server.stream("/tasks/t/events").await;
    for status in ["running", "paused", "blocked", "assigned", "pending", "running", "completed"] {
        server.moved("t", status).await;
        assert_eq!(stream.event().await["data"], json!({"status": status}));
    }
    assert_eq!(stream.done().await, "completed");
}

async fn large_events_and_large_batches_arrive_whole(server: Server) {
    server.create("t").await;
    let mut live = server.stream("/tasks/t/events").await;
    let large: Vec<_> = ["ä", "x", "\\n"].iter().map(|part| part.repeat((1 << 19) - 8)).collect();
    for text in &large {
        let body = format!(r#"{{"type":"large","data":"{text}"}}"#);
        assert_eq!(server.post("/tasks/t/events", &body).await.status, 201);
    }
    let batch = vec![r#"{"type":"small"}"#; 1000].join(",");
    server.publish("t", &format!("[{batch}]")).await;
    server.moved("t", "cancelled").await;
    let mut late = server.stream("/tasks/t/events").await;
    for stream in [&mut live, &mut late] {
        let whole = stream.rest().await;
        assert_eq!((whole.events.len(), whole.done.as_deref()), (1004, Some("cancelled")));
        for (event, text) in whole.events.iter().zip(&large) {
            assert!(event["data"].as_str() == Some(&text.replace("\\n", "\n")));
        }
        assert!(whole.events.iter().enumerate().all(|(place, event)| event["rawIndex"] == place));
    }
}

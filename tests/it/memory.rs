//! A reader that does not read costs the server nothing (PROTOCOL §9.5, ENGINE §9).

use serde_json::json;

use crate::support::{Server, Store, Wire};

const EVENTS: usize = 100_000;
const BATCH: usize = 1000;
/// What a server may hold for stalled readers, in KiB: windows and socket buffers.
const ALLOWED: u64 = 16 * 1024;

with_each_store!(a_reader_that_stops_reading_costs_nothing_and_misses_nothing);

/// Publishes [`EVENTS`] numbered events and says by how many KiB the server grew.
async fn publish_all(server: &Server, id: &str) -> u64 {
    let before = server.resident();
    let mut wire = Wire::connect(server.address).await;
    for batch in 0..EVENTS / BATCH {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let events: Vec<_> = numbers.map(|number| format!(r#"{{"type":"n","data":{number}}}"#)).collect();
        let answer = wire.post(&format!("/tasks/{id}/events"), &format!("[{}]", events.join(","))).await;
        assert_eq!(answer.status, 201);
    }
    server.resident().saturating_sub(before)
}

async fn a_reader_that_stops_reading_costs_nothing_and_misses_nothing(store: Store) {
    let server = Server::start(store).await;
    // What the events themselves need, without anybody reading.
    server.create("alone").await;
    let alone = publish_all(&server, "alone").await;
    server.create("t").await;
    let mut stalled = Vec::new();
    for _ in 0..3 {
        stalled.push(server.stream("/tasks/t/events").await);
    }
    let read = publish_all(&server, "t").await;
    assert!(read <= alone + ALLOWED, "{read} KiB with stalled readers, {alone} KiB without");
    drop(stalled.split_off(1));
    server.moved("t", "cancelled").await;
    let mut stream = stalled.pop().expect("one is left");
    let before = server.resident();
    for number in 0..EVENTS {
        let event = stream.event().await;
        assert_eq!((&event["data"], &event["filteredIndex"]), (&json!(number), &json!(number)));
    }
    assert_eq!(stream.event().await["type"], "taskcast:status");
    assert_eq!(stream.done().await, "cancelled");
    let grown = server.resident().saturating_sub(before);
    assert!(grown <= ALLOWED, "{grown} KiB for one reader who catches up");
}

//! Webhooks (PROTOCOL §18): the program delivers to a receiver of the test, over real sockets.

mod delivering;
mod failures;
mod hostile;
mod receiver;
mod retrying;
mod surviving;

use serde_json::{Value, json};

use self::receiver::{Delivery, Receiver};
use crate::support::{Client, Setup, Store, wait_until};

/// The program, allowed to deliver to this machine.
fn setup(store: Store) -> Setup {
    Setup::new(store).config(json!({"webhook": {"allowPrivate": true}}))
}

/// Creates the running task `id` with these webhooks; its log holds one event.
async fn running(client: &Client, id: &str, webhooks: Value) {
    let task = json!({"id": id, "webhooks": webhooks});
    client.post("/tasks", &task.to_string()).await.ok(201);
    client.moved(id, "running").await;
}

/// Publishes plain events that carry the numbers of `numbers`.
async fn publish(client: &Client, id: &str, numbers: std::ops::Range<u64>) {
    let event = |n| json!({"type": "note", "data": n});
    let batch: Vec<_> = numbers.map(event).collect();
    client.publish(id, &Value::from(batch).to_string()).await;
}

/// The indexes of raw events, in the order they came.
fn indexes(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries.iter().map(Delivery::index).collect()
}

/// The indexes that came, each where it came first.
fn first_indexes(deliveries: &[Delivery]) -> Vec<u64> {
    let mut seen = std::collections::BTreeSet::new();
    indexes(deliveries).into_iter().filter(|index| seen.insert(*index)).collect()
}

/// Waits until attempts with this outcome have been counted so often.
async fn counted(server: &Client, outcome: &str, count: usize) {
    let line = format!("taskcast_webhook_deliveries_total{{outcome=\"{outcome}\"}} {count}");
    wait_until(&line, async || {
        let metrics = server.get("/metrics").await;
        metrics.text().lines().any(|known| known == line).then_some(())
    })
    .await;
}

/// What could not be delivered, once there are `count` failures and none is under way.
async fn failures(server: &Client, id: &str, count: usize) -> Vec<Value> {
    let path = format!("/tasks/{id}/webhooks/failures");
    wait_until("failures", async || {
        let answer = server.get(&path).await.ok(200);
        let failures = answer["failures"].as_array().expect("a list").clone();
        let settled = failures.iter().all(|failure| failure["redelivering"] == false);
        (failures.len() == count && settled).then_some(failures)
    })
    .await
}

/// A receiver that accepts everything.
async fn willing() -> Receiver {
    Receiver::start(|_| receiver::Reply::status(200)).await
}

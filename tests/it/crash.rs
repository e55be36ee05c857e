//! Killed in the middle of everything: what was acknowledged is there.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::{Client, Setup, Store, Wire, wait_until};

const KILLS: usize = 6;
const PUBLISHERS: u64 = 8;
/// Acknowledged events before a kill.
const ACKNOWLEDGED: usize = 150;

/// Publishes numbers until the server is gone: those acknowledged, with their events, and the one that was not.
async fn publish_until_killed(client: Client, first: u64) -> (BTreeMap<u64, Value>, u64) {
    let mut wire = Wire::connect(client.address).await;
    let mut stored = BTreeMap::new();
    for number in first.. {
        let body = format!(r#"{{"type":"n","data":{number}}}"#);
        match wire.call("POST", "/tasks/t/events", &[], body.as_bytes()).await {
            Ok(answer) => stored.insert(number, answer.ok(201)),
            Err(_) => return (stored, number),
        };
    }
    unreachable!("numbers do not end")
}

#[tokio::test]
async fn after_each_kill_every_acknowledged_event_is_there_once() {
    let setup = Setup::new(Store::Sqlite);
    let mut acknowledged = BTreeMap::new();
    let mut unknown = Vec::new();
    for kill in 0..KILLS {
        let server = setup.start().await;
        if kill == 0 {
            server.running("t").await;
        }
        let before = server.history("t", "").await.len();
        let mut publishing = JoinSet::new();
        for publisher in 0..PUBLISHERS {
            let first = (kill as u64 * PUBLISHERS + publisher) * 1_000_000;
            publishing.spawn(publish_until_killed(server.client, first));
        }
        wait_until("enough was acknowledged", async || {
            let history = server.history("t", &format!("since.index={}", before + ACKNOWLEDGED)).await;
            (!history.is_empty()).then_some(())
        })
        .await;
        server.signal(Signal::SIGKILL);
        for (stored, lost) in publishing.join_all().await {
            acknowledged.extend(stored);
            unknown.push(lost);
        }
        server.killed().await;
        check(&setup, &acknowledged, &unknown).await;
    }
    assert!(acknowledged.len() >= KILLS * ACKNOWLEDGED);
}

async fn check(setup: &Setup, acknowledged: &BTreeMap<u64, Value>, unknown: &[u64]) {
    let server = setup.start().await;
    let history = server.history("t", "").await;
    assert!(history.iter().zip(0..).all(|(event, index)| event["index"] == index), "no holes, no doubles");
    let mut seen = BTreeMap::new();
    for event in history.iter().filter(|event| event["type"] == "n") {
        let number = event["data"].as_u64().expect("a number");
        assert_eq!(seen.insert(number, event), None, "{number} is there twice");
        assert!(acknowledged.contains_key(&number) || unknown.contains(&number), "nobody sent {number}");
    }
    for (number, event) in acknowledged {
        assert_eq!(seen.get(number), Some(&event), "{number} was acknowledged");
    }
    server.killed().await;
}

#[tokio::test]
async fn a_killed_server_comes_back_with_tasks_timers_and_numbering() {
    let setup = Setup::new(Store::Sqlite);
    let server = setup.start().await;
    server
        .post("/tasks", r#"{"id":"t","type":"x","ttl":1000,"tags":["y"],"params":{"n":1e400}}"#)
        .await
        .ok(201);
    server.moved("t", "running").await;
    let delta = r#"{"type":"d","data":{"delta":"a"},"seriesId":"s","seriesMode":"accumulate","clientId":"c","clientSeq":3}"#;
    server.publish("t", delta).await;
    server.patch("/tasks/t/status", r#"{"status":"blocked","blockedRequest":{"type":"q"}}"#).await.ok(200);
    let before = [server.get("/tasks/t").await, server.get("/tasks/t/events/history").await];
    server.killed().await;
    let server = setup.start().await;
    let after = [server.get("/tasks/t").await, server.get("/tasks/t/events/history").await];
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.text(), after.text());
    }
    assert_eq!(server.get("/tasks/t/request").await.text(), r#"{"type":"q"}"#);
    assert_eq!(server.get("/tasks/t/seq/c").await.ok(200)["expectedSeq"], 4);
    server.post("/tasks/t/resolve", "{}").await.ok(200);
    server.publish("t", &delta.replace("\"clientSeq\":3", "\"clientSeq\":4")).await;
    let running = server.history("t", "seriesFormat=accumulated&types=d").await;
    assert_eq!(running[0]["data"]["delta"], "aa");
}

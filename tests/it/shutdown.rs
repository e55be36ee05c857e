//! SIGTERM (PROTOCOL §16.5).

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use tokio::time::Instant;

use crate::support::client::request;
use crate::support::{Server, Setup, Store, Wire, wait_until};

const STREAMS: usize = 500;

with_each_store!(
    five_hundred_streams_end_within_the_window,
    while_it_drains_a_server_takes_requests_but_no_streams,
    a_second_signal_ends_it_at_once,
    a_request_under_way_is_finished,
    a_held_publish_is_told_that_the_server_stops,
    an_idle_server_stops_at_once,
);

async fn start(store: Store, drain: u64) -> Server {
    Setup::new(store).config(json!({"shutdown": {"drainMs": drain}})).start().await
}

/// Waits until the server has begun to stop.
async fn draining(server: &Server) {
    wait_until("the server is not ready", async || {
        let ready = server.get("/health/ready").await;
        (ready.status == 503).then(|| assert_eq!(ready.json()["ok"], false))
    })
    .await;
}

async fn five_hundred_streams_end_within_the_window(store: Store) {
    const DRAIN: Duration = Duration::from_secs(2);
    let mut server = start(store, 2000).await;
    for number in 0..10 {
        server.create(&format!("t{number}")).await;
    }
    let mut reading = Vec::new();
    for number in 0..STREAMS {
        let path =
            if number % 10 == 0 { "/events".to_owned() } else { format!("/tasks/t{}/events", number % 10) };
        let mut stream = server.stream(&path).await;
        reading.push(tokio::spawn(async move {
            let whole = stream.rest().await;
            (whole, Instant::now())
        }));
    }
    let told = Instant::now();
    server.signal(Signal::SIGTERM);
    let mut ends = Vec::new();
    for stream in reading {
        let (whole, end) = stream.await.expect("the reader is well");
        assert_eq!((whole.events, whole.done), (vec![], None));
        let retry = whole.retry.expect("an advice when to come back");
        assert!((1000..=5000).contains(&retry), "{retry}");
        ends.push(end - told);
    }
    assert!(ends.iter().all(|end| *end < DRAIN + Duration::from_millis(500)), "{:?}", ends.iter().max());
    let early = ends.iter().filter(|end| **end < DRAIN / 2).count();
    assert!((STREAMS / 5..STREAMS * 9 / 10).contains(&early), "not even: {early} in the first half");
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs());
    assert!(told.elapsed() < DRAIN + Duration::from_secs(2), "{:?}", told.elapsed());
}

async fn while_it_drains_a_server_takes_requests_but_no_streams(store: Store) {
    let mut server = start(store, 60_000).await;
    server.create("t").await;
    let mut streams = Vec::new();
    for _ in 0..30 {
        streams.push(server.stream("/tasks/t/events").await);
    }
    server.signal(Signal::SIGTERM);
    draining(&server).await;
    for path in ["/tasks/t/events", "/events"] {
        let refused = server.get(path).await;
        refused.refused(503, "shutting_down", "Server is shutting down");
        assert_eq!(refused.header("retry-after"), Some("1"));
    }
    assert_eq!(server.get("/health").await.status, 200);
    assert_eq!(server.get("/health/detail").await.ok(200)["ok"], false);
    let event = server.publish("t", r#"{"type":"late"}"#).await;
    server.create("u").await;
    server.moved("t", "cancelled").await;
    for stream in &mut streams {
        let whole = stream.rest().await;
        let finished = (whole.events.len(), whole.done.as_deref()) == (2, Some("cancelled"));
        assert!(finished || whole.retry.is_some(), "{whole:?}");
        assert!(whole.events.first().is_none_or(|first| first["eventId"] == event["id"]));
    }
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs());
}

async fn a_second_signal_ends_it_at_once(store: Store) {
    for second in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = start(store, 600_000).await;
        server.create("t").await;
        let mut streams = Vec::new();
        for _ in 0..20 {
            streams.push(server.stream("/tasks/t/events").await);
        }
        server.signal(Signal::SIGINT);
        draining(&server).await;
        let told = Instant::now();
        server.signal(second);
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs());
        assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
    }
}

async fn a_request_under_way_is_finished(store: Store) {
    let mut server = start(store, 60_000).await;
    server.create("t").await;
    let mut wire = Wire::connect(server.address).await;
    let expect = [("expect", "100-continue")];
    let bytes = request("POST", "/tasks/t/events", &expect, br#"{"type":"a","data":"long"}"#);
    let (first, second) = bytes.split_at(bytes.len() - 5);
    wire.send(first).await.expect("the server reads");
    assert_eq!(wire.any_head().await.expect("the server wants the rest").status, 100);
    server.signal(Signal::SIGTERM);
    wait_until("the server is told", async || server.logs().contains("stopping").then_some(())).await;
    wire.send(second).await.expect("the server reads");
    assert_eq!(wire.answer(false).await.expect("an answer").ok(201)["index"], 0);
    drop(wire);
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs());
}

async fn a_held_publish_is_told_that_the_server_stops(store: Store) {
    let mut server = start(store, 500).await;
    server.create("t").await;
    server.publish("t", r#"{"type":"a","clientId":"c","clientSeq":0}"#).await;
    let mut wire = Wire::connect(server.address).await;
    let body = br#"{"type":"a","clientId":"c","clientSeq":2}"#;
    wire.send(&request("POST", "/tasks/t/events", &[], body)).await.expect("the server reads");
    wait_until("it is held", async || {
        let probe = r#"{"type":"a","clientId":"c","clientSeq":2,"seqMode":"fast-fail"}"#;
        let answer = server.post("/tasks/t/events", probe).await;
        (answer.json()["code"] == "seq_duplicate").then_some(())
    })
    .await;
    let told = Instant::now();
    server.signal(Signal::SIGTERM);
    let answer = wire.answer(false).await.expect("an answer");
    answer.refused(503, "shutting_down", "Server is shutting down");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs());
    assert!(told.elapsed() < Duration::from_secs(3), "{:?}", told.elapsed());
}

async fn an_idle_server_stops_at_once(store: Store) {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = start(store, 60_000).await;
        server.create("t").await;
        // A connection kept open for later holds nothing up.
        let mut wire = Wire::connect(server.address).await;
        assert!(wire.call("GET", "/health", &[], b"").await.is_ok());
        let told = Instant::now();
        server.signal(signal);
        assert_eq!(server.ended().await.code(), Some(0), "{}", server.logs());
        assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
    }
}

//! `taskcast doctor`: what it finds, and what it advises.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Ran, User};
use crate::auth::{secured_with, token};
use crate::support::middlebox::{Manner, Proxy};
use crate::support::{Server, Setup, Store};

/// What was found about `check`.
#[track_caller]
fn found(ran: &Ran, check: &str) -> (String, String) {
    let mut lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found = lines.rfind(|line| line["check"] == check);
    let found = found.unwrap_or_else(|| panic!("nothing about {check}: {ran:?}"));
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (text("verdict"), format!("{} → {}", text("text"), text("advice")))
}

/// That `check` was found to be so, in these words.
#[track_caller]
fn is(ran: &Ran, check: &str, verdict: &str, part: &str) {
    let (found, text) = found(ran, check);
    assert!(found == verdict && text.contains(part), "{check} is {found}: {text}, not {verdict}: {part}");
}

#[tokio::test]
async fn a_healthy_server_is_well_and_nothing_is_left_behind() {
    let server = Server::start(Store::Sqlite).await;
    let user = User::of(&server);
    let ran = user.run(&["doctor", "--json"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    is(&ran, "server", "well", "taskcast 0.1.0");
    is(&ran, "storage", "well", "sqlite: tasks survive a restart");
    is(&ran, "ready", "well", "it serves");
    is(&ran, "clock", "well", "as the server's");
    is(&ran, "access", "note", "TASKCAST_AUTH_MODE=jwt");
    is(&ran, "round trip", "well", "5 events");
    found(&ran, "open files");
    assert!(user.run(&["tasks", "list", "--json"]).await.jsons().is_empty(), "its task is deleted");

    let text = user.run(&["doctor"]).await;
    let marked =
        text.ok().lines().filter(|line| ["✓ ", "• "].iter().any(|mark| line.starts_with(mark))).count();
    assert!(marked >= 7 && !text.out.contains('✗'), "{text:?}");
}

#[tokio::test]
async fn a_server_in_memory_is_told_apart() {
    let server = Server::start(Store::Memory).await;
    let ran = User::of(&server).run(&["doctor", "--json"]).await;
    assert_eq!(ran.code, Some(0));
    is(&ran, "storage", "note", "tasks are gone when the server stops");
}

#[tokio::test]
async fn a_dead_server_is_not_well() {
    let user = User::new().with("TASKCAST_URL", "http://127.0.0.1:1");
    let ran = user.run(&["doctor", "--json"]).await;
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""), "{ran:?}");
    is(&ran, "server", "ill", "http://127.0.0.1:1/: cannot connect");
    is(&ran, "server", "ill", "taskcast start");
    let text = user.run(&["doctor"]).await;
    assert!(text.code == Some(1) && text.out.contains("✗ server") && text.out.contains("→ "), "{text:?}");
}

#[tokio::test]
async fn a_token_is_tried_and_what_it_lacks_is_said() {
    let server = secured_with(Store::Memory, json!({})).start().await;
    let none = User::of(&server).run(&["doctor", "--json"]).await;
    assert_eq!(none.code, Some(1));
    is(&none, "access", "ill", "TASKCAST_TOKEN");
    let wrong = User::of(&server).with("TASKCAST_TOKEN", "wr0ng").run(&["doctor", "--json"]).await;
    assert!(wrong.code == Some(1) && !wrong.out.contains("wr0ng"), "{wrong:?}");
    is(&wrong, "access", "ill", "refuses the token");

    let with = |scope: Value| {
        let user = User::of(&server).with("TASKCAST_TOKEN", &token(&json!({"scope": scope})));
        async move { user.run(&["doctor", "--json"]).await }
    };
    let reader = with(json!(["event:subscribe", "event:history"])).await;
    assert_eq!(reader.code, Some(0), "{reader:?}");
    is(&reader, "access", "note", "not for event:publish, task:resolve");
    is(&reader, "round trip", "note", "not tried");
    is(&with(json!([])).await, "access", "ill", "may do nothing");
    let all = with(json!(["*"])).await;
    assert_eq!(all.code, Some(0), "{all:?}");
    is(&all, "access", "well", "the token is good");
    is(&all, "round trip", "well", "5 events");
}

/// What the doctor finds through a proxy in front of a server with this time between heartbeats.
async fn through(manner: Manner, keepalive_ms: u64) -> Ran {
    let server =
        Setup::new(Store::Memory).config(json!({"sse": {"keepaliveMs": keepalive_ms}})).start().await;
    let proxy = Proxy::to(server.client.address, manner).await;
    let ran = User::of(&server).run(&["doctor", "--json", "--probe", &proxy.url(), "--idle", "1"]).await;
    assert!(
        server.get("/tasks").await.ok(200)["tasks"].as_array().unwrap().is_empty(),
        "its tasks are deleted"
    );
    ran
}

#[tokio::test]
async fn a_proxy_that_hands_streams_on_is_well() {
    let ran = through(Manner::Plain, 100).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    is(&ran, "proxy", "well", "taskcast");
    is(&ran, "stream", "well", "text/event-stream");
    is(&ran, "buffering", "well", "none");
    is(&ran, "heartbeats", "well", "in 1s of silence");
    is(&ran, "idle", "well", "not cut in 1s");
    let slow = through(Manner::Plain, 60_000).await;
    is(&slow, "heartbeats", "note", "--idle 20");
}

#[tokio::test]
async fn a_proxy_that_holds_events_back_is_found() {
    let ran = through(Manner::Buffering, 100).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    is(&ran, "round trip", "well", "5 events");
    is(&ran, "stream", "ill", "proxy_buffering off");
    is(&ran, "buffering", "ill", "none of 5 events came before the end of the task");
    is(&ran, "buffering", "ill", "X-Accel-Buffering");
}

#[tokio::test]
async fn a_proxy_that_cuts_idle_streams_is_found() {
    let ran = through(Manner::Impatient(Duration::from_millis(400)), 60_000).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    is(&ran, "buffering", "well", "none");
    is(&ran, "idle", "ill", "was cut after");
    is(&ran, "idle", "ill", "proxy_read_timeout");
    is(&ran, "heartbeats", "note", "none before");
}

#[tokio::test]
async fn a_proxy_that_leads_nowhere_is_found() {
    let server = Server::start(Store::Memory).await;
    let ran = User::of(&server).run(&["doctor", "--json", "--probe", "http://127.0.0.1:1"]).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    is(&ran, "server", "well", "taskcast");
    is(&ran, "proxy", "ill", "cannot connect");
}

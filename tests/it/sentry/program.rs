//! The program and a Sentry: what comes out of it over HTTP, and what a Sentry that is away or silent does to it.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::receiver::{Item, Receiver};
use crate::support::servers::Redis;
use crate::support::{Server, Setup, Store, wait_until};

const NOTE: &str = r#"{"type":"note","data":{"n":"s3cret"}}"#;

/// A server that reports to `dsn` what `section` says.
async fn reporting(dsn: String, section: Value) -> Server {
    let setup = Setup::new(Store::Memory).config(json!({"sentry": section}));
    setup.environment(vec![("SENTRY_DSN", dsn)]).start().await
}

/// A task that fails with `error`.
async fn fail(server: &Server, id: &str, error: Value) {
    let new = json!({"id": id, "params": {"key": "s3cret"}});
    server.post("/tasks", &new.to_string()).await.ok(201);
    let path = format!("/tasks/{id}/status");
    server.patch(&path, r#"{"status":"running"}"#).await.ok(200);
    server.patch(&path, &json!({"status": "failed", "error": error}).to_string()).await.ok(200);
}

async fn stopped(mut server: Server) -> String {
    server.signal(Signal::SIGTERM);
    assert!(server.ended().await.success(), "{}", server.logs());
    server.logs()
}

fn text(items: &[Item]) -> String {
    format!("{items:?}")
}

#[tokio::test]
async fn what_goes_wrong_in_the_program_is_reported_to_the_sentry_of_its_dsn() {
    let sentry = Receiver::start().await;
    let server = reporting(sentry.dsn(), json!({"environment": "test"})).await;
    fail(&server, "t", json!({"message": "boom", "code": "E1", "details": {"d": "s3cret"}})).await;
    let event = sentry.message("Task failed [t]: boom").await;
    assert_eq!(event["tags"], json!({"taskId": "t", "status": "failed", "errorCode": "E1"}));
    assert_eq!(event["release"], concat!("taskcast@", env!("CARGO_PKG_VERSION")));
    assert_eq!(event["environment"], "test");
    server.post("/tasks", r#"{"id":"late","ttl":1}"#).await.ok(201);
    let event = sentry.message("Task timed out [late]").await;
    assert_eq!(event["tags"], json!({"taskId": "late", "status": "timeout"}));
    let stream = server.stream("/tasks/late/events").await;
    drop(stream);
    let logs = stopped(server).await;
    let kinds: Vec<_> = sentry.items().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["event", "event"], "no transactions unless they are asked for");
    assert!(!text(&sentry.items()).contains("s3cret") && !logs.contains("k3y"), "{logs}");
}

#[tokio::test]
async fn what_is_switched_off_is_not_sent_and_payloads_are_if_wanted() {
    let sentry = Receiver::start().await;
    let section = json!({
        "dsn": sentry.dsn(), "captureTaskTimeouts": false, "sendPayloads": true, "release": "mine@2",
    });
    let server = Setup::new(Store::Memory).config(json!({"sentry": section})).start().await;
    server.post("/tasks", r#"{"id":"late","ttl":1}"#).await.ok(201);
    wait_until("the task is over", async || {
        (server.get("/tasks/late").await.json()["status"] == "timeout").then_some(())
    })
    .await;
    fail(&server, "t", json!({"message": "boom"})).await;
    let event = sentry.message("Task failed [t]: boom").await;
    assert_eq!(event["extra"], json!({"params": {"key": "s3cret"}}));
    assert_eq!(event["release"], "mine@2");
    stopped(server).await;
    assert_eq!(sentry.items().len(), 1, "{:?}", sentry.items());
}

#[tokio::test]
async fn streams_and_publishes_are_traced_if_that_is_asked_for() {
    let sentry = Receiver::start().await;
    let section = json!({"traceSSEConnections": true, "traceEventPublish": true});
    let server = reporting(sentry.dsn(), section).await;
    server.post("/tasks", r#"{"id":"t"}"#).await.ok(201);
    let mut stream = server.stream("/tasks/t/events").await;
    server.patch("/tasks/t/status", r#"{"status":"running"}"#).await.ok(200);
    server.post("/tasks/t/events", NOTE).await.ok(201);
    server.post("/tasks/t/events", &format!("[{NOTE},{NOTE}]")).await.ok(201);
    server.patch("/tasks/t/status", r#"{"status":"completed"}"#).await.ok(200);
    stream.rest().await;
    let traced =
        |name: &'static str| move |(kind, item): &Item| kind == "transaction" && item["transaction"] == name;
    let stream = sentry.item("a stream", traced("GET /tasks/:id/events")).await;
    assert_eq!(stream["tags"]["taskId"], "t");
    assert_eq!(stream["contexts"]["trace"]["op"], "sse.connection");
    stopped(server).await;
    let publishes: Vec<_> = sentry.items().into_iter().filter(traced("publish")).collect();
    let events: Vec<_> = publishes.iter().map(|(_, item)| item["extra"]["events"].clone()).collect();
    assert_eq!(events, [json!(1), json!(2)]);
    assert!(!text(&sentry.items()).contains("s3cret"));
}

#[tokio::test]
async fn a_redis_that_dies_is_reported_without_its_address_and_so_are_the_events_it_cost() {
    let mut redis = Redis::start().await;
    let sentry = Receiver::start().await;
    let environment = vec![("SENTRY_DSN", sentry.dsn()), ("TASKCAST_REDIS_URL", redis.url())];
    let server = Setup::new(Store::Redis).environment(environment).start().await;
    server.post("/tasks", r#"{"id":"t"}"#).await.ok(201);
    server.patch("/tasks/t/status", r#"{"status":"running"}"#).await.ok(200);
    redis.kill().await;
    assert_eq!(server.post("/tasks/t/events", NOTE).await.status, 503);
    let error = sentry.exception("StorageError").await;
    let value = error["exception"]["values"][0]["value"].as_str().unwrap();
    assert!(
        value.starts_with("redisCommand unavailable (") && error["tags"]["operation"].is_string(),
        "{error}"
    );
    sentry
        .item("a dropped event", |(_, event)| {
            let message = event["message"].as_str().unwrap_or_default();
            message.starts_with("Event dropped [t]: ") && event["tags"]["eventType"] == "note"
        })
        .await;
    sentry.exception("BroadcastError").await;
    let port = redis.url().rsplit(':').next().unwrap().to_owned();
    let items = text(&sentry.items());
    assert!(!items.contains("s3cret") && !items.contains("redis://") && !items.contains(&port), "{items}");
}

#[tokio::test]
async fn a_sentry_that_is_away_or_never_answers_harms_nothing_and_the_program_ends_in_time() {
    let away = "http://k3y@127.0.0.1:1/1".to_owned();
    let silent = Receiver::silent().await;
    for dsn in [away, silent.dsn()] {
        let server = reporting(dsn, json!({"traceEventPublish": true})).await;
        server.post("/tasks", r#"{"id":"t"}"#).await.ok(201);
        server.patch("/tasks/t/status", r#"{"status":"running"}"#).await.ok(200);
        for _ in 0..600 {
            server.post("/tasks/t/events", NOTE).await.ok(201);
        }
        fail(&server, "u", json!({"message": "boom"})).await;
        server.is_well().await;
        stopped(server).await;
    }
}

/// The names of the program's threads.
fn threads(server: &Server) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let name =
        |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.unwrap().path().join("comm"));
    tasks.filter_map(|task| name(task).ok()).map(|name| name.trim().to_owned()).collect()
}

#[tokio::test]
async fn without_a_dsn_there_is_neither_a_client_nor_a_thread_for_hooks() {
    let server =
        Setup::new(Store::Memory).config(json!({"sentry": {"captureTaskFailures": true}})).start().await;
    fail(&server, "t", json!({"message": "boom"})).await;
    let names = threads(&server);
    assert!(!names.iter().any(|name| name.starts_with("sentry") || name == "taskcast-hooks"), "{names:?}");
    let sentry = Receiver::start().await;
    let server = reporting(sentry.dsn(), json!({})).await;
    fail(&server, "t", json!({"message": "boom"})).await;
    sentry.message("Task failed [t]: boom").await;
    let names = threads(&server);
    assert!(names.iter().any(|name| name.starts_with("sentry")), "{names:?}");
    assert!(names.contains(&"taskcast-hooks".to_owned()), "{names:?}");
}

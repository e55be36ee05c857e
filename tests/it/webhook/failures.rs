//! What could not be delivered: listed, delivered again, forgotten with its task; and what nobody is ever shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde_json::{Value, json};

use super::receiver::Reply;
use super::{Delivery, Receiver, failures, indexes, publish, running, setup, willing};
use crate::support::{Store, wait_until};

/// A receiver that refuses everything until it is told to be willing.
async fn refusing() -> (Receiver, Arc<AtomicBool>) {
    let willing = Arc::<AtomicBool>::default();
    let now = Arc::clone(&willing);
    let reply = move |_: &Delivery| Reply::status(if now.load(Relaxed) { 200 } else { 500 });
    (Receiver::start(reply).await, willing)
}

const AT_ONCE: &str = r#"{"retries":0}"#;

fn hook(receiver: &Receiver) -> Value {
    let retry: Value = serde_json::from_str(AT_ONCE).unwrap();
    json!([{"url": receiver.url("/path?query"), "wrap": true, "retry": retry}])
}

with_each_store!(what_failed_is_listed_and_delivered_again_on_demand);

async fn what_failed_is_listed_and_delivered_again_on_demand(store: Store) {
    let (receiver, willing) = refusing().await;
    let server = setup(store).start().await;
    running(&server, "t", hook(&receiver)).await;
    publish(&server, "t", 0..2).await;
    let failed = failures(&server, "t", 3).await;
    let events = server.history("t", "").await;
    for (place, failure) in failed.iter().enumerate() {
        let at = &failure["failedAt"];
        assert!(at.as_i64().unwrap() >= failure["firstAttemptAt"].as_i64().unwrap());
        let expected = json!({
            "id": format!("t0-{place}"), "source": "task", "host": "127.0.0.1", "index": place,
            "eventId": events[place]["id"], "type": events[place]["type"], "attempts": 1, "status": 500,
            "error": "the receiver did not accept it", "firstAttemptAt": failure["firstAttemptAt"],
            "failedAt": at, "redelivering": false,
        });
        assert_eq!(*failure, expected);
    }
    let redeliver = async |body: &str| server.post("/tasks/t/webhooks/redeliver", body).await.ok(202);
    assert_eq!(redeliver(r#"{"failures":["t0-1","t0-9"]}"#).await, json!({"redelivering": 1}));
    wait_until("one more attempt", async || {
        let failed = failures(&server, "t", 3).await;
        (failed[1]["attempts"] == 2).then_some(())
    })
    .await;
    willing.store(true, Relaxed);
    assert_eq!(redeliver(r#"{"failures":["t0-1"]}"#).await, json!({"redelivering": 1}));
    let left = failures(&server, "t", 2).await;
    assert_eq!(left.iter().map(|failure| &failure["index"]).collect::<Vec<_>>(), [&json!(0), &json!(2)]);
    assert_eq!(redeliver("{}").await, json!({"redelivering": 2}));
    failures(&server, "t", 0).await;
    assert_eq!(redeliver("{}").await, json!({"redelivering": 0}));
    let seen = receiver.exactly(7).await;
    let places: Vec<_> = seen.iter().map(|delivery| delivery.json()["filteredIndex"].clone()).collect();
    assert_eq!(places, [0, 1, 2, 1, 1, 0, 2]);
    assert_eq!(seen[3].header("x-taskcast-timestamp"), seen[1].header("x-taskcast-timestamp"));
    assert_eq!(seen[4].body, seen[1].body);
}

#[tokio::test]
async fn requests_about_failures_are_checked() {
    let server = setup(Store::Memory).start().await;
    server.create("t").await;
    let none = json!({"failures": [], "dropped": 0});
    assert_eq!(server.get("/tasks/t/webhooks/failures").await.ok(200), none);
    server.get("/tasks/u/webhooks/failures").await.refused(404, "task_not_found", "Task not found");
    let ask =
        async |id: &str, body: &str| server.post(&format!("/tasks/{id}/webhooks/redeliver"), body).await;
    ask("u", "{}").await.refused(404, "task_not_found", "Task not found");
    ask("t", "").await.refused(400, "invalid_body", "Malformed JSON in request body");
    ask("t", "[]").await.refused(400, "invalid_body", "request body must be an object");
    ask("t", r#"{"failures":"a"}"#).await.refused(400, "invalid_body", "failures must be an array");
    ask("t", r#"{"failures":[1]}"#).await.refused(400, "invalid_body", "failures[0] must be a string");
    assert_eq!(ask("t", r#"{"failures":null}"#).await.ok(202), json!({"redelivering": 0}));
}

with_each_store!(
    a_deleted_task_is_delivered_no_more,
    an_import_delivers_nothing_and_what_comes_later_is_delivered
);

async fn a_deleted_task_is_delivered_no_more(store: Store) {
    let refuse = |delivery: &Delivery| {
        let is_clock = delivery.task() == "clock" && delivery.index() == 0;
        Reply::status(if is_clock || delivery.task() == "t" { 500 } else { 200 })
    };
    let receiver = Receiver::start(refuse).await;
    let server = setup(store).start().await;
    let often = json!({"retries": 1_000_000, "backoff": "fixed", "initialDelayMs": 50});
    running(&server, "t", json!([{"url": receiver.url("/"), "retry": often}])).await;
    receiver.until("attempts", |seen| seen.len() > 3).await;
    server.delete("/tasks/t").await;
    // Its attempts, a second and a half apart, tell the time.
    let slowly = json!({"retries": 2, "backoff": "fixed", "initialDelayMs": 1500});
    running(&server, "clock", json!([{"url": receiver.url("/"), "retry": slowly}])).await;
    let of = |seen: &[Delivery], task: &str| seen.iter().filter(|delivery| delivery.task() == task).count();
    let then = receiver.until("the clock strikes", |seen| of(seen, "clock") == 2).await;
    let later = receiver.until("the clock strikes again", |seen| of(seen, "clock") == 3).await;
    assert_eq!(of(&then, "t"), of(&later, "t"));
}

async fn an_import_delivers_nothing_and_what_comes_later_is_delivered(store: Store) {
    let receiver = willing().await;
    let server = setup(store).start().await;
    running(&server, "t", json!([{"url": receiver.url("/")}])).await;
    publish(&server, "t", 0..3).await;
    receiver.exactly(4).await;
    let archive = server.get("/tasks/t/archive").await.ok(200);
    let import = json!({"archive": archive, "overwrite": true});
    server.post("/tasks/import", &import.to_string()).await.ok(200);
    publish(&server, "t", 3..4).await;
    assert_eq!(indexes(&receiver.exactly(5).await), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn secrets_and_paths_of_webhooks_are_never_shown() {
    let (receiver, _) = refusing().await;
    let setup = setup(Store::Sqlite);
    let server = setup.start().await;
    let url = receiver.url("/p4th?t0ken").replace("http://", "http://us3r:p4ss@");
    let hooks = json!([{"url": url, "secret": "s3cret", "retry": {"retries": 1, "initialDelayMs": 1}}]);
    let task = json!({"id": "t", "webhooks": hooks});
    let mut shown = vec![server.post("/tasks", &task.to_string()).await];
    server.moved("t", "running").await;
    failures(&server, "t", 1).await;
    for path in
        ["/tasks/t", "/tasks", "/tasks/t/archive", "/tasks/t/events/history", "/health/detail", "/metrics"]
    {
        shown.push(server.get(path).await);
    }
    for answer in &shown {
        assert!(!answer.text().contains("s3cret"), "{}", answer.text());
    }
    let listed = server.get("/tasks/t/webhooks/failures").await;
    let wrong = json!({"webhooks": [{"url": url, "secret": "whsec_s3cret!"}]});
    let refused = server.post("/tasks", &wrong.to_string()).await;
    refused.refused_with(400, "invalid_body", "webhooks[0].secret");
    assert!(server.logs().contains("could not be delivered"), "{}", server.logs());
    for hidden in ["s3cret", "p4th", "t0ken", "us3r", "p4ss"] {
        for text in [listed.text(), refused.text(), &server.logs()] {
            assert!(!text.contains(hidden), "{hidden}: {text}");
        }
    }
    assert_eq!(server.logs().matches("could not be delivered").count(), 1, "it is logged once");
}

//! Requests whose answers are lost, and servers that ask to wait.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;
use taskcast::client::{
    BlockedRequest, Client, ClientError, HistoryQuery, NewEvent, NewTask, TaskQuery, TaskStatus, Transition,
};
use tokio::time::Instant;

use super::{client, hasty};
use crate::support::Server;
use crate::support::proxy::{Fate, Gate, Plan, Proxy};

/// The request arrives, its answer does not.
const LOST: Fate = Fate::Answering(0);

on_local_stores!(
    a_creation_whose_answer_is_lost_happens_once,
    a_publish_whose_answer_is_lost_happens_once,
    a_lost_answer_to_a_transition_is_no_error,
    a_race_that_is_lost_is_an_error_whatever_was_lost_before,
    a_lost_answer_to_a_deletion_is_no_error,
    what_may_not_be_repeated_is_not,
);

fn named(id: &str) -> NewTask {
    NewTask { id: Some(id.to_owned()), ..NewTask::default() }
}

async fn through(proxy: &Proxy) -> Client {
    hasty(&proxy.url()).build().unwrap()
}

/// The values of a header of all requests.
fn headers(proxy: &Proxy, name: &str) -> Vec<String> {
    let all = proxy.asked().concat();
    all.lines().filter_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned).collect()
}

async fn a_creation_whose_answer_is_lost_happens_once(server: Server) {
    // The head of an answer alone says as little as nothing.
    let fates = vec![LOST, Fate::Asking(150), Fate::Refused, Fate::Answering(20), Fate::Answering(200)];
    let proxy = Proxy::planned(server.address, fates).await;
    let task = through(&proxy).await.create_task(NewTask::of_type("once")).await.unwrap();
    let all: Vec<_> = client(&server).list_tasks(TaskQuery::default()).try_collect().await.unwrap();
    assert_eq!(all.iter().map(|task| &task.id).collect::<Vec<_>>(), [&task.id]);
    let keys = headers(&proxy, "idempotency-key");
    assert!(keys.len() >= 4 && keys.iter().all(|key| *key == keys[0] && key.len() == 32), "{keys:?}");
    let other = through(&proxy).await.create_task(named("other")).await.unwrap();
    assert_ne!(other.id, task.id);
    assert_ne!(headers(&proxy, "idempotency-key").last(), keys.last());
}

async fn a_publish_whose_answer_is_lost_happens_once(server: Server) {
    let direct = client(&server);
    direct.create_task(named("t")).await.unwrap();
    let proxy = Proxy::planned(server.address, vec![LOST, LOST]).await;
    let event = through(&proxy).await.publish("t", NewEvent::new("a", 1)).await.unwrap();
    assert_eq!((event.index, proxy.connections()), (0, 3));
    let proxy = Proxy::planned(server.address, vec![LOST]).await;
    let batch = [NewEvent::new("b", 2), NewEvent::new("c", 3)];
    let events = through(&proxy).await.publish_batch("t", &batch).await.unwrap();
    assert_eq!(events.iter().map(|event| event.index).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(direct.history("t", &HistoryQuery::default()).await.unwrap().len(), 3);
}

async fn a_lost_answer_to_a_transition_is_no_error(server: Server) {
    let direct = client(&server);
    direct.create_task(named("t")).await.unwrap();
    let proxy = Proxy::planned(server.address, vec![LOST]).await;
    assert_eq!(through(&proxy).await.start("t").await.unwrap().status, TaskStatus::Running);
    let proxy = Proxy::planned(server.address, vec![LOST, LOST]).await;
    let result = json!({"tokens": 42, "exactly": 0.1, "list": [1, {"deep": null}]});
    let completed = through(&proxy).await.complete("t", result.clone()).await.unwrap();
    assert_eq!(completed.status, TaskStatus::Completed);
    assert_eq!(completed.result.unwrap().read::<serde_json::Value>().unwrap(), result);
    let events = direct.history("t", &HistoryQuery::default()).await.unwrap();
    assert_eq!(events.len(), 2, "each change happened once: {events:?}");
    let again = direct.complete("t", result).await.unwrap_err();
    assert_eq!(again.code(), "invalid_transition", "nothing was lost, so this was somebody else's");
}

async fn a_race_that_is_lost_is_an_error_whatever_was_lost_before(server: Server) {
    let direct = client(&server);
    let results = [json!({"by": "us"}), json!({"by": "them"})];
    for (id, theirs) in [("cancelled", None), ("completed", Some(results[1].clone()))] {
        direct.create_task(named(id)).await.unwrap();
        direct.start(id).await.unwrap();
        // The request never arrives, and before the second attempt somebody else is faster.
        let gate = Gate::closed();
        let hold = gate.clone();
        let proxy = Proxy::start(&[server.address], move |number| match number {
            0 => Fate::Asking(0).into(),
            _ => Plan { gate: Some(hold.clone()), ..Fate::Good.into() },
        })
        .await;
        let slow = through(&proxy).await;
        let completing = tokio::spawn({
            let ours = results[0].clone();
            async move { slow.complete(id, ours).await }
        });
        proxy.had(2).await;
        match theirs {
            None => direct.cancel(id).await.unwrap(),
            Some(theirs) => direct.complete(id, theirs).await.unwrap(),
        };
        gate.open();
        let error = completing.await.unwrap().unwrap_err();
        assert_eq!((error.status(), error.code()), (Some(409), "invalid_transition"));
        assert_eq!(
            error.to_string(),
            format!("Invalid transition: {id} → completed (409, invalid_transition)")
        );
    }
}

async fn a_lost_answer_to_a_deletion_is_no_error(server: Server) {
    let direct = client(&server);
    direct.create_task(named("t")).await.unwrap();
    let proxy = Proxy::planned(server.address, vec![LOST, Fate::Refused]).await;
    through(&proxy).await.delete_task("t").await.unwrap();
    assert_eq!(proxy.connections(), 3);
    assert_eq!(direct.get_task("t").await.unwrap_err().code(), "task_not_found");
    assert_eq!(direct.delete_task("t").await.unwrap_err().code(), "task_not_found");
}

async fn what_may_not_be_repeated_is_not(server: Server) {
    let direct = client(&server);
    direct.create_task(named("t")).await.unwrap();
    direct.start("t").await.unwrap();
    let asks = BlockedRequest { request_type: "approve".into(), data: None };
    let block = Transition { blocked_request: Some(asks), ..Transition::to(TaskStatus::Blocked) };
    direct.transition("t", block).await.unwrap();
    // What surely never arrived may be sent again.
    let proxy = Proxy::planned(server.address, vec![LOST]).await;
    let error = through(&proxy).await.resolve("t", json!({"approved": true})).await.unwrap_err();
    assert!(matches!(error, ClientError::Connection { sent: true, .. }), "{error:?}");
    assert!(error.outcome_is_unknown() && error.is_transient());
    assert_eq!((error.code(), proxy.connections()), ("connection_failed", 1));
    assert_eq!(direct.get_task("t").await.unwrap().status, TaskStatus::Running);
}

fn answer(status: &str, more: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{more}connection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn refusal(status: &str, code: &str, more: &str) -> String {
    answer(status, more, &format!(r#"{{"error":"Not now","code":"{code}"}}"#))
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_waited_for() {
    let refusals = [
        refusal("503 Service Unavailable", "overloaded", "retry-after: 1\r\n"),
        refusal("503 Service Unavailable", "shutting_down", "Retry-After: 1\r\n"),
        refusal("429 Too Many Requests", "rate_limited", "retry-after: 1\r\n"),
    ];
    let task = r#"{"id":"t","status":"running","createdAt":1,"updatedAt":1}"#;
    let gone_on = &answer("200 OK", "", task);
    let late = &answer("408 Request Timeout", "", "");
    let proxy = Proxy::answering(&[late, gone_on]).await;
    through(&proxy).await.resolve("t", json!(1)).await.expect("the server itself got no request");
    let waits = refusals.each_ref().map(async |refused| {
        let proxy = Proxy::answering(&[refused, gone_on]).await;
        let begun = Instant::now();
        // May not be repeated when its outcome is unknown, but these say that nothing was done.
        let task = through(&proxy).await.resolve("t", json!(1)).await.unwrap();
        assert_eq!((task.status, proxy.connections()), (TaskStatus::Running, 2));
        assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    });
    futures_util::future::join_all(waits).await;
}

#[tokio::test]
async fn nobody_waits_for_longer_than_a_request_may_take() {
    let refused = refusal("503 Service Unavailable", "overloaded", "retry-after: 3600\r\n");
    let proxy = Proxy::answering(&[&refused]).await;
    let error = through(&proxy).await.start("t").await.unwrap_err();
    assert_eq!((error.code(), error.retry_after()), ("overloaded", Some(Duration::from_secs(3600))));
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn a_server_that_cannot_is_asked_as_often_as_set() {
    let refused = refusal("503 Service Unavailable", "dependency_unavailable", "");
    let proxy = Proxy::answering(&[&refused]).await;
    let patient = hasty(&proxy.url()).attempts(4).build().unwrap();
    assert_eq!(patient.start("t").await.unwrap_err().to_string(), "Not now (503, dependency_unavailable)");
    assert_eq!(proxy.connections(), 4);
    // What became of it is unknown, so it is not asked for again.
    assert!(patient.resolve("t", json!(1)).await.unwrap_err().outcome_is_unknown());
    assert_eq!(proxy.connections(), 5);
    let proxy = Proxy::answering(&[&refusal("500 Internal Server Error", "internal_error", "")]).await;
    assert_eq!(through(&proxy).await.start("t").await.unwrap_err().code(), "internal_error");
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let proxy = Proxy::planned(([127, 0, 0, 1], 1).into(), vec![Fate::Silent; 9]).await;
    let limit = Duration::from_millis(50);
    let hasty = hasty(&proxy.url()).request_timeout(limit).attempts(3).build().unwrap();
    let error = hasty.get_task("t").await.unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), ("timeout", "no answer within 50ms"));
    assert_eq!(proxy.connections(), 3);
}

#[tokio::test]
async fn a_refusal_that_is_cut_short_is_asked_for_again() {
    let whole = &refusal("409 Conflict", "invalid_transition", "");
    let cut = &whole[..whole.len() - 9];
    let proxy = Proxy::answering(&[cut, whole]).await;
    let client = through(&proxy).await;
    assert_eq!(client.create_task(NewTask::default()).await.unwrap_err().code(), "invalid_transition");
    assert_eq!(proxy.connections(), 2);
    let proxy = Proxy::answering(&[cut, whole]).await;
    let mut stream = through(&proxy).await.subscribe("t").stream();
    assert_eq!(stream.next().await.unwrap().unwrap_err().code(), "invalid_transition");
    assert_eq!(proxy.connections(), 2);
    // What may not be repeated stays unknown.
    let proxy = Proxy::answering(&[cut, whole]).await;
    assert!(through(&proxy).await.resolve("t", json!(1)).await.unwrap_err().outcome_is_unknown());
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn what_is_not_taskcast_is_told_apart() {
    let page = &answer("200 OK", "content-type: text/html\r\n", "<html>");
    let moved = &answer("302 Found", "location: http://127.0.0.1:1/\r\n", "");
    let proxy = Proxy::answering(&[page, moved]).await;
    let client = through(&proxy).await;
    assert_eq!(client.get_task("t").await.unwrap_err().code(), "invalid_answer");
    let error = client.get_task("t").await.unwrap_err();
    assert_eq!((error.code(), error.status(), proxy.connections()), ("http_302", Some(302), 2));
}

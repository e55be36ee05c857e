//! `Idempotency-Key` (PROTOCOL §8.6).

use nix::sys::signal::Signal;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::client::request;
use crate::support::sse::each;
use crate::support::{Answer, Client, Server, Setup, Store, Wire, wait_until};

on_each_store!(
    a_repeated_publish_is_answered_byte_for_byte,
    a_repeated_creation_is_answered_byte_for_byte_also_after_a_deletion,
    another_body_is_refused_before_anything_else_is_looked_at,
    only_success_is_remembered,
    keys_of_events_go_with_their_task,
    keys_belong_to_a_path,
    bad_keys_are_refused,
    repeats_of_a_publish_that_waits_wait_with_it,
    a_client_that_hangs_up_does_not_make_its_repeat_write_twice,
    numbered_publishes_are_repeated_by_key_rather_than_found_stale,
);
with_each_store!(what_cleanup_took_is_still_answered, two_instances_at_once_write_once);

/// A request with a key.
async fn keyed(client: &Client, path: &str, key: &str, body: &str) -> Answer {
    client.call("POST", path, &[("idempotency-key", key)], body.as_bytes()).await
}

/// That `again` is `first` once more.
#[track_caller]
fn is_replay(again: &Answer, first: &Answer) {
    assert_eq!((again.status, again.text()), (first.status, first.text()));
    assert_eq!(
        (first.header("idempotent-replayed"), again.header("idempotent-replayed")),
        (None, Some("true"))
    );
    assert_eq!(again.header("content-type"), first.header("content-type"));
}

const MISMATCH: &str = "Idempotency-Key was used with a different request body";

#[track_caller]
fn is_mismatch(answer: &Answer) {
    answer.refused(422, "idempotency_mismatch", MISMATCH);
    assert_eq!(answer.header("idempotent-replayed"), None);
}

/// Bodies of a publish, in the order in which they are sent.
const BODIES: [&str; 6] = [
    r#"{"type":"d","data":{"delta":"a","z":1,"a":[]},"seriesId":"s","seriesMode":"accumulate"}"#,
    r#"[{"type":"p","data":12345678901234567,"seriesId":"l","seriesMode":"latest","level":"warn"},{"type":"p"}]"#,
    r#"{ "type" : "x", "data" : {"b":0.1234567890123456789,"a":1E+400,"\u00fc":"\ud83d\ude00"} }"#,
    r#"[{"type":"one"}]"#,
    "[]",
    r#"{"type":"c","clientId":"c","clientSeq":7,"seqMode":"fast-fail","seriesAccField":"f"}"#,
];

async fn a_repeated_publish_is_answered_byte_for_byte(server: Server) {
    server.running("t").await;
    let mut first = Vec::new();
    for (key, body) in BODIES.iter().enumerate() {
        first.push(keyed(&server, "/tasks/t/events", &key.to_string(), body).await);
        assert_eq!(first[key].status, 201, "{}", first[key].text());
    }
    let all = async |server: &Server| {
        for (key, body) in BODIES.iter().enumerate() {
            is_replay(&keyed(server, "/tasks/t/events", &key.to_string(), body).await, &first[key]);
        }
    };
    all(&server).await;
    server.publish("t", r#"[{"type":"p","seriesId":"l","seriesMode":"latest"},{"type":"d","data":{"delta":"b"},"seriesId":"s","seriesMode":"accumulate"}]"#).await;
    all(&server).await;
    let history = server.history("t", "").await;
    server.moved("t", "completed").await;
    all(&server).await;
    assert_eq!(server.history("t", "").await.len(), history.len() + 1);
}

async fn a_repeated_creation_is_answered_byte_for_byte_also_after_a_deletion(server: Server) {
    let body = r#"{"type":"x","ttl":1000,"params":{"z":1e400,"a":{}},"tags":["b","a"],
        "webhooks":[{"url":"https://example.com/","secret":"s3cret"}]}"#;
    let first = keyed(&server, "/tasks", "k", body).await;
    let id = first.ok(201)["id"].as_str().expect("an id").to_owned();
    assert!(!first.text().contains("s3cret"));
    is_replay(&keyed(&server, "/tasks", "k", body).await, &first);
    server.moved(&id, "cancelled").await;
    is_replay(&keyed(&server, "/tasks", "k", body).await, &first);
    assert_eq!(server.delete(&format!("/tasks/{id}")).await.status, 204);
    is_replay(&keyed(&server, "/tasks", "k", body).await, &first);
    assert_eq!(server.get(&format!("/tasks/{id}")).await.status, 404, "answering it again creates nothing");
    let named = keyed(&server, "/tasks", "named", r#"{"id":"mine"}"#).await;
    is_replay(&keyed(&server, "/tasks", "named", r#"{"id":"mine"}"#).await, &named);
    let other = keyed(&server, "/tasks", "other", r#"{"id":"mine"}"#).await;
    other.refused(409, "task_exists", "Task already exists: mine");
}

async fn another_body_is_refused_before_anything_else_is_looked_at(server: Server) {
    server.create("t").await;
    keyed(&server, "/tasks/t/events", "k", r#"{"type":"a"}"#).await.ok(201);
    keyed(&server, "/tasks", "k", r#"{"id":"u"}"#).await.ok(201);
    server.moved("t", "cancelled").await;
    for body in [r#"{"type":"a"} "#, r#"{"type":"b"}"#, "{}", "no JSON", r#"{"type":"taskcast:x"}"#, ""] {
        is_mismatch(&keyed(&server, "/tasks/t/events", "k", body).await);
    }
    for body in [r#"{"id":"u" }"#, r#"{"id":"v"}"#, r#"{"ttl":0}"#, "[]"] {
        is_mismatch(&keyed(&server, "/tasks", "k", body).await);
    }
    let large = format!(r#"{{"type":"a","data":"{}"}}"#, "x".repeat(1 << 20));
    let large = keyed(&server, "/tasks/t/events", "k", &large).await;
    large.refused(413, "too_large", "Event data too large");
    assert_eq!(server.history("t", "types=a,b").await.len(), 1);
    assert_eq!(server.get("/tasks/v").await.status, 404);
}

async fn only_success_is_remembered(server: Server) {
    let events = async |body: &str| keyed(&server, "/tasks/t/events", "k", body).await;
    events("{}").await.refused_with(400, "invalid_body", "type");
    events(r#"{"type":"a"}"#).await.refused(404, "task_not_found", "Task not found: t");
    server.create("t").await;
    server.publish("t", r#"{"type":"0","clientId":"c","clientSeq":5}"#).await;
    let gap = events(r#"{"type":"a","clientId":"c","clientSeq":9,"seqMode":"fast-fail"}"#).await;
    assert_eq!((gap.status, gap.json()["code"].clone()), (409, json!("seq_gap")));
    events(r#"{"type":"taskcast:a"}"#).await.refused_with(400, "reserved_event_type", "taskcast:a");
    let first = events(r#"{"type":"a"}"#).await;
    first.ok(201);
    is_replay(&events(r#"{"type":"a"}"#).await, &first);
    let create = async |body: &str| keyed(&server, "/tasks", "k", body).await;
    create(r#"{"ttl":0}"#).await.refused_with(400, "invalid_body", "Invalid TTL");
    create(r#"{"id":"t"}"#).await.refused(409, "task_exists", "Task already exists: t");
    assert_eq!(server.delete("/tasks/t").await.status, 204);
    let first = create(r#"{"id":"t"}"#).await;
    first.ok(201);
    is_replay(&create(r#"{"id":"t"}"#).await, &first);
}

async fn keys_of_events_go_with_their_task(server: Server) {
    let body = r#"{"type":"a"}"#;
    server.create("t").await;
    let first = keyed(&server, "/tasks/t/events", "k", body).await.ok(201);
    assert_eq!(server.delete("/tasks/t").await.status, 204);
    let gone = keyed(&server, "/tasks/t/events", "k", body).await;
    gone.refused(404, "task_not_found", "Task not found: t");
    server.create("t").await;
    let fresh = keyed(&server, "/tasks/t/events", "k", r#"{"type":"b"}"#).await;
    assert!(fresh.header("idempotent-replayed").is_none());
    let fresh = fresh.ok(201);
    assert!(fresh["index"] == 0 && fresh["id"] != first["id"]);
    is_mismatch(&keyed(&server, "/tasks/t/events", "k", body).await);
    let archive = server.get("/tasks/t/archive").await.ok(200);
    let import = json!({"archive": archive, "overwrite": true});
    server.post("/tasks/import", &import.to_string()).await.ok(200);
    assert_eq!(keyed(&server, "/tasks/t/events", "k", body).await.ok(201)["index"], 1, "another log");
    assert_eq!(each(&server.history("t", "").await, "type"), ["b", "a"]);
}

async fn keys_belong_to_a_path(server: Server) {
    let body = r#"{"id":"a","type":"a"}"#;
    let created = keyed(&server, "/tasks", "k", body).await;
    created.ok(201);
    server.create("b").await;
    for id in ["a", "b"] {
        let published = keyed(&server, &format!("/tasks/{id}/events"), "k", body).await;
        assert_eq!(published.ok(201)["taskId"], id);
        assert_eq!(published.header("idempotent-replayed"), None);
    }
    let decoded = keyed(&server, "/tasks/%61/events", "k", body).await;
    assert_eq!(decoded.header("idempotent-replayed"), Some("true"), "the same path, written otherwise");
    let status =
        server.call("PATCH", "/tasks/a/status", &[("idempotency-key", "no key")], br#"{"status":"running"}"#);
    status.await.ok(200);
    is_replay(&keyed(&server, "/tasks", "k", body).await, &created);
}

async fn bad_keys_are_refused(server: Server) {
    server.create("t").await;
    let refused = |answer: &Answer| answer.refused(400, "invalid_idempotency_key", "Invalid Idempotency-Key");
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    for path in ["/tasks", "/tasks/t/events"] {
        for key in ["", "a b", "ü", "a\tb", &too_long] {
            refused(&keyed(&server, path, key, r#"{"type":"a"}"#).await);
        }
        let twice = [("idempotency-key", "a"), ("Idempotency-Key", "a")];
        refused(&server.call("POST", path, &twice, br#"{"type":"a"}"#).await);
        for key in [&*longest, "!", "~"] {
            assert_eq!(keyed(&server, path, key, r#"{"type":"a"}"#).await.status, 201);
        }
    }
    refused(&keyed(&server, "/tasks/nobody/events", "", r#"{"type":"a"}"#).await);
    assert_eq!(server.history("t", "").await.len(), 3);
}

/// Sends a request without waiting for its answer.
async fn sent(client: &Client, path: &str, key: &str, body: &str) -> Wire {
    let mut wire = Wire::connect(client.address).await;
    let bytes = request("POST", path, &[("idempotency-key", key)], body.as_bytes());
    wire.send(&bytes).await.expect("the server reads");
    wire
}

fn number(seq: u64) -> String {
    format!(r#"{{"type":"n","clientId":"c","clientSeq":{seq}}}"#)
}

async fn writes_waiting(server: &Server, count: usize) {
    wait_until("so many writes wait", async || {
        let metrics = server.get("/metrics").await;
        metrics.text().contains(&format!("\ntaskcast_writes_waiting {count}\n")).then_some(())
    })
    .await;
}

async fn repeats_of_a_publish_that_waits_wait_with_it(server: Server) {
    server.create("t").await;
    server.publish("t", &number(0)).await;
    writes_waiting(&server, 0).await;
    let mut first = sent(&server, "/tasks/t/events", "k", &number(2)).await;
    writes_waiting(&server, 1).await;
    let mut again = Vec::new();
    for _ in 0..4 {
        again.push(sent(&server, "/tasks/t/events", "k", &number(2)).await);
    }
    let mut other = sent(&server, "/tasks/t/events", "k", &number(3)).await;
    assert_eq!(server.publish("t", &number(1)).await["index"], 1);
    let first = first.answer(false).await.expect("an answer");
    assert_eq!(first.ok(201)["index"], 2);
    for mut wire in again {
        is_replay(&wire.answer(false).await.expect("an answer"), &first);
    }
    is_mismatch(&other.answer(false).await.expect("an answer"));
    assert_eq!(server.history("t", "").await.len(), 3);
}

async fn a_client_that_hangs_up_does_not_make_its_repeat_write_twice(server: Server) {
    server.create("t").await;
    for round in 0..30 {
        let (key, body) = (format!("k{round}"), format!(r#"{{"type":"n","data":{round}}}"#));
        let wire = sent(&server, "/tasks/t/events", &key, &body).await;
        let create = sent(&server, "/tasks", &key, &format!(r#"{{"id":"t{round}"}}"#)).await;
        drop((wire, create));
        assert_eq!(keyed(&server, "/tasks/t/events", &key, &body).await.ok(201)["data"], round);
        keyed(&server, "/tasks", &key, &format!(r#"{{"id":"t{round}"}}"#)).await.ok(201);
    }
    assert_eq!(each(&server.history("t", "").await, "data"), (0..30).collect::<Vec<_>>());
}

async fn numbered_publishes_are_repeated_by_key_rather_than_found_stale(server: Server) {
    server.create("t").await;
    let first = keyed(&server, "/tasks/t/events", "k", &number(4)).await;
    server.publish("t", &number(5)).await;
    is_replay(&keyed(&server, "/tasks/t/events", "k", &number(4)).await, &first);
    let stale = server.post("/tasks/t/events", &number(4)).await;
    assert_eq!(stale.json()["code"], "seq_stale");
    assert_eq!(server.get("/tasks/t/seq/c").await.ok(200)["expectedSeq"], 6);
}

async fn what_cleanup_took_is_still_answered(store: Store) {
    let rules = json!([{"trigger": {}, "target": "events", "eventFilter": {"types": ["noise"]}}]);
    let server = Setup::new(store).config(json!({"cleanup": {"rules": rules}})).start().await;
    server.running("t").await;
    let body = r#"[{"type":"noise","data":{"b":1,"a":2}},{"type":"note"}]"#;
    let first = keyed(&server, "/tasks/t/events", "k", body).await;
    server.moved("t", "completed").await;
    wait_until("the noise is gone", async || {
        server.history("t", "types=noise").await.is_empty().then_some(())
    })
    .await;
    is_replay(&keyed(&server, "/tasks/t/events", "k", body).await, &first);
}

/// How many keys are sent to two instances at once.
const RACES: usize = 40;

/// Whether other instances may use the same storage.
fn is_shared(store: Store) -> bool {
    !matches!(store, Store::Memory | Store::Sqlite)
}

async fn two_instances_at_once_write_once(store: Store) {
    let setup = Setup::new(store);
    let one = setup.start().await;
    let other = if is_shared(store) { Some(setup.start().await) } else { None };
    let clients = [one.client, other.as_ref().map_or(one.client, |other| other.client)];
    one.create("t").await;
    for race in 0..RACES {
        let mut racing = JoinSet::new();
        for own in 0..4 {
            let (client, key) = (clients[own % 2], format!("k{race}"));
            // In every second race there are two bodies.
            let (event, task) = (own % 2 * (race % 2), format!("t{race}-{}", own % 2 * (race % 2)));
            racing.spawn(async move {
                let (event, task) = (format!(r#"{{"type":"e{event}"}}"#), format!(r#"{{"id":"{task}"}}"#));
                let events = keyed(&client, "/tasks/t/events", &key, &event).await;
                [events, keyed(&client, "/tasks", &key, &task).await]
            });
        }
        let answers = racing.join_all().await;
        for kind in 0..2 {
            let (good, bad): (Vec<_>, Vec<_>) =
                answers.iter().map(|answers| &answers[kind]).partition(|answer| answer.status == 201);
            assert_eq!(good.len(), if race % 2 == 0 { 4 } else { 2 }, "race {race}: {answers:?}");
            bad.into_iter().for_each(is_mismatch);
            assert!(good.iter().all(|answer| answer.text() == good[0].text()));
            let fresh = good.iter().filter(|answer| answer.header("idempotent-replayed").is_none());
            assert_eq!(fresh.count(), 1, "race {race}");
        }
    }
    assert_eq!(one.history("t", "").await.len(), RACES);
}

/// Repeats the request until it is answered by a server that was not killed meanwhile.
async fn try_once(client: Client, number: usize) -> Option<Answer> {
    let mut wire = Wire::try_connect(client.address).await.ok()?;
    let (path, body) = match number % 2 {
        0 => ("/tasks/t/events", format!(r#"{{"type":"n","data":{number}}}"#)),
        _ => ("/tasks", format!(r#"{{"type":"n","params":{{"n":{number}}}}}"#)),
    };
    let key = [("idempotency-key", &*format!("k{number}"))];
    wire.call("POST", path, &key, body.as_bytes()).await.ok()
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_writes_once() {
    let setup = Setup::new(Store::Sqlite);
    let mut number = 0;
    for _ in 0..8 {
        let server = setup.start().await;
        if number == 0 {
            server.create("t").await;
        }
        let mut racing = JoinSet::new();
        let last = number + 64;
        while number < last {
            let (client, own) = (server.client, number);
            racing.spawn(async move { (own, try_once(client, own).await) });
            number += 1;
        }
        let (own, answer) = racing.join_next().await.expect("there are some").expect("no panic");
        let mut answered = vec![(own, answer)];
        server.signal(Signal::SIGKILL);
        answered.extend(racing.join_all().await);
        server.killed().await;
        let server = setup.start().await;
        for (own, answer) in answered {
            let again = try_once(server.client, own).await.expect("an answer");
            match answer {
                Some(first) => is_replay(&again, &first),
                None => assert_eq!(again.status, 201, "{}", again.text()),
            }
        }
        server.killed().await;
    }
    let server = setup.start().await;
    let mut numbers: Vec<_> = server.history("t", "types=n").await;
    numbers.sort_by_key(|event| event["data"].as_u64());
    assert_eq!(each(&numbers, "data"), (0..number).step_by(2).collect::<Vec<_>>());
    let tasks = server.get("/tasks?type=n").await.ok(200);
    let mut created: Vec<_> = tasks["tasks"].as_array().expect("a list").clone();
    created.sort_by_key(|task| task["params"]["n"].as_u64());
    let created: Vec<_> =
        created.iter().map(|task| task["params"]["n"].as_u64().expect("a number")).collect();
    assert_eq!(created, (1..number as u64).step_by(2).collect::<Vec<_>>());
}

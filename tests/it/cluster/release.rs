//! `POST /tasks/:id/storage/release` (PROTOCOL §15) and tasks that leave Redis by themselves.

use serde_json::{Value, json};

use super::harness::Cluster;
use crate::support::{Server, Setup, Store, wait_until};

async fn release(server: &Server, id: &str, last: i64, inactive_since: u64) -> crate::support::Answer {
    let body = json!({"expectedLastEventIndex": last, "inactiveSince": inactive_since});
    server.post(&format!("/tasks/{id}/storage/release"), &body.to_string()).await
}

/// Later than anything.
const ALWAYS: u64 = (1 << 53) - 1;

#[tokio::test]
async fn a_released_task_reads_as_before_and_is_hot_again_with_the_next_write() {
    let cluster = Cluster::start(Store::Tiered, 2).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    one.running("t").await;
    for text in ["a", "b"] {
        let event = json!({"type": "d", "data": {"delta": text}, "seriesId": "s", "seriesMode": "accumulate",
            "clientId": "c", "clientSeq": if text == "a" { 0 } else { 1 }});
        one.publish("t", &event.to_string()).await;
        let event = json!({"type": "p", "data": text, "seriesId": "l", "seriesMode": "latest"});
        one.publish("t", &event.to_string()).await;
    }
    let paths = [
        "/tasks/t",
        "/tasks",
        "/tasks/t/events/history",
        "/tasks/t/events/history?seriesFormat=accumulated&types=d",
        "/tasks/t/events/history?since.index=1&limit=2",
        "/tasks/t/seq/c",
    ];
    let mut hot = Vec::new();
    for path in paths {
        hot.push(one.get(path).await.text().to_owned());
    }
    cluster.archived().await;
    let answer = release(other, "t", 4, ALWAYS).await.ok(200);
    let expected = json!({"taskId": "t", "storageState": "cold", "archiveWatermark": 4, "released": true});
    assert_eq!(answer, expected);
    let again = release(one, "t", 0, 0).await.ok(200);
    assert_eq!(
        again,
        json!({"taskId": "t", "storageState": "cold", "archiveWatermark": 4, "released": false})
    );
    for (path, hot) in paths.iter().zip(&hot) {
        for instance in &cluster.instances {
            assert_eq!(instance.get(path).await.text(), hot, "{path}");
        }
    }
    let mut stream = other.stream("/tasks/t/events?since.index=2").await;
    assert_eq!(stream.events(2).await[1]["data"], "b");
    let event = json!({"type": "d", "data": {"delta": "c"}, "seriesId": "s", "seriesMode": "accumulate"});
    assert_eq!(one.publish("t", &event.to_string()).await["index"], 5);
    assert_eq!(stream.event().await["data"]["delta"], "c");
    one.moved("t", "completed").await;
    assert_eq!(stream.rest().await.done.as_deref(), Some("completed"));
    let late = other.stream("/tasks/t/events?types=d").await.rest().await.events;
    assert_eq!(late[0]["data"]["delta"], "abc");
    let history = one.history("t", "").await;
    assert_eq!(history.len(), 6, "all but the superseded latest: {history:?}");
    assert_eq!(cluster.release("t").await.ok(200)["released"], true);
    assert_eq!(one.history("t", "").await, history);
}

#[tokio::test]
async fn a_release_whose_conditions_do_not_hold_is_refused() {
    let cluster = Cluster::start(Store::Tiered, 1).await;
    let server = &cluster.instances[0];
    server.running("t").await;
    cluster.archived().await;
    for (last, since) in [(-1, ALWAYS), (1, ALWAYS), (0, 0)] {
        release(server, "t", last, since).await.refused_with(409, "storage_precondition_failed", "");
    }
    release(server, "unknown", 0, 0).await.refused(404, "task_not_found", "Task not found");
    let bad = server.post("/tasks/t/storage/release", r#"{"expectedLastEventIndex":-2}"#).await;
    bad.refused(400, "invalid_body", "Invalid storage release request");
    server.create("empty").await;
    cluster.archived().await;
    let answer = release(server, "empty", -1, ALWAYS).await.ok(200);
    assert_eq!((&answer["archiveWatermark"], &answer["released"]), (&json!(-1), &json!(true)));
}

#[tokio::test]
async fn without_a_cold_tier_a_release_is_not_supported() {
    for store in [Store::Redis, Store::Postgres] {
        let cluster = Cluster::start(store, 1).await;
        let server = &cluster.instances[0];
        server.create("t").await;
        let text = "Task storage release is not supported by this adapter";
        release(server, "t", -1, 0).await.refused(503, "storage_release_unsupported", text);
    }
}

#[tokio::test]
async fn tasks_leave_redis_by_themselves_once_nothing_happened_for_the_configured_time() {
    let lifecycle = json!({"storageLifecycle": {"releaseFinishedAfterMs": 0, "releaseIdleAfterMs": 1}});
    let setup = Setup::new(Store::Tiered).config(lifecycle);
    let cluster = Cluster::start_with(setup, 2).await;
    let server = &cluster.instances[0];
    server.running("idle").await;
    server.running("done").await;
    server.moved("done", "completed").await;
    let released = || async {
        let mut cold = 0;
        for id in ["idle", "done"] {
            // A release with conditions that never hold changes nothing and tells whether the task is cold.
            cold += usize::from(release(server, id, 1000, 0).await.status == 200);
        }
        (cold == 2).then_some(())
    };
    wait_until("both are cold", async || released().await).await;
    assert_eq!(server.publish("idle", r#"{"type":"x","data":1}"#).await["index"], 1);
    let history = cluster.instances[1].history("done", "").await;
    assert_eq!(history.len(), 2);
    wait_until("it is cold again", async || released().await).await;
    assert_eq!(server.history("idle", "").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_meet_releases_and_all_succeed() {
    let cluster = Cluster::start(Store::Tiered, 2).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    one.running("t").await;
    let mut released = 0;
    for number in 1..=100 {
        let event = json!({"type": "n", "data": number}).to_string();
        let last = number - 1;
        // Every other time the write comes while the task may be on its way.
        let (published, answer) = if number % 2 == 0 {
            tokio::join!(other.publish("t", &event), release(one, "t", last, ALWAYS))
        } else {
            let answer = release(one, "t", last, ALWAYS).await;
            (other.publish("t", &event).await, answer)
        };
        assert_eq!(published["index"], number);
        match answer.status {
            200 => released += usize::from(answer.json()["released"] == true),
            status => assert_eq!(status, 409, "{}", answer.text()),
        }
    }
    assert!(released >= 50, "{released}");
    let numbers: Vec<_> =
        one.history("t", "types=n").await.iter().map(|event| event["data"].clone()).collect();
    assert_eq!(numbers, (1..=100).map(Value::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn keys_and_numbers_are_remembered_by_cold_tasks_on_every_instance() {
    let cluster = Cluster::start(Store::Tiered, 2).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    let keyed = async |server: &Server, path: &str, body: &str| {
        server.call("POST", path, &[("idempotency-key", "k")], body.as_bytes()).await
    };
    let task = r#"{"id":"t","params":{"z":1,"a":2}}"#;
    let event = r#"{"type":"p","data":1,"seriesId":"l","seriesMode":"latest","clientId":"c","clientSeq":4}"#;
    let created = keyed(one, "/tasks", task).await;
    let published = keyed(one, "/tasks/t/events", event).await;
    let next = event.replace("\"clientSeq\":4", "\"clientSeq\":5");
    one.publish("t", &next).await;
    cluster.archived().await;
    release(one, "t", 1, ALWAYS).await.ok(200);
    for server in [one, other] {
        for (path, body, first) in [("/tasks", task, &created), ("/tasks/t/events", event, &published)] {
            let again = keyed(server, path, body).await;
            assert_eq!((again.status, again.text()), (201, first.text()));
            assert_eq!(again.header("idempotent-replayed"), Some("true"));
        }
    }
    assert_eq!(release(other, "t", 1, ALWAYS).await.ok(200)["released"], false, "a repeat leaves it cold");
    let stale = other.post("/tasks/t/events", &next).await;
    assert_eq!((stale.status, &stale.json()["expectedSeq"]), (409, &json!(6)));
    let other_body = keyed(other, "/tasks/t/events", r#"{"type":"x"}"#).await;
    assert_eq!(other_body.status, 422);
    assert_eq!(one.get("/tasks/t/events/history").await.ok(200).as_array().map(Vec::len), Some(1));
}

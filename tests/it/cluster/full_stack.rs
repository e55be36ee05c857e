//! From create to the row in Postgres, and readers on the other instance.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::harness::{Cluster, events};
use crate::support::{Store, Stream};

#[tokio::test]
async fn a_task_goes_from_create_to_its_row_in_postgres() {
    let cluster = Cluster::start(Store::Tiered, 2).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    one.create("t").await;
    let mut live = other.stream("/tasks/t/events").await;
    one.moved("t", "running").await;
    for text in ["Hel", "lo"] {
        let event =
            json!({"type": "text", "data": {"delta": text}, "seriesId": "s", "seriesMode": "accumulate"});
        one.publish("t", &event.to_string()).await;
    }
    let body = r#"{"status":"completed","result":{"answer":42}}"#;
    one.patch("/tasks/t/status", body).await.ok(200);

    let seen = live.rest().await;
    assert_eq!(seen.done.as_deref(), Some("completed"));
    let deltas: Vec<_> = seen.events.iter().filter_map(|event| event["data"]["delta"].as_str()).collect();
    assert_eq!(deltas, ["Hel", "lo"]);
    let history = events(&other.get("/tasks/t/events/history?types=text").await);
    assert_eq!(history.len(), 2);

    cluster.archived().await;
    let database = cluster.database().await;
    let row = database.query_one("SELECT status, result::text FROM taskcast_tasks WHERE id = 't'", &[]).await;
    let row = row.expect("the row is there");
    assert_eq!((row.get(0), row.get(1)), ("completed", r#"{"answer":42}"#));
    let sql = "SELECT idx, data::text FROM taskcast_events WHERE task_id = 't' ORDER BY idx";
    let rows = database.query(sql, &[]).await.expect("the rows are there");
    let rows: Vec<(i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let all = one.history("t", "").await;
    let expected: Vec<_> =
        all.iter().map(|event| (event["index"].as_i64().unwrap(), event["data"].to_string())).collect();
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn a_reader_resumes_on_another_instance_with_its_filter_exactly_where_it_was() {
    let cluster = Cluster::start(Store::Tiered, 2).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    one.running("t").await;
    let path = "/tasks/t/events?types=a.*&includeStatus=false";
    let mut first = one.stream(path).await;
    for number in 0..10 {
        let name = if number % 2 == 0 { "a.x" } else { "b" };
        other.publish("t", &json!({"type": name, "data": number}).to_string()).await;
    }
    let before = first.events(3).await;
    drop(first);
    let last = before[2]["filteredIndex"].clone();
    let mut again = other.stream(&format!("{path}&since.index={last}")).await;
    let rest = again.events(2).await;
    let numbers: Vec<_> = before.iter().chain(&rest).map(|event| event["data"].clone()).collect();
    assert_eq!(numbers, [0, 2, 4, 6, 8].map(Value::from));
    one.publish("t", r#"{"type":"a.y","data":10}"#).await;
    assert_eq!(again.event().await["data"], 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_subscribers_on_two_instances_each_receive_a_hundred_events_in_order() {
    for store in [Store::Redis, Store::Tiered, Store::Postgres] {
        let cluster = Cluster::start(store, 2).await;
        cluster.instances[0].running("t").await;
        let mut reading = JoinSet::new();
        for place in 0..20 {
            let address = cluster.instances[place % 2].client.address;
            let mut stream = Stream::open(address, "/tasks/t/events?includeStatus=false").await;
            reading.spawn(async move { stream.rest().await });
        }
        for number in 0..100 {
            let instance = &cluster.instances[number % 2];
            instance.publish("t", &json!({"type": "n", "data": number}).to_string()).await;
        }
        cluster.instances[1].moved("t", "completed").await;
        let expected: Vec<_> = (0..100).map(Value::from).collect();
        for seen in reading.join_all().await {
            let numbers: Vec<_> = seen.events.iter().map(|event| event["data"].clone()).collect();
            assert_eq!((numbers, seen.done.as_deref()), (expected.clone(), Some("completed")), "{store:?}");
        }
    }
}

#[tokio::test]
async fn the_stream_of_all_tasks_shows_what_happens_on_every_instance() {
    for store in [Store::Redis, Store::Tiered, Store::Postgres] {
        let cluster = Cluster::start(store, 2).await;
        let [one, other] = &cluster.instances[..] else { panic!("two instances") };
        let mut all = one.stream("/events").await;
        for (instance, id) in [(other, "there"), (one, "here")] {
            instance.running(id).await;
            instance.publish(id, r#"{"type":"n","data":1}"#).await;
            instance.moved(id, "completed").await;
        }
        let seen = all.events(6).await;
        for id in ["there", "here"] {
            let own: Vec<_> = seen.iter().filter(|event| event["taskId"] == id).collect();
            let indexes: Vec<_> = own.iter().map(|event| event["rawIndex"].clone()).collect();
            assert_eq!(indexes, [0, 1, 2].map(Value::from), "{store:?} {seen:?}");
        }
    }
}

#[tokio::test]
async fn a_deletion_ends_the_streams_of_every_instance() {
    for store in [Store::Redis, Store::Tiered, Store::Postgres] {
        let cluster = Cluster::start(store, 2).await;
        let [one, other] = &cluster.instances[..] else { panic!("two instances") };
        one.running("t").await;
        let mut stream = other.stream("/tasks/t/events?includeStatus=false").await;
        assert_eq!(one.delete("/tasks/t").await.status, 204);
        assert_eq!(stream.done().await, "deleted");
        other.get("/tasks/t").await.refused(404, "task_not_found", "Task not found");
        other.create("t").await;
        assert_eq!(one.history("t", "").await, Vec::<Value>::new());
    }
}

#[tokio::test]
async fn user_json_comes_back_unchanged_from_every_tier() {
    let cluster = Cluster::start(Store::Tiered, 2).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    let long = "ä\u{1F600}".repeat(170_000);
    let texts = [
        r#"{"z":1,"a":{"c":[],"b":{}},"n":12345678901234567890}"#.to_owned(),
        r#"{"e":1e400,"f":-0.0,"g":1.10,"u":"\u00e4\n\"/"}"#.to_owned(),
        "[]".into(),
        "{}".into(),
        "null".into(),
        format!(r#""{long}""#),
    ];
    let task = format!(r#"{{"id":"t","params":{},"metadata":{}}}"#, texts[0], texts[1]);
    one.post("/tasks", &task).await.ok(201);
    one.moved("t", "running").await;
    for text in &texts {
        one.publish("t", &format!(r#"{{"type":"x","data":{text}}}"#)).await;
    }
    one.patch("/tasks/t/status", &format!(r#"{{"status":"completed","result":{}}}"#, texts[0])).await.ok(200);
    let hot = [other.get("/tasks/t").await, other.get("/tasks/t/events/history").await];
    cluster.release("t").await.ok(200);
    let cold = [other.get("/tasks/t").await, other.get("/tasks/t/events/history").await];
    for (hot, cold) in hot.iter().zip(&cold) {
        assert_eq!(hot.text(), cold.text());
    }
    for text in [&texts[0], &texts[2], &texts[3], &texts[4], &texts[5]] {
        assert!(cold[1].text().contains(&format!(r#""data":{text}"#)));
    }
    assert!(cold[0].text().contains(&format!(r#""params":{}"#, texts[0])));
}

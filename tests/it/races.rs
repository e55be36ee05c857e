//! Many at once: one winner, no holes, no doubles.

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::support::{Answer, Server, Wire};

/// Rounds of racing completions.
const ROUNDS: usize = 200;
/// Those who race.
const RACERS: usize = 20;

on_each_store!(
    of_twenty_completions_one_wins_in_every_round,
    of_many_creations_of_one_id_one_wins,
    a_hundred_tasks_created_at_once_have_a_hundred_ids,
    fifty_publishes_at_once_get_fifty_indexes,
    of_an_end_and_a_publish_the_order_is_in_the_log,
);

/// Makes the same request `count` times at once, each on a connection of its own.
async fn at_once(server: &Server, count: usize, method: &'static str, path: &str, body: &str) -> Vec<Answer> {
    let client = server.client;
    let mut racing = JoinSet::new();
    for _ in 0..count {
        let (path, body) = (path.to_owned(), body.to_owned());
        racing.spawn(async move { client.call(method, &path, &[], body.as_bytes()).await });
    }
    racing.join_all().await
}

async fn of_twenty_completions_one_wins_in_every_round(server: Server) {
    let mut racers = Vec::new();
    for _ in 0..RACERS {
        racers.push(Wire::connect(server.address).await);
    }
    let ends = ["completed", "failed", "timeout", "cancelled"];
    for round in 0..ROUNDS {
        server.running(&format!("t{round}")).await;
        let mut racing = JoinSet::new();
        for (place, mut wire) in racers.drain(..).enumerate() {
            let path = format!("/tasks/t{round}/status");
            let body = format!(r#"{{"status":"{}","result":{{"by":{place}}}}}"#, ends[place % ends.len()]);
            racing.spawn(async move {
                let answer = wire.call("PATCH", &path, &[], body.as_bytes()).await;
                (wire, answer.expect("an answer"))
            });
        }
        let (wires, answers): (Vec<_>, Vec<_>) = racing.join_all().await.into_iter().unzip();
        racers = wires;
        let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "round {round}");
        for lost in answers.iter().filter(|answer| answer.status != 200) {
            lost.refused_with(409, "invalid_transition", "Invalid transition: ");
        }
        let history = server.history(&format!("t{round}"), "").await;
        assert_eq!(history.len(), 2);
        assert_eq!(history[1]["data"]["result"], won[0].json()["result"]);
    }
}

async fn of_many_creations_of_one_id_one_wins(server: Server) {
    for round in 0..10 {
        let body = format!(r#"{{"id":"t{round}"}}"#);
        let answers = at_once(&server, RACERS, "POST", "/tasks", &body).await;
        let created = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(created, 1);
        let text = format!("Task already exists: t{round}");
        for lost in answers.iter().filter(|answer| answer.status != 201) {
            lost.refused(409, "task_exists", &text);
        }
    }
    assert_eq!(server.get("/tasks").await.ok(200)["tasks"].as_array().map(Vec::len), Some(10));
}

async fn a_hundred_tasks_created_at_once_have_a_hundred_ids(server: Server) {
    let answers = at_once(&server, 100, "POST", "/tasks", "{}").await;
    let ids: BTreeSet<String> = answers.iter().map(|answer| answer.ok(201)["id"].to_string()).collect();
    assert_eq!(ids.len(), 100);
    let listed = server.get("/tasks").await.ok(200);
    let listed: BTreeSet<String> =
        listed["tasks"].as_array().expect("a list").iter().map(|task| task["id"].to_string()).collect();
    assert_eq!(listed, ids);
}

async fn fifty_publishes_at_once_get_fifty_indexes(server: Server) {
    server.create("t").await;
    let indexes = |answers: Vec<Answer>| {
        let mut indexes: Vec<u64> =
            answers.iter().map(|answer| answer.ok(201)["index"].as_u64().expect("an index")).collect();
        indexes.sort_unstable();
        indexes
    };
    let answers = at_once(&server, 50, "POST", "/tasks/t/events", r#"{"type":"a"}"#).await;
    assert_eq!(indexes(answers), (0..50).collect::<Vec<_>>());
    let batches = at_once(&server, 20, "POST", "/tasks/t/events", r#"[{"type":"a"},{"type":"b"}]"#).await;
    for batch in &batches {
        let events = batch.ok(201);
        assert_eq!(events[0]["index"].as_u64().map(|index| index + 1), events[1]["index"].as_u64());
    }
    let history = server.history("t", "").await;
    assert!(history.iter().zip(0..90).all(|(event, index)| event["index"] == index));
    assert_eq!(history.len(), 90);
}

async fn of_an_end_and_a_publish_the_order_is_in_the_log(server: Server) {
    for round in 0..30 {
        let id = format!("t{round}");
        server.running(&id).await;
        let client = server.client;
        let mut racing = JoinSet::new();
        for place in 0..10 {
            let id = id.clone();
            racing.spawn(async move {
                match place {
                    5 => client.patch(&format!("/tasks/{id}/status"), r#"{"status":"completed"}"#).await,
                    _ => client.post(&format!("/tasks/{id}/events"), r#"{"type":"a"}"#).await,
                }
            });
        }
        let answers = racing.join_all().await;
        let published = answers.iter().filter(|answer| answer.status == 201).count();
        for late in answers.iter().filter(|answer| answer.status >= 400) {
            late.refused(400, "task_terminal", "Cannot publish to task in terminal status: completed");
        }
        let history: Vec<Value> = server.history(&id, "").await;
        assert_eq!(history.len(), published + 2);
        assert_eq!(history.last().expect("a history")["data"]["status"], "completed");
    }
}

//! Concurrent changes of one task through several instances.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::harness::{Cluster, events};
use crate::support::{Store, Wire};

const ROUNDS: usize = 1000;
const COMPLETIONS: usize = 20;

/// A thousand times, twenty completions of one task over three instances: exactly one succeeds.
async fn one_of_twenty_completions_wins(store: Store) {
    let cluster = Cluster::start(store, 3).await;
    let mut wires = Vec::new();
    for place in 0..COMPLETIONS {
        wires.push(Wire::connect(cluster.instances[place % 3].client.address).await);
    }
    for round in 0..ROUNDS {
        let id = format!("round-{round}");
        cluster.instances[round % 3].running(&id).await;
        let mut racing = JoinSet::new();
        for (place, mut wire) in wires.drain(..).enumerate() {
            let path = format!("/tasks/{id}/status");
            racing.spawn(async move {
                let body = json!({"status": "completed", "result": {"winner": place}}).to_string();
                let answer = wire.call("PATCH", &path, &[], body.as_bytes()).await.expect("an answer");
                (wire, place, answer)
            });
        }
        let mut winners = Vec::new();
        for (wire, place, answer) in racing.join_all().await {
            wires.push(wire);
            match answer.status {
                200 => winners.push(place),
                _ => answer.refused_with(409, "invalid_transition", "Invalid transition"),
            }
        }
        let [winner] = winners[..] else { panic!("round {round}: {winners:?} won") };
        for instance in &cluster.instances {
            let task = instance.get(&format!("/tasks/{id}")).await.ok(200);
            assert_eq!((&task["status"], &task["result"]["winner"]), (&json!("completed"), &json!(winner)));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_races_over_three_instances_have_one_winner_each_in_redis() {
    one_of_twenty_completions_wins(Store::Tiered).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_races_over_three_instances_have_one_winner_each_in_postgres() {
    one_of_twenty_completions_wins(Store::Postgres).await;
}

/// Publishes from three instances to one task: contiguous indexes, and one text everywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_published_through_three_instances_is_the_same_everywhere() {
    let cluster = Cluster::start(Store::Tiered, 3).await;
    cluster.instances[0].running("t").await;
    let mut resuming =
        cluster.instances[1].stream("/tasks/t/events?since.index=0&seriesFormat=accumulated").await;
    let mut publishing = JoinSet::new();
    for producer in 0..9 {
        let client = cluster.instances[producer % 3].client;
        publishing.spawn(async move {
            let mut wire = Wire::connect(client.address).await;
            for number in 0..50 {
                let delta = format!("{producer}.{number};");
                let body = json!({"type": "d", "data": {"delta": delta}, "seriesId": "s", "seriesMode": "accumulate"});
                wire.post("/tasks/t/events", &body.to_string()).await.ok(201);
            }
        });
    }
    publishing.join_all().await;
    cluster.instances[2].moved("t", "completed").await;
    let history = events(&cluster.instances[0].get("/tasks/t/events/history").await);
    assert!(history.iter().zip(0..).all(|(event, index)| event["index"] == index));
    let text: String = history.iter().filter_map(|event| event["data"]["delta"].as_str()).collect();
    assert_eq!(text.matches(';').count(), 450);
    let resumed = resuming.rest().await.events;
    assert_eq!(last_text(&resumed), text, "a resume");
    for instance in &cluster.instances {
        let late = instance.stream("/tasks/t/events").await.rest().await.events;
        assert_eq!(last_text(&late), text, "a late join");
    }
    cluster.archived().await;
    let rows = "SELECT data->>'delta' FROM taskcast_events WHERE task_id = 't' AND series = 's' ORDER BY idx";
    let rows = cluster.database().await.query(rows, &[]).await.expect("rows");
    let archived: String = rows.iter().map(|row| row.get::<_, String>(0)).collect();
    assert_eq!(archived, text, "Postgres");
}

fn last_text(events: &[Value]) -> &str {
    let mut texts = events.iter().filter_map(|event| event["data"]["delta"].as_str());
    texts.next_back().expect("the series was shown")
}

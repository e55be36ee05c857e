//! `GET /events`: what happens to all tasks (PROTOCOL §10).

use serde_json::{Value, json};

use crate::support::sse::each;
use crate::support::{Server, Wire};

on_each_store!(
    all_tasks_are_followed_from_now_on,
    the_global_stream_can_be_filtered,
    nothing_is_lost_between_many_tasks,
);

async fn all_tasks_are_followed_from_now_on(server: Server) {
    server.create("old").await;
    server.publish("old", r#"{"type":"before"}"#).await;
    let mut stream = server.stream("/events?wrap=false&since.index=-1&includeStatus=false&limit=1").await;
    server.create("new").await;
    let first = server.publish("old", r#"{"type":"a","data":[1]}"#).await;
    server.moved("new", "running").await;
    let delta = r#"{"type":"d","data":{"delta":"x"},"seriesId":"s","seriesMode":"accumulate"}"#;
    server.publish("new", delta).await;
    server.publish("new", delta).await;
    server.moved("new", "completed").await;
    server.delete("/tasks/new").await;
    server.publish("old", r#"{"type":"z"}"#).await;
    let mut events = stream.events(6).await;
    // The order is promised for each task.
    events.sort_by_key(|event| event["taskId"] == "new");
    assert_eq!(each(&events, "type"), ["a", "z", "taskcast:status", "d", "d", "taskcast:status"]);
    assert_eq!(each(&events, "taskId"), ["old", "old", "new", "new", "new", "new"]);
    assert_eq!(each(&events, "rawIndex"), [1, 2, 0, 1, 2, 3]);
    assert!(each(&events, "filteredIndex").iter().all(|rank| *rank == 0));
    assert_eq!(events[0]["eventId"], first["id"]);
    assert_eq!(events[4]["data"], json!({"delta": "x"}));
    assert_eq!(events[4].get("seriesSnapshot"), None);
    assert_eq!(server.get("/tasks/old").await.ok(200)["subscriberCount"], 0);
}

async fn the_global_stream_can_be_filtered(server: Server) {
    server.create("t").await;
    let mut by_type = server.stream("/events?types=a.*,taskcast:status").await;
    let mut by_level = server.stream("/events?levels=warn,error").await;
    let mut empty = server.stream("/events?types=&levels=").await;
    server
        .publish("t", r#"[{"type":"a.b"},{"type":"b","level":"error"},{"type":"a.c","level":"warn"}]"#)
        .await;
    server.moved("t", "running").await;
    assert_eq!(each(&by_type.events(3).await, "rawIndex"), [0, 2, 3]);
    assert_eq!(each(&by_level.events(2).await, "rawIndex"), [1, 2]);
    assert_eq!(each(&empty.events(4).await, "rawIndex"), [0, 1, 2, 3], "empty is no filter here");
}

async fn nothing_is_lost_between_many_tasks(server: Server) {
    const TASKS: usize = 10;
    const EVENTS: usize = 40;
    for number in 0..TASKS {
        server.create(&format!("t{number}")).await;
    }
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(server.stream("/events").await);
    }
    let mut publishing = Vec::new();
    for number in 0..TASKS {
        let address = server.address;
        publishing.push(tokio::spawn(async move {
            let mut wire = Wire::connect(address).await;
            for _ in 0..EVENTS {
                wire.post(&format!("/tasks/t{number}/events"), r#"{"type":"n"}"#).await.ok(201);
            }
        }));
    }
    for mut stream in streams {
        let events = stream.events(TASKS * EVENTS).await;
        for number in 0..TASKS {
            let own: Vec<&Value> =
                events.iter().filter(|event| event["taskId"] == format!("t{number}")).collect();
            let indexes: Vec<_> = own.iter().map(|event| event["rawIndex"].clone()).collect();
            assert_eq!(indexes, (0..EVENTS).map(|index| json!(index)).collect::<Vec<_>>());
        }
    }
    for publisher in publishing {
        publisher.await.expect("the publisher is well");
    }
}

//! Listing tasks.

use serde_json::Value;

use crate::support::{Client, Server};

on_each_store!(
    tasks_are_listed_in_the_order_they_were_created,
    a_list_can_be_filtered,
    pages_neither_skip_nor_repeat,
    a_bad_order_or_cursor_is_refused,
);

fn ids(listed: &Value) -> Vec<&str> {
    let tasks = listed["tasks"].as_array().expect("a list");
    tasks.iter().map(|task| task["id"].as_str().expect("an id")).collect()
}

async fn listed(client: &Client, query: &str) -> Vec<String> {
    let answer = client.get(&format!("/tasks?{query}")).await.ok(200);
    assert_eq!(answer.get("nextCursor"), None, "{query}");
    ids(&answer).into_iter().map(str::to_owned).collect()
}

async fn tasks_are_listed_in_the_order_they_were_created(server: Server) {
    for id in ["c", "a", "b"] {
        server.create(id).await;
        // The order within one millisecond is by id: the next one comes later.
        let created = server.get(&format!("/tasks/{id}")).await.ok(200)["createdAt"].as_i64();
        crate::support::wait_until("the next millisecond", async || {
            server.create("clock").await;
            let now = server.get("/tasks/clock").await.ok(200)["createdAt"].as_i64();
            server.delete("/tasks/clock").await;
            (now > created).then_some(())
        })
        .await;
    }
    assert_eq!(listed(&server, "").await, ["c", "a", "b"]);
    assert_eq!(listed(&server, "order=asc").await, ["c", "a", "b"]);
    assert_eq!(listed(&server, "order=desc").await, ["b", "a", "c"]);
    let _stream = server.stream("/tasks/a/events").await;
    let answer = server.get("/tasks").await.ok(200);
    let hot: Vec<_> = answer["tasks"].as_array().expect("a list").iter().map(|task| &task["hot"]).collect();
    assert_eq!(hot, [false, true, false]);
    assert_eq!(answer["tasks"][1]["subscriberCount"], 1);
}

async fn a_list_can_be_filtered(server: Server) {
    let tasks = [
        r#"{"id":"1","type":"llm.chat","tags":["x","y"],"assignMode":"pull"}"#,
        r#"{"id":"2","type":"llm.chat.long","tags":["x"]}"#,
        r#"{"id":"3","type":"llm","assignMode":"external"}"#,
        r#"{"id":"4"}"#,
    ];
    for task in tasks {
        server.post("/tasks", task).await.ok(201);
    }
    server.moved("2", "running").await;
    server.moved("3", "cancelled").await;
    let table: [(&str, &[&str]); 20] = [
        ("status=pending", &["1", "4"]),
        ("status=pending,running", &["1", "2", "4"]),
        ("status=,running,,nonsense", &["2"]),
        ("status=nonsense", &[]),
        ("status=", &["1", "2", "3", "4"]),
        ("type=llm.chat", &["1"]),
        ("type=llm.*", &["1", "2"]),
        ("type=*", &["1", "2", "3"]),
        ("type=", &["1", "2", "3", "4"]),
        ("type=none", &[]),
        ("tags=x", &["1", "2"]),
        ("tags=x,y", &["1"]),
        ("tags=,", &["1", "2", "3", "4"]),
        ("assignMode=pull", &["1"]),
        ("assignMode=nonsense", &[]),
        ("assignMode=", &["1", "2", "3", "4"]),
        ("type=llm.*&status=running&tags=x", &["2"]),
        ("limit=0&unknown=1", &["1", "2", "3", "4"]),
        ("limit=abc", &["1", "2", "3", "4"]),
        ("limit=-1", &["1", "2", "3", "4"]),
    ];
    for (query, expected) in table {
        let mut found = listed(&server, query).await;
        found.sort_unstable();
        assert_eq!(found, expected, "{query}");
    }
}

async fn pages_neither_skip_nor_repeat(server: Server) {
    for number in 0..25 {
        server.post("/tasks", &format!(r#"{{"id":"{number:02}","type":"t"}}"#)).await.ok(201);
    }
    let mut whole = listed(&server, "").await;
    for order in ["asc", "desc"] {
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let query = format!("/tasks?order={order}&limit=4x&type=t{cursor}");
            let page = server.get(&query).await.ok(200);
            paged.extend(ids(&page).into_iter().map(str::to_owned));
            let Some(next) = page.get("nextCursor") else { break };
            assert_eq!(ids(&page).len(), 4);
            cursor = format!("&cursor={}", next.as_str().expect("a text"));
            // Tasks that come and go elsewhere do not disturb.
            server.create("passing").await;
            assert_eq!(server.delete("/tasks/passing").await.status, 204);
        }
        assert_eq!(paged, whole);
        whole.reverse();
    }
    let exact = server.get("/tasks?limit=25").await.ok(200);
    assert_eq!((ids(&exact).len(), exact.get("nextCursor")), (25, None));
}

async fn a_bad_order_or_cursor_is_refused(server: Server) {
    for query in ["order=up", "order=", "order=ASC"] {
        let answer = server.get(&format!("/tasks?{query}")).await;
        answer.refused(400, "invalid_query", "order must be asc or desc");
    }
    for query in ["cursor=", "cursor=nonsense", "cursor=%00", "cursor=MS5h*"] {
        let answer = server.get(&format!("/tasks?{query}")).await;
        answer.refused_with(400, "invalid_query", "cursor");
    }
}

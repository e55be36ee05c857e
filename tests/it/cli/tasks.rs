//! `taskcast tasks`.

use serde_json::json;

use super::User;
use crate::support::{Server, Store};

#[tokio::test]
async fn a_task_is_created_with_all_that_was_said_of_it() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    let words = [
        "tasks",
        "create",
        "--id",
        "t1",
        "--type",
        "llm.chat",
        "--params",
        r#"{"n": 12345678901234567890.1}"#,
    ];
    let more = ["--metadata", r#"{"who": "me"}"#, "--ttl", "600", "--tag", "a", "--tag", "b"];
    assert_eq!(user.run(&[&words[..], &more].concat()).await.ok(), "t1\n");
    let task = server.get("/tasks/t1").await.ok(200);
    assert_eq!(task["type"], "llm.chat");
    assert_eq!(task["params"].to_string(), r#"{"n":12345678901234567890.1}"#);
    assert_eq!((&task["metadata"], &task["ttl"]), (&json!({"who": "me"}), &json!(600)));
    assert_eq!((&task["tags"], &task["status"]), (&json!(["a", "b"]), &json!("pending")));

    let started = user.run(&["tasks", "create", "--start", "--json"]).await.json();
    assert_eq!(started["status"], "running");
    let id = started["id"].as_str().unwrap();
    assert_eq!(server.get(&format!("/tasks/{id}")).await.ok(200)["status"], "running");
}

#[tokio::test]
async fn a_task_is_shown_with_all_that_is_known_of_it() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    server
        .post("/tasks", r#"{"id":"t1","type":"a.b","params":{"x":[1]},"tags":["p","q"],"ttl":90}"#)
        .await
        .ok(201);
    server.moved("t1", "running").await;
    let _reader = server.stream("/tasks/t1/events").await;
    let shown = user.run(&["tasks", "get", "t1"]).await;
    for part in
        ["t1 running\n", "type         a.b", "tags         p, q", r#"{"x":[1]}"#, "90 s", "subscribers  1"]
    {
        assert!(shown.ok().contains(part), "{part:?} is not in {shown:?}");
    }
    let json = user.run(&["tasks", "get", "t1", "--json"]).await.json();
    assert_eq!(json, server.get("/tasks/t1").await.ok(200), "machines get what the server says");
}

#[tokio::test]
async fn tasks_are_ended_in_each_way() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    for id in ["done", "failed", "cancelled", "gone"] {
        server.running(id).await;
    }
    let result = ["tasks", "complete", "done", "--result", r#"{"tokens": 42}"#];
    assert_eq!(user.run(&result).await.ok(), "done completed\n");
    assert_eq!(server.get("/tasks/done").await.ok(200)["result"], json!({"tokens": 42}));

    let failed = ["tasks", "fail", "failed", "--message", "no luck", "--code", "unlucky", "--json"];
    let failed = user.run(&failed).await.json();
    assert_eq!(failed["error"], json!({"message": "no luck", "code": "unlucky"}));
    let shown = user.run(&["tasks", "get", "failed"]).await;
    assert!(shown.ok().contains("no luck (unlucky)"), "{shown:?}");

    assert_eq!(user.run(&["tasks", "cancel", "cancelled"]).await.ok(), "cancelled cancelled\n");
    assert_eq!(user.run(&["tasks", "delete", "gone"]).await.ok(), "gone deleted\n");
    server.get("/tasks/gone").await.refused(404, "task_not_found", "Task not found");
    let deleted = user.run(&["tasks", "delete", "done", "--json"]).await.json();
    assert_eq!(deleted, json!({"id": "done", "deleted": true}));
}

#[tokio::test]
async fn lists_hold_what_was_asked_for_in_the_order_asked_for() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    for (id, kind, tag) in [("a", "llm.chat", "x"), ("b", "llm.image", "y"), ("c", "mail", "x")] {
        server.post("/tasks", &json!({"id": id, "type": kind, "tags": [tag]}).to_string()).await.ok(201);
    }
    server.moved("b", "running").await;
    let table: [(&[&str], &[&str]); 8] = [
        (&[], &["a", "b", "c"]),
        (&["--newest"], &["c", "b", "a"]),
        (&["--newest", "--limit", "2"], &["c", "b"]),
        (&["--status", "running"], &["b"]),
        (&["--status", "running,pending", "--status", "failed"], &["a", "b", "c"]),
        (&["--type", "llm.*"], &["a", "b"]),
        (&["--tag", "x"], &["a", "c"]),
        (&["--tag", "x", "--tag", "y"], &[]),
    ];
    for (words, ids) in table {
        let listed = user.run(&[&["tasks", "list", "--json"], words].concat()).await.jsons();
        let listed: Vec<_> = listed.iter().map(|task| task["id"].as_str().unwrap()).collect();
        assert_eq!(listed, ids, "{words:?}");
    }
}

#[tokio::test]
async fn a_list_is_a_table_for_people_and_an_empty_one_says_so_on_standard_error() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    let empty = user.run(&["tasks", "list"]).await;
    assert_eq!((empty.code, empty.out.as_str()), (Some(0), ""));
    assert_eq!(empty.err, "there are no such tasks\n");
    assert_eq!(user.run(&["tasks", "list", "--json"]).await.ok(), "");

    server.post("/tasks", r#"{"id":"short","type":"evil\u001b[2J"}"#).await.ok(201);
    server.running("a-longer-id").await;
    let listed = user.run(&["tasks", "list"]).await;
    let lines: Vec<_> = listed.ok().lines().collect();
    let column = |word: &str| lines[0].find(word).unwrap();
    assert!(lines[0].starts_with("ID") && lines.len() == 3, "{listed:?}");
    assert!(lines[1].starts_with("short ") && lines[2].starts_with("a-longer-id "), "{listed:?}");
    assert_eq!(&lines[2][column("STATUS")..column("TYPE")].trim_end(), &"running");
    assert!(lines[1][column("TYPE")..].starts_with(r"evil\u{1b}[2J"), "{listed:?}");
}

//! `taskcast export` and `taskcast import`.

use std::fs;

use serde_json::{Value, json};

use super::User;
use crate::support::{Server, Store};

async fn server_with_a_task() -> Server {
    let server = Server::start(Store::Memory).await;
    server.post("/tasks", r#"{"id":"t1","params":{"exact":0.12345678901234567890}}"#).await.ok(201);
    server.publish("t1", r#"[{"type":"a","data":1},{"type":"b","data":{"z":1,"a":2}}]"#).await;
    server
}

#[tokio::test]
async fn a_task_moves_from_one_server_to_another() {
    let (old, new) = (server_with_a_task().await, Server::start(Store::Memory).await);
    let archive = User::of(&old).run(&["export", "t1"]).await;
    assert_eq!(archive.json()["schema"], "taskcast.taskArchive");
    let user = User::of(&new);
    let imported = user.run_with(&["import", "-"], archive.ok()).await;
    assert_eq!(imported.ok(), "t1 is there with 2 events\n");
    assert_eq!(new.history("t1", "").await, old.history("t1", "").await);
    let params = |text: &str| text.contains(r#"{"exact":0.12345678901234567890}"#);
    assert!(params(new.get("/tasks/t1").await.text()), "numbers stay exact");

    user.run_with(&["import", "-"], archive.ok()).await.failed(6, "already exists");
    let again = user.run_with(&["import", "-", "--overwrite", "--json"], archive.ok()).await.json();
    assert_eq!(again, json!({"id": "t1", "events": 2, "overwritten": true}));
}

#[tokio::test]
async fn a_file_is_replaced_as_a_whole_or_not_at_all() {
    let server = server_with_a_task().await;
    let user = User::of(&server);
    let file = user.folder().join("task.json");
    fs::write(&file, "old").unwrap();
    user.run(&["export", "nobody", "-o", "task.json"]).await.failed(5, "Task not found");
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");

    let written = user.run(&["export", "t1", "-o", "task.json", "--json"]).await.json();
    assert_eq!(written, json!({"id": "t1", "file": "task.json", "events": 2}));
    let archive: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(archive["events"][1]["data"].to_string(), r#"{"z":1,"a":2}"#);
    assert_eq!(fs::read_dir(user.folder()).unwrap().count(), 1, "no draft is left");
    user.run(&["import", "task.json", "--overwrite"]).await.ok();

    user.run(&["export", "t1", "-o", "no/such/folder.json"])
        .await
        .failed(1, "cannot write no/such/folder.json");
}

#[tokio::test]
async fn what_is_no_archive_is_refused() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    user.run(&["import", "none.json"]).await.failed(1, "cannot read none.json");
    user.run_with(&["import", "-"], "{").await.failed(2, "this is no archive");
    user.run_with(&["import", "-"], r#"{"schema":"x"}"#).await.failed(1, "Unsupported archive schema: x");
}

//! Exit codes, and what is said with them.

use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::User;
use crate::auth::{secured_with, token};
use crate::support::{Server, Store, within};

/// Every command that asks a server about something that is not there, or must not be.
const COMMANDS: [&[&str]; 10] = [
    &["tasks", "list"],
    &["tasks", "get", "x"],
    &["tasks", "create", "--id", "x"],
    &["tasks", "cancel", "x"],
    &["tasks", "complete", "x"],
    &["tasks", "fail", "x", "-m", "y"],
    &["tasks", "delete", "x"],
    &["events", "publish", "x", "y"],
    &["events", "history", "x"],
    &["export", "x"],
];

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_3() {
    let user = User::new().with("TASKCAST_URL", "http://127.0.0.1:1");
    user.run(&["ping"]).await.failed(3, "taskcast start");
    user.run(&["tasks", "get", "x"]).await.failed(3, "cannot connect to the server");
}

#[tokio::test]
async fn who_is_not_let_in_gets_4_and_who_may_not_gets_4() {
    let server = secured_with(Store::Memory, json!({})).start().await;
    let (nobody, wrong) = (User::of(&server), User::of(&server).with("TASKCAST_TOKEN", "wr0ng"));
    let powerless = User::of(&server).with("TASKCAST_TOKEN", &token(&json!({"scope": []})));
    for words in COMMANDS {
        nobody.run(words).await.failed(4, "Set TASKCAST_TOKEN");
        let refused = wrong.run(words).await;
        refused.failed(4, "Invalid or expired token");
        assert!(!refused.err.contains("wr0ng"), "{refused:?}");
        powerless.run(words).await.failed(4, "lacks a scope");
    }
}

#[tokio::test]
async fn what_is_not_there_is_5_and_what_is_in_the_way_is_6() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    for words in COMMANDS.iter().filter(|words| words.contains(&"x") && !words.contains(&"create")) {
        user.run(words).await.failed(5, "Task not found");
    }
    server.create("x").await;
    user.run(&["tasks", "create", "--id", "x"]).await.failed(6, "Task already exists: x");
    user.run(&["tasks", "complete", "x"]).await.failed(6, "Invalid transition: pending → completed");
}

#[tokio::test]
async fn arguments_that_make_no_sense_are_2() {
    let user = User::new();
    let table: [(&[&str], &str); 12] = [
        (&["tasks"], "Usage"),
        (&["tasks", "get"], "<ID>"),
        (&["tasks", "list", "--status", "done"], "completed"),
        (&["tasks", "list", "--limit", "0"], "--limit"),
        (&["tasks", "create", "--params", "[1]"], "no JSON object"),
        (&["tasks", "create", "--params", "{"], "no JSON"),
        (&["tasks", "create", "--ttl", "0"], "--ttl"),
        (&["tasks", "fail", "x"], "--message"),
        (&["tasks", "get", "a/b"], "can be no task's id"),
        (&["events", "publish", "x", "y", "--level", "loud"], "warn"),
        (&["doctor", "--idle", "5"], "--probe"),
        (&["ping", "--url", "nowhere"], "no http or https URL"),
    ];
    for (words, part) in table {
        user.run(words).await.failed(2, part);
    }
}

#[tokio::test]
async fn a_reader_who_has_seen_enough_is_no_error() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    server.create("t1").await;
    let data = "x".repeat(10_000);
    for _ in 0..20 {
        server.publish("t1", &format!(r#"{{"type":"big","data":"{data}"}}"#)).await;
    }
    for words in [&["events", "history", "t1"][..], &["export", "t1"], &["completions", "zsh"], &["man"]] {
        let mut child = user.command(words).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::with_capacity(16, child.stdout.take().unwrap()).lines();
        drop(within("a first line", lines.next_line()).await.unwrap());
        drop(lines);
        let ended = within("the command ends", child.wait_with_output()).await.unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), err.as_str()), (Some(0), ""), "{words:?}");
    }
}

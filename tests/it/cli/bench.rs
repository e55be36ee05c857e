//! `taskcast bench`.

use serde_json::{Value, json};

use super::{PROGRAM, User};
use crate::auth::{secured_with, token};
use crate::support::terminal::Terminal;
use crate::support::{Server, Store};

const SHORT: [&str; 5] = ["bench", "--duration", "0.1", "--connections", "2"];

#[tokio::test]
async fn what_was_measured_is_a_table_for_people_and_lines_of_json_for_machines() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    let ran = user.run(&[&SHORT[..], &["--scenario", "batch", "--scenario", "late-join"]].concat()).await;
    let lines: Vec<_> = ran.ok().lines().collect();
    assert!(lines[0].starts_with("SCENARIO ") && lines[0].contains("RESULT"), "{ran:?}");
    assert!(lines[1].starts_with("publish in batches of 100") && lines[1].ends_with("k/s"), "{ran:?}");
    assert!(lines[2].starts_with("late join on a series") && lines[2].ends_with("ms"), "{ran:?}");

    let measured = user.run(&[&SHORT[..], &["--scenario", "publish", "--json"]].concat()).await.jsons();
    assert_eq!(measured.len(), 2, "to many tasks, and to one");
    assert!(
        measured.iter().all(|row| row["value"].as_f64() > Some(0.0) && row["unit"] == "1/s"),
        "{measured:?}"
    );
    assert!(user.run(&["tasks", "list", "--json"]).await.jsons().is_empty(), "nothing is left behind");

    user.run(&[&SHORT[..], &["--scenario", "create"]].concat()).await.ok();
    let left = user.run(&["tasks", "list", "--type", "bench", "--json"]).await.jsons();
    let passing = |task: &Value| task["ttl"] == 60 && task["cleanup"]["rules"][0]["target"] == "all";
    assert!(!left.is_empty() && left.iter().all(passing), "they go by themselves");
}

#[tokio::test]
async fn a_server_that_asks_for_a_token_is_measured_with_one() {
    let server = secured_with(Store::Memory, json!({})).start().await;
    let words = [&SHORT[..], &["--scenario", "series", "--json"]].concat();
    let refused = User::of(&server).run(&words).await;
    refused.failed(1, "series failed: the server: POST /tasks HTTP/1.1 answered 401");
    let user = User::of(&server).with("TASKCAST_TOKEN", &token(&json!({"scope": ["*"]})));
    assert!(user.run(&words).await.json()["value"].as_f64() > Some(0.0));
}

#[tokio::test]
async fn what_cannot_be_measured_is_refused_before_anything_is_sent() {
    let user = User::new().with("TASKCAST_URL", "http://127.0.0.1:1");
    user.run(&SHORT).await.failed(3, "cannot connect");
    for (words, part) in [
        (["bench", "--duration", "0"], "3600"),
        (["bench", "--duration", "NaN"], "3600"),
        (["bench", "--connections", "0"], "--connections"),
        (["bench", "--scenario", "nothing"], "fan-out"),
    ] {
        user.run(&words).await.failed(2, part);
    }
}

#[tokio::test]
async fn a_terminal_shows_how_far_it_is() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    let words = [&SHORT[..], &["--scenario", "batch", "--scenario", "series"]].concat();
    let mut terminal = Terminal::start(PROGRAM, &words, &user.variables());
    terminal.until("1/2 series").await;
    let (status, shown) = terminal.ended().await;
    assert!(status.success() && shown.contains("publish one accumulate delta"), "{shown:?}");
}

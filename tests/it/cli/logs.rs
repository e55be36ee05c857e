//! `taskcast logs` and `taskcast tail`: what tasks say, for whoever comes when.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout};

use super::{PROGRAM, User};
use crate::support::proxy::Proxy;
use crate::support::terminal::Terminal;
use crate::support::{Client, Server, Setup, Store, wait_until, within};

/// A running task with this id.
async fn running(server: &Client, id: &str) {
    server.post("/tasks", &json!({"id": id}).to_string()).await.ok(201);
    server.patch(&format!("/tasks/{id}/status"), r#"{"status":"running"}"#).await.ok(200);
}

async fn publish(server: &Client, id: &str, event: &Value) {
    server.post(&format!("/tasks/{id}/events"), &event.to_string()).await.ok(201);
}

async fn say(server: &Client, id: &str, piece: &str) {
    let event =
        json!({"type": "text", "seriesId": "s", "seriesMode": "accumulate", "data": {"delta": piece}});
    publish(server, id, &event).await;
}

async fn complete(server: &Client, id: &str) {
    let body = json!({"status": "completed", "result": {"n": 1}}).to_string();
    server.patch(&format!("/tasks/{id}/status"), &body).await.ok(200);
}

/// `taskcast logs` while it runs.
struct Logs {
    child: Child,
    out: BufReader<ChildStdout>,
    seen: String,
}

impl Logs {
    fn start(user: &User, arguments: &[&str]) -> Self {
        let mut child = user.command(arguments).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out, seen: String::new() }
    }

    /// Reads until `text` was shown.
    async fn until(&mut self, text: &str) {
        let reading = async {
            while !self.seen.contains(text) {
                let bytes = self.out.fill_buf().await.unwrap();
                assert!(!bytes.is_empty(), "it ended after {:?}", self.seen);
                let count = bytes.len();
                self.seen.push_str(std::str::from_utf8(bytes).unwrap());
                self.out.consume(count);
            }
        };
        within(&format!("{text:?} is shown"), reading).await;
    }

    /// Everything it showed, what it said on standard error, and its exit code.
    async fn ended(mut self) -> (String, String, Option<i32>) {
        let mut errors = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        let both = async {
            tokio::join!(self.out.read_to_string(&mut self.seen), stderr.read_to_string(&mut errors))
        };
        within("it ends", both).await.0.unwrap();
        let status = within("it ends", self.child.wait()).await.unwrap();
        (self.seen, errors, status.code())
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id().unwrap()).unwrap()), signal).unwrap();
    }
}

#[tokio::test]
async fn one_who_was_there_one_who_comes_late_and_one_who_was_killed_see_the_same_text() {
    let server = Server::start(Store::Sqlite).await;
    let user = User::of(&server);
    running(&server, "t").await;
    let mut early = Logs::start(&user, &["logs", "t"]);
    let mut cut = Logs::start(&user, &["logs", "t", "--json"]);
    say(&server, "t", "Nothing ").await;
    early.until("Nothing ").await;
    cut.until("Nothing ").await;
    say(&server, "t", "is ").await;
    cut.until("\"is \"").await;
    cut.signal(Signal::SIGKILL);
    let (seen, _, _) = cut.ended().await;
    let last: Value = serde_json::from_str(seen.lines().last().unwrap()).unwrap();
    let resumed = Logs::start(&user, &["logs", "t", "--since", last["id"].as_str().unwrap()]);
    let late = Logs::start(&user, &["logs", "t"]);
    say(&server, "t", "lost.\n").await;
    complete(&server, "t").await;
    for (logs, expected) in
        [(early, "Nothing is lost.\n"), (late, "Nothing is lost.\n"), (resumed, "lost.\n")]
    {
        let (seen, errors, code) = logs.ended().await;
        assert_eq!((seen.as_str(), code), (expected, Some(0)));
        assert!(errors.contains("completed {\"n\":1}"), "{errors}");
    }
    let ran = user.run(&["logs", "t", "--no-follow"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "Nothing is lost.\n"));
}

#[tokio::test]
async fn a_restart_of_the_server_is_told_and_costs_nothing() {
    let setup = Setup::new(Store::Sqlite);
    let server = setup.start().await;
    let proxy = Proxy::planned(server.address, Vec::new()).await;
    let user = User::new().with("TASKCAST_URL", &proxy.url());
    running(&server, "t").await;
    say(&server, "t", "before ").await;
    let mut logs = Logs::start(&user, &["logs", "t"]);
    logs.until("before ").await;
    server.killed().await;
    let server = setup.start().await;
    proxy.lead_to(server.address);
    say(&server, "t", "after\n").await;
    complete(&server, "t").await;
    let (seen, errors, code) = logs.ended().await;
    assert_eq!((seen.as_str(), code), ("before after\n", Some(0)));
    assert!(errors.contains("the connection is lost") && errors.contains("connected again"), "{errors}");
}

#[tokio::test]
async fn an_interrupted_one_says_how_to_go_on_and_going_on_doubles_nothing() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    running(&server, "t").await;
    publish(&server, "t", &json!({"type": "step", "data": 1})).await;
    let mut logs = Logs::start(&user, &["logs", "t"]);
    logs.until("step 1").await;
    logs.signal(Signal::SIGINT);
    let (_, errors, code) = logs.ended().await;
    assert_eq!(code, Some(130));
    let again = errors.split("taskcast ").last().unwrap().trim().to_owned();
    publish(&server, "t", &json!({"type": "step", "data": 2})).await;
    complete(&server, "t").await;
    let arguments: Vec<_> = again.split(' ').collect();
    let ran = user.run(&arguments).await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "step 2\n"), "{again}");
}

#[tokio::test]
async fn how_the_task_ended_is_the_exit_code() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    for (status, expected) in [("completed", 0), ("failed", 10), ("timeout", 11), ("cancelled", 12)] {
        running(&server, status).await;
        let body = json!({"status": status}).to_string();
        server.patch(&format!("/tasks/{status}/status"), &body).await.ok(200);
        assert_eq!(user.run(&["logs", status]).await.code, Some(expected), "{status}");
    }
    running(&server, "deleted").await;
    let logs = Logs::start(&user, &["logs", "deleted"]);
    wait_until("it follows", async || {
        let task = server.get("/tasks/deleted").await.ok(200);
        (task["subscriberCount"] == 1).then_some(())
    })
    .await;
    server.delete("/tasks/deleted").await;
    assert_eq!(logs.ended().await.2, Some(13));
    user.run(&["logs", "nobody"]).await.failed(5, "Task not found");
}

#[tokio::test]
async fn a_server_that_was_never_there_is_not_waited_for() {
    let user = User::new().with("TASKCAST_URL", "http://127.0.0.1:1");
    user.run(&["logs", "t"]).await.failed(3, "taskcast start");
    user.run(&["tail"]).await.failed(3, "taskcast start");
}

#[tokio::test]
async fn what_tasks_say_cannot_steer_the_terminal() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    running(&server, "t").await;
    say(&server, "t", "a\u{1b}[2").await;
    say(&server, "t", "Jb\u{1b}]0;title\u{7}c\n").await;
    publish(&server, "t", &json!({"type": "x\u{1b}[31m", "data": {"line": "\u{1b}[Hd"}, "level": "error"}))
        .await;
    complete(&server, "t").await;
    let (status, shown) = Terminal::start(PROGRAM, &["logs", "t"], &user.variables()).ended().await;
    assert_eq!(status.code(), Some(0));
    assert!(shown.contains("abc") && shown.contains('d'), "{shown:?}");
    assert!(
        !["\u{1b}[2J", "\u{1b}]0", "\u{7}", "\u{1b}[H"].iter().any(|bad| shown.contains(bad)),
        "{shown:?}"
    );
    assert!(shown.contains("\u{1b}[32mcompleted"), "a terminal has colours: {shown:?}");
    let plain = user.with("NO_COLOR", "1");
    let (_, shown) = Terminal::start(PROGRAM, &["logs", "t"], &plain.variables()).ended().await;
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[tokio::test]
async fn events_are_chosen_by_type_and_level() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    running(&server, "t").await;
    for (kind, level) in [("agent.step", "info"), ("agent.step", "error"), ("other", "error")] {
        publish(&server, "t", &json!({"type": kind, "level": level, "data": level})).await;
    }
    complete(&server, "t").await;
    let ran = user.run(&["logs", "t", "--type", "agent.*", "--level", "error", "--json"]).await;
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (lines.len(), &lines[0]["data"], &lines[1]),
        (2, &json!("error"), &json!({"done": "completed"}))
    );
    user.run(&["logs", "t", "--level", "loud"]).await.failed(2, "debug, info, warn, error");
}

#[tokio::test]
async fn tail_shows_all_tasks_and_says_when_something_may_be_missing() {
    let setup = Setup::new(Store::Sqlite);
    let server = setup.start().await;
    let proxy = Proxy::planned(server.address, Vec::new()).await;
    let user = User::new().with("TASKCAST_URL", &proxy.url());
    let mut tail = Logs::start(&user, &["tail", "--type", "note"]);
    wait_until("it follows", async || {
        let metrics = server.get("/metrics").await;
        metrics.text().contains("taskcast_sse_connections{kind=\"global\"} 1").then_some(())
    })
    .await;
    running(&server, "a").await;
    running(&server, "b").await;
    for id in ["a", "b"] {
        publish(&server, id, &json!({"type": "note", "data": {"from": id}})).await;
    }
    tail.until("{\"from\":\"b\"}").await;
    assert_eq!(tail.seen.lines().count(), 2, "{}", tail.seen);
    server.killed().await;
    let server = setup.start().await;
    proxy.lead_to(server.address);
    wait_until("it follows again", async || {
        publish(&server, "a", &json!({"type": "note", "data": "again"})).await;
        let metrics = server.get("/metrics").await;
        metrics.text().contains("taskcast_sse_connections{kind=\"global\"} 1").then_some(())
    })
    .await;
    publish(&server, "a", &json!({"type": "note", "data": "last"})).await;
    tail.until("last").await;
    tail.signal(Signal::SIGTERM);
    let (_, errors, _) = tail.ended().await;
    assert!(errors.contains("missing"), "{errors}");
}

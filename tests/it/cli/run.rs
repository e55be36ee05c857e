//! `taskcast run`: a command as a task.

use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Child;

use super::{PROGRAM, User};
use crate::support::proxy::Proxy;
use crate::support::terminal::{CONTROL_C, Terminal};
use crate::support::{Server, Setup, Store, within};

on_local_stores!(
    what_a_command_writes_is_shown_and_published,
    a_command_that_fails_fails_its_task_and_tells_the_last_lines,
    cancelling_the_task_ends_the_command_and_everything_it_started,
);

/// The task, as the server knows it.
async fn task(server: &Server, id: &str) -> Value {
    server.get(&format!("/tasks/{id}")).await.ok(200)
}

/// The text of standard output, as it was published.
async fn text(server: &Server, id: &str) -> String {
    let path = format!("/tasks/{id}/events/history?types=run.stdout&seriesFormat=accumulated");
    let events = server.get(&path).await.ok(200);
    let pieces = events.as_array().unwrap().iter().map(|event| event["data"]["delta"].as_str().unwrap());
    pieces.collect()
}

/// The lines of standard error, as they were published.
async fn error_lines(server: &Server, id: &str) -> Vec<String> {
    let events = server.get(&format!("/tasks/{id}/events/history?types=run.stderr")).await.ok(200);
    let lines = events.as_array().unwrap().iter().map(|event| event["data"]["line"].as_str().unwrap());
    lines.map(str::to_owned).collect()
}

async fn what_a_command_writes_is_shown_and_published(server: Server) {
    let script = "printf 'one\\nžluť'; echo oops >&2; printf 'last' >&2; echo \"$TASKCAST_TASK_ID\"";
    let arguments =
        ["run", "--id", "r", "--type", "build", "--tag", "a", "--ttl", "60", "--", "sh", "-c", script];
    let ran = User::of(&server).run(&arguments).await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "one\nžluťr\n"), "{ran:?}");
    assert!(ran.err.contains("taskcast logs r") && ran.err.contains("oops\nlast"), "{ran:?}");
    assert_eq!(text(&server, "r").await, ran.out);
    assert_eq!(error_lines(&server, "r").await, ["oops", "last"]);
    let task = task(&server, "r").await;
    assert_eq!(
        [&task["status"], &task["type"], &task["tags"], &task["ttl"], &task["result"]["exitCode"]],
        [&json!("completed"), &json!("build"), &json!(["a"]), &json!(60), &json!(0)]
    );
    assert_eq!(task["params"]["command"], json!(["sh", "-c", script]));
}

async fn a_command_that_fails_fails_its_task_and_tells_the_last_lines(server: Server) {
    let script = "seq 30; echo broken >&2; exit 7";
    let ran = User::of(&server).run(&["run", "--id", "f", "--", "sh", "-c", script]).await;
    assert_eq!(ran.code, Some(7), "{ran:?}");
    let task = task(&server, "f").await;
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!("exit_7")));
    let lines = task["error"]["details"]["lastLines"].as_array().unwrap();
    assert!(lines.len() == 20 && lines.contains(&json!("broken")) && lines.contains(&json!("30")), "{task}");
}

/// `taskcast run` with a script that says when it is ready, which has been waited for.
async fn started(user: &User, arguments: &[&str]) -> Child {
    let mut child = user.command(&[&["run"], arguments].concat()).spawn().unwrap();
    let out = child.stdout.as_mut().unwrap();
    let mut ready = String::new();
    within("the command writes", BufReader::new(out).read_line(&mut ready)).await.unwrap();
    assert_eq!(ready, "ready\n");
    child
}

/// The process whose id the task's first line of standard error tells.
async fn told_process(server: &Server, id: &str) -> Pid {
    let lines = crate::support::wait_until("a process id is told", async || {
        Some(error_lines(server, id).await).filter(|lines| !lines.is_empty())
    });
    let lines = lines.await;
    Pid::from_raw(lines[0].parse().unwrap_or_else(|_| panic!("{lines:?}")))
}

/// Waits until a process is gone, or is only waiting to be forgotten.
async fn gone(process: Pid) {
    crate::support::wait_until("the process is gone", async || {
        let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let gone = state.is_empty() || state.contains(") Z ");
        gone.then_some(())
    })
    .await;
}

/// Starts something that lives on its own and ignores that its parent ends.
const WITH_GRANDCHILD: &str = "sleep 1000 & echo $! >&2; echo ready; wait";

async fn cancelling_the_task_ends_the_command_and_everything_it_started(server: Server) {
    let user = User::of(&server);
    let child = started(&user, &["--id", "c", "--", "sh", "-c", WITH_GRANDCHILD]).await;
    let grandchild = told_process(&server, "c").await;
    server.patch("/tasks/c/status", r#"{"status":"cancelled"}"#).await.ok(200);
    let ended = within("the command ends", child.wait_with_output()).await.unwrap();
    assert_eq!(ended.status.code(), Some(128 + 15));
    gone(grandchild).await;
    assert_eq!(task(&server, "c").await["status"], "cancelled");
}

#[tokio::test]
async fn a_task_that_times_out_or_is_deleted_ends_its_command() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    let child =
        started(&user, &["--id", "t", "--ttl", "1", "--", "sh", "-c", "echo ready; sleep 1000"]).await;
    let ended = within("the command ends", child.wait_with_output()).await.unwrap();
    assert_eq!(ended.status.code(), Some(128 + 15));
    assert_eq!(task(&server, "t").await["status"], "timeout");
    let child = started(&user, &["--id", "d", "--", "sh", "-c", "echo ready; sleep 1000"]).await;
    server.delete("/tasks/d").await;
    let ended = within("the command ends", child.wait_with_output()).await.unwrap();
    assert_eq!(ended.status.code(), Some(128 + 15));
}

#[tokio::test]
async fn a_signal_reaches_the_command_and_everything_it_started() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let id = signal.as_str();
        // A shell has what it starts in the background ignore interrupts.
        let script = format!("trap - INT; {WITH_GRANDCHILD}").replace("sleep 1000", "sh -c 'sleep 1000'");
        let script =
            if signal == Signal::SIGINT { "echo $$ >&2; echo ready; exec sleep 1000".into() } else { script };
        let child = started(&user, &["--id", id, "--", "sh", "-c", &script]).await;
        let process = told_process(&server, id).await;
        kill(Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()), signal).unwrap();
        let ended = within("the command ends", child.wait_with_output()).await.unwrap();
        assert_eq!(ended.status.code(), Some(128 + signal as i32), "{signal}");
        gone(process).await;
        assert_eq!(task(&server, id).await["status"], "cancelled");
    }
}

#[tokio::test]
async fn a_command_that_ends_well_though_it_was_interrupted_has_completed() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    let script = "trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let child = started(&user, &["--id", "w", "--", "sh", "-c", script]).await;
    kill(Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()), Signal::SIGTERM).unwrap();
    let ended = within("the command ends", child.wait_with_output()).await.unwrap();
    assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(0), &b"saved\n"[..]));
    assert_eq!(task(&server, "w").await["status"], "completed");
    assert_eq!(text(&server, "w").await, "ready\nsaved\n");
}

#[tokio::test]
async fn a_hundred_megabytes_arrive_as_they_were_written() {
    let server = Server::start(Store::Memory).await;
    let bytes = 100_000_000;
    let script = format!("seq 100000000 | head -c {bytes}");
    let mut child =
        User::of(&server).command(&["run", "--id", "big", "--", "sh", "-c", &script]).spawn().unwrap();
    let mut shown = Vec::with_capacity(bytes);
    let out = child.stdout.as_mut().unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(300), out.read_to_end(&mut shown))
        .await
        .unwrap()
        .unwrap();
    let status = within("the command ends", child.wait()).await.unwrap();
    assert_eq!((status.code(), shown.len()), (Some(0), bytes));
    // Whoever comes late gets pieces of a bounded size.
    let path = "/tasks/big/events/history?types=run.stdout&seriesFormat=accumulated";
    let events = server.get(path).await.ok(200);
    let pieces: Vec<_> =
        events.as_array().unwrap().iter().map(|event| event["data"]["delta"].as_str().unwrap()).collect();
    assert!(pieces.iter().all(|piece| piece.len() <= 1024 * 1024), "a piece is too large");
    assert!(pieces.concat().as_bytes() == shown, "the text differs");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_shown_as_they_are_and_published_as_text() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
    std::fs::write(user.folder().join("bytes"), &bytes).unwrap();
    let command = user.command(&["run", "--id", "b", "--", "cat", "bytes"]);
    let mut command = command;
    let ran = within("the command ends", command.output()).await.unwrap();
    assert_eq!((ran.status.code(), ran.stdout), (Some(0), bytes.clone()));
    let text = text(&server, "b").await;
    assert_eq!(text, String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}"));
}

#[tokio::test]
async fn a_command_that_cannot_be_run_fails_its_task() {
    let server = Server::start(Store::Memory).await;
    let ran = User::of(&server).run(&["run", "--id", "n", "--", "no-such-command"]).await;
    assert_eq!(ran.code, Some(127), "{ran:?}");
    assert!(ran.err.contains("cannot run no-such-command"), "{ran:?}");
    let task = task(&server, "n").await;
    assert_eq!((&task["status"], &task["error"]["code"]), (&json!("failed"), &json!("exit_127")));
}

#[tokio::test]
async fn without_a_server_nothing_is_run() {
    let user = User::new().with("TASKCAST_URL", "http://127.0.0.1:1");
    let ran = user.run(&["run", "--", "touch", "ran"]).await;
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.err.contains("taskcast start") && !user.folder().join("ran").exists(), "{ran:?}");
}

#[tokio::test]
async fn a_server_that_is_away_while_the_command_writes_misses_nothing() {
    let setup = Setup::new(Store::Sqlite);
    let server = setup.start().await;
    let proxy = Proxy::planned(server.address, Vec::new()).await;
    let go = "echo ready; until [ -e go ]; do sleep 0.05; done; seq 20000";
    let user = User::new().with("TASKCAST_URL", &proxy.url());
    let mut child = user.command(&["run", "--id", "a", "--", "sh", "-c", go]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut ready = String::new();
    within("the command writes", out.read_line(&mut ready)).await.unwrap();
    server.killed().await;
    std::fs::write(user.folder().join("go"), "").unwrap();
    let mut shown = ready;
    let all = async {
        while !shown.ends_with("\n20000\n") {
            assert_ne!(out.read_line(&mut shown).await.unwrap(), 0, "the output ended early");
        }
    };
    within("the command writes all", all).await;
    let server = setup.start().await;
    proxy.lead_to(server.address);
    let status = within("the command ends", child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(text(&server, "a").await, shown);
    assert_eq!(task(&server, "a").await["status"], "completed");
}

#[tokio::test]
async fn standard_input_is_passed_on() {
    let server = Server::start(Store::Memory).await;
    let ran = User::of(&server).run_with(&["run", "--", "tr", "a-z", "A-Z"], "shout").await;
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "SHOUT"), "{ran:?}");
}

#[tokio::test]
async fn on_a_terminal_control_c_ends_the_command() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    // No shell, which may swallow an interrupt between two commands.
    let file = user.folder().join("file");
    std::fs::write(&file, "ready\n").unwrap();
    let arguments = ["run", "--id", "k", "--", "tail", "-f", file.to_str().unwrap()];
    let mut terminal = Terminal::start(PROGRAM, &arguments, &user.variables());
    terminal.until("ready").await;
    terminal.send(CONTROL_C).await;
    let (status, _) = terminal.ended().await;
    assert_eq!(status.code(), Some(130));
    assert_eq!(task(&server, "k").await["status"], "cancelled");
}

#[tokio::test]
async fn what_is_left_in_the_background_does_not_hold_up_the_end() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    let mut command =
        user.command(&["run", "--id", "l", "--", "sh", "-c", "sleep 30 & printf last >&2; echo done"]);
    let ended = within("the command ends", command.stderr(Stdio::null()).output()).await.unwrap();
    assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(0), &b"done\n"[..]));
    assert_eq!(task(&server, "l").await["status"], "completed");
    assert_eq!(error_lines(&server, "l").await, ["last"]);
}

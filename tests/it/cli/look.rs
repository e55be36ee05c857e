//! What people see: colours on a terminal, plain text everywhere else.

use std::os::unix::process::ExitStatusExt as _;

use super::{PROGRAM, User};
use crate::support::terminal::{CONTROL_C, Terminal};
use crate::support::{Server, Store};

const ESCAPE: char = '\u{1b}';

async fn on_a_terminal(user: &User, words: &[&str]) -> (Option<i32>, String) {
    let (status, shown) = Terminal::start(PROGRAM, words, &user.variables()).ended().await;
    (status.code(), shown)
}

#[tokio::test]
async fn statuses_are_coloured_on_a_terminal_and_columns_stay_in_line() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    server.create("first").await;
    server.running("second").await;
    let (code, shown) = on_a_terminal(&user, &["tasks", "list"]).await;
    assert_eq!(code, Some(0));
    assert!(
        shown.contains("\u{1b}[36mrunning\u{1b}[0m") && shown.contains("\u{1b}[34mpending\u{1b}[0m"),
        "{shown:?}"
    );
    let plain = user.run(&["tasks", "list"]).await;
    assert!(plain.ok().contains("second  running"), "{plain:?}");

    let (_, shown) = on_a_terminal(&user, &["tasks", "list", "--json"]).await;
    assert!(!shown.contains(ESCAPE), "JSON has no colours: {shown:?}");
}

#[tokio::test]
async fn who_wants_no_colours_gets_none() {
    let server = Server::start(Store::Memory).await;
    server.create("t1").await;
    for user in [User::of(&server).with("NO_COLOR", "1"), User::of(&server).with("TERM", "dumb")] {
        let (code, shown) = on_a_terminal(&user, &["tasks", "list"]).await;
        assert_eq!(code, Some(0));
        assert!(shown.contains("pending") && !shown.contains(ESCAPE), "{shown:?}");
    }
}

#[tokio::test]
async fn errors_are_red_on_a_terminal() {
    let user = User::new().with("TASKCAST_URL", "http://127.0.0.1:1");
    let (code, shown) = on_a_terminal(&user, &["ping"]).await;
    assert_eq!(code, Some(3));
    assert!(shown.contains("\u{1b}[1m\u{1b}[31mtaskcast:\u{1b}[0m cannot connect"), "{shown:?}");
}

#[tokio::test]
async fn a_token_can_be_pasted_into_a_terminal() {
    let user = User::new();
    let words = ["node", "add", "a", "http://a", "--token-stdin"];
    let mut terminal = Terminal::start(PROGRAM, &words, &user.variables());
    terminal.until("Paste the token").await;
    terminal.send("s3cret\r").await;
    let (status, shown) = terminal.ended().await;
    assert!(status.success() && shown.contains("added with a token"), "{shown:?}");
    assert!(!shown.contains("s3cret"), "nobody sees it over the shoulder: {shown:?}");
}

#[tokio::test]
async fn an_interrupt_keeps_nothing() {
    let user = User::new();
    let words = ["node", "add", "a", "http://a", "--token-stdin"];
    let mut terminal = Terminal::start(PROGRAM, &words, &user.variables());
    terminal.until("Paste the token").await;
    terminal.send(CONTROL_C).await;
    let (status, shown) = terminal.ended().await;
    assert_eq!(status.signal(), Some(2), "{shown:?}");
    assert!(user.run(&["node", "list", "--json"]).await.jsons().is_empty());
}

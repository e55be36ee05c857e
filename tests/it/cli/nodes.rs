//! `taskcast node`: servers by name, and their tokens.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::User;
use crate::auth::{secured_with, token};
use crate::support::{Server, Store};

const TOKEN: &str = "s3cret.t0ken";

async fn listed(user: &User) -> Vec<Value> {
    user.run(&["node", "list", "--json"]).await.jsons()
}

#[tokio::test]
async fn the_first_node_is_in_use_until_another_is_chosen_or_it_is_removed() {
    let user = User::new();
    let none = user.run(&["node", "list"]).await;
    assert!(none.out.is_empty() && none.err.contains("taskcast node add"), "{none:?}");
    assert_eq!(user.run(&["node", "add", "one", "http://one:1"]).await.ok(), "one added, in use\n");
    assert_eq!(user.run(&["node", "add", "two", "https://two/tasks"]).await.ok(), "two added\n");
    assert_eq!(
        user.run(&["node", "add", "three", "http://three", "--use"]).await.ok(),
        "three added, in use\n"
    );
    assert_eq!(user.run(&["node", "use", "two"]).await.ok(), "two is in use: https://two/tasks\n");
    let current: Vec<_> = listed(&user).await.into_iter().filter(|node| node["current"] == true).collect();
    assert_eq!(
        current,
        [json!({"name": "two", "url": "https://two/tasks", "current": true, "token": false})]
    );
    assert_eq!(user.run(&["node", "remove", "two"]).await.ok(), "two removed\n");
    assert!(listed(&user).await.iter().all(|node| node["current"] == false));
    let chosen = user.run(&["node", "use", "one", "--json"]).await.json();
    assert_eq!(chosen, json!({"name": "one", "url": "http://one:1", "current": true, "token": false}));
    let replaced = user.run(&["node", "add", "one", "http://uno", "--json"]).await.json();
    assert_eq!(replaced, json!({"name": "one", "url": "http://uno", "current": true, "token": false}));
    let removed = user.run(&["node", "remove", "three", "--json"]).await.json();
    assert_eq!(removed, json!({"name": "three", "removed": true}));
    user.run(&["node", "remove", "two"]).await.failed(1, r#"there is no node "two", only one"#);
    user.run(&["node", "use", "four"]).await.failed(1, r#"there is no node "four""#);
}

#[tokio::test]
async fn names_and_addresses_are_checked_before_they_are_kept() {
    let user = User::new();
    for (words, part) in [
        (["a b", "http://x"], "letters, digits"),
        (["x", "ftp://x"], "no http or https URL"),
        (["x", "x"], "no http or https URL"),
        (["x", "http://me:s3cret@x"], "holds a password"),
    ] {
        let refused = user.run(&["node", "add", words[0], words[1]]).await;
        refused.failed(2, part);
        assert!(!refused.err.contains("s3cret"), "{refused:?}");
    }
    assert!(listed(&user).await.is_empty());
}

#[tokio::test]
async fn tokens_come_from_standard_input_or_the_environment_and_are_never_shown() {
    let user = User::new().with("TASKCAST_TOKEN", TOKEN);
    let from_input =
        user.run_with(&["node", "add", "a", "http://a", "--token-stdin"], "0ther.s3cret\n").await;
    assert_eq!(from_input.ok(), "a added with a token, in use\n");
    user.run(&["node", "add", "b", "http://b", "--token-env"]).await.ok();
    user.run(&["node", "add", "c", "http://c"]).await.ok();
    let shown = user.run(&["node", "list"]).await;
    let answers: Vec<_> =
        shown.ok().lines().skip(1).map(|line| line.split_whitespace().last().unwrap()).collect();
    assert_eq!(answers, ["yes", "yes", "no"]);
    for words in
        [&["node", "list", "--json"][..], &["tasks", "list", "--node", "b"], &["ping", "--node", "a"]]
    {
        let ran = user.run(words).await;
        assert!(![&ran.out, &ran.err].iter().any(|text| text.contains("s3cret")), "{ran:?}");
    }

    user.run_with(&["node", "add", "d", "http://d", "--token-stdin"], "\n")
        .await
        .failed(1, "no token on standard input");
    let evil = user.run_with(&["node", "add", "d", "http://d", "--token-stdin"], "s3cret\u{7f}x\n").await;
    evil.failed(2, "cannot be sent in a header");
    assert!(!evil.err.contains("s3cret"), "{evil:?}");
    let unset = User::new();
    unset.run(&["node", "add", "d", "http://d", "--token-env"]).await.failed(1, "TASKCAST_TOKEN");
    unset.run(&["node", "add", "d", "http://d", "--token", "x"]).await.failed(2, "--token");
}

#[tokio::test]
async fn the_file_of_tokens_is_for_its_owner_alone() {
    let user = User::new();
    user.run_with(&["node", "add", "a", "http://127.0.0.1:1", "--token-stdin"], TOKEN).await.ok();
    let file = user.folder().join("settings/nodes.json");
    let mode = || fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    for open in [0o640, 0o604, 0o666] {
        fs::set_permissions(&file, Permissions::from_mode(open)).unwrap();
        for words in [&["node", "list"][..], &["ping"], &["tasks", "list"], &["node", "use", "a"]] {
            let refused = user.run(words).await;
            refused.failed(1, "chmod 600");
            assert!(!refused.err.contains("s3cret"), "{refused:?}");
        }
        assert_eq!(mode(), open, "it is the user who mends it");
    }
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    fs::write(&file, "{").unwrap();
    user.run(&["node", "list"]).await.failed(1, "cannot be understood");
    assert_eq!(fs::read_dir(user.folder().join("settings")).unwrap().count(), 1, "no draft is left");
}

#[tokio::test]
async fn commands_go_to_the_node_in_use_or_the_one_that_is_named() {
    let secured = secured_with(Store::Memory, json!({})).start().await;
    let open = Server::start(Store::Memory).await;
    open.create("here").await;
    let user = User::new();
    let url = |server: &Server| format!("http://{}", server.client.address);
    let good = token(&json!({"scope": ["*"]}));
    user.run_with(&["node", "add", "secured", &url(&secured), "--token-stdin"], &good).await.ok();
    user.run(&["node", "add", "open", &url(&open)]).await.ok();

    assert!(user.run(&["tasks", "list", "--json"]).await.jsons().is_empty());
    let there = user.run(&["tasks", "list", "--json", "--node", "open"]).await.json();
    assert_eq!(there["id"], "here");
    let there = user.run(&["tasks", "list", "--json", "--url", &url(&open)]).await.json();
    assert_eq!(there["id"], "here");
    user.run(&["tasks", "list", "--url", &url(&secured)]).await.failed(4, "TASKCAST_TOKEN");
    user.run(&["tasks", "list", "--url", "http://x", "--node", "open"]).await.failed(2, "--node");
    user.run(&["tasks", "list", "--node", "none"]).await.failed(1, "only open, secured");

    let other = User::new().with("TASKCAST_URL", &url(&secured)).with("TASKCAST_TOKEN", &good);
    assert!(other.run(&["tasks", "list", "--json"]).await.jsons().is_empty());
}

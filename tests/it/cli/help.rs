//! Help, completions and manual pages, which are made from the commands.

use std::fs;

use super::User;
use crate::support::within;

/// The help of the program and of each of its commands, by their words.
async fn helps(user: &User) -> Vec<(Vec<String>, String)> {
    let (mut open, mut found) = (vec![Vec::<String>::new()], Vec::new());
    while let Some(words) = open.pop() {
        let arguments: Vec<_> = words.iter().map(String::as_str).chain(["--help"]).collect();
        let help = user.run(&arguments).await.ok().to_owned();
        open.extend(commands(&help).map(|name| [&words[..], &[name.to_owned()]].concat()));
        found.push((words, help));
    }
    found
}

/// The commands that a help lists.
fn commands(help: &str) -> impl Iterator<Item = &str> {
    let lines =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names =
        lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help")
}

#[tokio::test]
async fn every_command_explains_itself_with_an_example() {
    let helps = helps(&User::new()).await;
    assert!(helps.len() > 20, "{}", helps.len());
    for (words, help) in helps {
        let example = help.lines().find_map(|line| line.strip_prefix("Example: taskcast"));
        let example = example.unwrap_or_else(|| panic!("{words:?} has no example: {help}"));
        let command = words.join(" ");
        assert!(example.contains(&command), "the example of {command:?} is of another command: {example}");
    }
}

#[tokio::test]
async fn no_command_takes_a_token_as_an_argument() {
    let user = User::new().with("TASKCAST_TOKEN", "s3cret");
    for (words, help) in helps(&user).await {
        let tokens = help.split_whitespace().filter(|word| word.starts_with("--token"));
        let odd: Vec<_> = tokens.filter(|word| !matches!(*word, "--token-stdin" | "--token-env")).collect();
        assert!(odd.is_empty() && !help.contains("s3cret"), "{words:?}: {odd:?}");
    }
}

#[tokio::test]
async fn completions_are_scripts_that_shells_understand() {
    let user = User::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = user.run(&["completions", shell]).await;
        assert!(script.ok().contains("history") && script.ok().contains("json"), "{shell}");
    }
    let script = user.folder().join("script");
    fs::write(&script, user.run(&["completions", "bash"]).await.ok()).unwrap();
    let mut bash = tokio::process::Command::new("bash");
    let parsed = within("bash reads it", bash.arg("-n").arg(&script).output()).await.unwrap();
    assert!(parsed.status.success() && parsed.stderr.is_empty(), "{parsed:?}");
    user.run(&["completions", "tcsh"]).await.failed(2, "bash");
}

#[tokio::test]
async fn there_is_a_manual_page_for_every_command() {
    let user = User::new();
    let main = user.run(&["man"]).await;
    assert!(main.ok().contains(".TH taskcast 1") && main.ok().contains("Exit codes"), "{main:?}");
    assert_eq!(user.run(&["man", "deep/pages"]).await.ok(), "");
    let folder = user.folder().join("deep/pages");
    for (words, _) in helps(&user).await {
        let name = [&["taskcast".to_owned()], &words[..]].concat().join("-");
        let page =
            fs::read_to_string(folder.join(format!("{name}.1"))).unwrap_or_else(|_| panic!("no page {name}"));
        assert!(page.contains("SYNOPSIS") && page.contains("Example: taskcast"), "{page}");
    }
}

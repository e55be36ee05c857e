//! `taskcast migrate`, as it is typed.

use std::process::Stdio;

use serde_json::{Value, json};
use taskcast::stores::postgres::{PostgresSettings, PostgresStore};
use tokio::process::Command;

use crate::support::servers::{Database, Postgres};
use crate::support::within;

/// What the command says on both of its outputs, and its exit code. There is no terminal.
async fn migrate(arguments: &[&str], variable: Option<&str>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskcast"));
    command.arg("migrate").args(arguments).env_remove("TASKCAST_POSTGRES_URL").stdin(Stdio::null());
    if let Some(url) = variable {
        command.env("TASKCAST_POSTGRES_URL", url);
    }
    let output = within("the command", command.output()).await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

async fn is_current(database: &Database) -> bool {
    PostgresStore::open(PostgresSettings::new(database.url.as_str())).await.is_ok()
}

#[tokio::test]
async fn nothing_is_changed_until_somebody_agrees() {
    let database = Postgres::shared().await.database().await;
    let place = database.url.rsplit_once('@').unwrap().1;
    let (code, text) = migrate(&["--url", &database.url], None).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("{place} lacks")) && text.contains("0001_tasks"), "{text}");
    assert!(text.contains("no terminal") && text.contains("-y") && !text.contains("s3cret"), "{text}");
    assert!(!is_current(&database).await);

    let (code, text) = migrate(&["-y"], Some(&database.url)).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("applied 0001_tasks") && text.contains("up to date"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    assert!(is_current(&database).await);

    let (code, text) = migrate(&[], Some(&database.url)).await;
    assert_eq!((code, text), (Some(0), format!("The schema of {place} is up to date.\n")));
}

#[tokio::test]
async fn programs_are_told_in_json_what_lacks_and_what_was_applied() {
    let database = Postgres::shared().await.database().await;
    let place = database.url.rsplit_once('@').unwrap().1;
    let told = async |arguments: &[&str]| {
        let (code, text) = migrate(&[&["--url", &database.url, "--json"], arguments].concat(), None).await;
        let line = text.lines().next().unwrap_or_default();
        (code, serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{text}")))
    };
    let (code, json) = told(&[]).await;
    assert_eq!((code, &json["applied"]), (Some(1), &Value::Null));
    assert!(json["database"].as_str().unwrap().contains(place), "{json}");
    assert_eq!(json["pending"][0], "0001_tasks");
    assert!(!is_current(&database).await);
    let (code, applied) = told(&["-y"]).await;
    assert_eq!((code, &applied["applied"]), (Some(0), &json["pending"]));
    let (code, json) = told(&[]).await;
    assert_eq!((code, &json["pending"]), (Some(0), &json!([])));
}

#[tokio::test]
async fn help_has_an_example_and_no_secrets() {
    let (code, text) = migrate(&["--help"], Some("postgres://me:s3cret@db/tasks")).await;
    assert_eq!(code, Some(0));
    assert!(
        text.contains("Example: taskcast migrate --url") && text.contains("TASKCAST_POSTGRES_URL"),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn what_is_wrong_is_said_without_credentials() {
    for url in ["postgres://me:s3cret@127.0.0.1:1/tasks", "postgres:/me:s3cret@db/tasks?x=1"] {
        let (code, text) = migrate(&["-y", "--url", url], None).await;
        assert_eq!(code, Some(1), "{text}");
        assert!(text.starts_with("taskcast: cannot") && !text.contains("s3cret"), "{text}");
    }
    let (code, text) = migrate(&["-y"], None).await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("--url"), "{text}");
}

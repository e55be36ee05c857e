//! Starting: what is refused and how, and where settings come from (PROTOCOL §4.1, §19).

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::server::profile;
use crate::support::{Setup, Store, within};

/// Runs the program in `folder` until it ends by itself: its exit code and what it wrote.
async fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskcast"));
    command.args(arguments).env_clear().envs(profile()).envs(variables.iter().copied()).current_dir(folder);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = within("the program ends", command.output()).await.expect("it can be started");
    let text = [ended.stdout, ended.stderr].concat();
    (ended.status.code(), String::from_utf8(text).expect("UTF-8"))
}

fn folder_with(config: &Value) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("taskcast.json"), config.to_string()).expect("it takes files");
    folder
}

#[tokio::test]
async fn a_configuration_that_cannot_be_understood_keeps_the_server_from_starting() {
    let unsupported = "this version does not support it yet, remove it";
    let table = [
        (json!({"prot": 1}), "unknown key `prot` in config, did you mean `port`?".to_owned()),
        (json!({"port": "x"}), "cannot use `port` in config".to_owned()),
        (json!({"port": 70000}), "cannot use `port` in config".to_owned()),
        (json!({"cors": {"origins": true}}), "cannot use `cors.origins` in config".to_owned()),
        (json!({"auth": {"mode": "custom"}}), "cannot use `auth.mode` in config".to_owned()),
        (json!({"auth": {"mode": "jwt"}}), "`auth.mode` in config needs a key".to_owned()),
        (json!({"workers": {"enabled": true}}), format!("`workers.enabled` in config: {unsupported}")),
        (json!({"storage": "redis"}), "set `redis.url` or TASKCAST_REDIS_URL".to_owned()),
        (json!({"sse": {"keepaliveMs": 0}}), "cannot use `sse.keepaliveMs` in config".to_owned()),
        (json!({"dbPath": "${UNSET_HERE}"}), "environment variable `UNSET_HERE` is not set".to_owned()),
        (
            json!({"cleanup": {"rules": [{"target": "all"}]}}),
            "cleanup.rules[0].trigger is required".to_owned(),
        ),
    ];
    for (config, expected) in table {
        let folder = folder_with(&config);
        let (code, text) = run(folder.path(), &["--port", "0"], &[]).await;
        assert_eq!(code, Some(1), "{config}: {text}");
        assert!(text.starts_with("taskcast: ") && text.contains(&expected), "{config}: {text}");
        assert!(!text.contains("s3cret") && !text.contains("panicked"), "{text}");
        let left: Vec<_> = std::fs::read_dir(folder.path()).expect("it is there").collect();
        assert_eq!(left.len(), 1, "a server that does not start leaves no database");
    }
}

#[tokio::test]
async fn a_file_that_is_missing_broken_or_doubled_keeps_the_server_from_starting() {
    let folder = folder_with(&json!({}));
    let (code, text) = run(folder.path(), &["--config", "none.yaml"], &[]).await;
    assert_eq!((code, text.contains("cannot find the config file none.yaml")), (Some(1), true), "{text}");
    let (code, text) = run(folder.path(), &[], &[("TASKCAST_CONFIG", "none.toml")]).await;
    assert_eq!((code, text.contains("none.toml")), (Some(1), true), "{text}");
    std::fs::write(folder.path().join("taskcast.yaml"), "port: [").expect("it takes files");
    let (code, text) = run(folder.path(), &[], &[]).await;
    assert_eq!((code, text.contains("more than one config file")), (Some(1), true), "{text}");
    let (code, text) = run(folder.path(), &["-c", "taskcast.yaml"], &[]).await;
    assert_eq!(
        (code, text.contains("cannot parse the config file taskcast.yaml as yaml")),
        (Some(1), true),
        "{text}"
    );
}

#[tokio::test]
async fn a_variable_that_cannot_be_used_keeps_the_server_from_starting() {
    let folder = TempDir::new().expect("a temporary folder");
    for (name, value) in [
        ("TASKCAST_PORT", "http"),
        ("TASKCAST_HOST", "localhost"),
        ("TASKCAST_STORAGE", "floppy"),
        ("TASKCAST_STORAGE", "redis"),
        ("TASKCAST_LOG_LEVEL", "loud"),
        ("TASKCAST_AUTH_MODE", "jwt"),
        ("TASKCAST_JWT_SECRET", "s3cret"),
        ("TASKCAST_POSTGRES_URL", "postgres://s3cret"),
        ("SENTRY_DSN", "s3cret"),
    ] {
        let (code, text) = run(folder.path(), &["--port", "0"], &[(name, value)]).await;
        assert_eq!(code, Some(1), "{name}: {text}");
        assert!(text.contains(name) && !text.contains("s3cret"), "{name}: {text}");
    }
}

#[tokio::test]
async fn a_flag_that_cannot_be_used_is_refused_as_every_program_does() {
    let folder = TempDir::new().expect("a temporary folder");
    let table: [(&[&str], &str); 5] = [
        (&["--prot", "1"], "--port"),
        (&["--port", "x"], "--port"),
        (&["--host", "localhost"], "--host"),
        (&["--storage", "floppy"], "--storage"),
        (&["strat"], "strat"),
    ];
    for (arguments, expected) in table {
        let (code, text) = run(folder.path(), arguments, &[]).await;
        assert_eq!((code, text.contains(expected)), (Some(2), true), "{arguments:?}: {text}");
    }
    let (code, text) = run(folder.path(), &["--db-path", ""], &[]).await;
    assert_eq!(code.map(|code| code > 0), Some(true), "{text}");
    let (code, text) = run(folder.path(), &["--version"], &[]).await;
    assert_eq!((code, text.trim()), (Some(0), concat!("taskcast ", env!("CARGO_PKG_VERSION"))));
    let (code, text) = run(folder.path(), &["--help"], &[]).await;
    assert_eq!((code, text.contains("--db-path")), (Some(0), true));
}

#[tokio::test]
async fn a_port_or_a_database_in_use_is_refused() {
    let setup = Setup::new(Store::Sqlite);
    let server = setup.start().await;
    let port = server.address.port().to_string();
    let other = TempDir::new().expect("a temporary folder");
    let (code, text) = run(other.path(), &["--port", &port, "--storage", "memory"], &[]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{text}");
    let (code, text) = run(setup.folder(), &["--port", "0"], &[]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("is in use by another taskcast"), "{text}");
    server.is_well().await;
    let missing = other.path().join("none/taskcast.db");
    let missing = missing.to_str().expect("UTF-8");
    let (code, text) = run(other.path(), &["--port", "0", "--db-path", missing], &[]).await;
    assert_eq!((code, text.contains("cannot open the database")), (Some(1), true), "{text}");
    let broken = other.path().join("broken.db");
    std::fs::write(&broken, "this is no database".repeat(100)).expect("it takes files");
    let broken = broken.to_str().expect("UTF-8");
    let (code, text) = run(other.path(), &["--port", "0", "--db-path", broken], &[]).await;
    assert_eq!((code, text.contains("database")), (Some(1), true), "{text}");
}

#[tokio::test]
async fn flags_win_over_variables_and_variables_over_the_file() {
    let taken = Setup::new(Store::Memory).start().await;
    let (port, free) = (taken.address.port(), 0_u16);
    // Whoever gets to decide lets the program fail on the port in use, which it then names.
    let listens_on_taken = |text: &str| text.contains(&format!("cannot listen on 127.0.0.1:{port}"));
    let folder = folder_with(&json!({"port": port, "storage": "memory"}));
    let (code, text) = run(folder.path(), &[], &[]).await;
    assert!(code == Some(1) && listens_on_taken(&text), "{text}");
    let folder = folder_with(&json!({"port": free, "storage": "memory", "host": "127.0.0.9"}));
    let taken_port = port.to_string();
    let variables = [("TASKCAST_PORT", taken_port.as_str()), ("TASKCAST_HOST", "127.0.0.1")];
    let (code, text) = run(folder.path(), &[], &variables).await;
    assert!(code == Some(1) && listens_on_taken(&text), "{text}");
    let variables = [("TASKCAST_PORT", "0"), ("TASKCAST_HOST", "127.0.0.9")];
    let flags = ["start", "--port", &taken_port, "--host", "127.0.0.1"];
    let (code, text) = run(folder.path(), &flags, &variables).await;
    assert!(code == Some(1) && listens_on_taken(&text), "{text}");
}

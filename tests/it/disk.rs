//! A full disk: writes are refused, reads go on, and when there is room again so do writes (ENGINE §10).
//!
//! The program runs in a mount namespace of its own with a small file system for the database, which the test fills
//! through `/proc`. A limit on the size of files is another way to refuse bytes; where namespaces are not allowed it is
//! the only one.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Answer, Server, Setup, Store, wait_until};

const EVENT_BYTES: usize = 100_000;

/// Whether mount namespaces may be made here, and with which options.
fn namespace() -> Option<&'static [&'static str]> {
    let options: [&'static [&'static str]; 2] = [&["-m"], &["-Urm"]];
    options.into_iter().find(|options| {
        let mut command = Command::new("unshare");
        command.args(*options).args(["sh", "-c", "mount -t tmpfs -o size=1m tmpfs /tmp"]);
        command.output().is_ok_and(|ended| ended.status.success())
    })
}

/// Starts a server whose database may become at most about 8 MiB large, all in all.
async fn start(namespace: Option<&[&str]>) -> (Server, Room) {
    let setup = Setup::new(Store::Sqlite);
    let folder = setup.folder().join("small");
    std::fs::create_dir(&folder).expect("the folder takes folders");
    let db_path = folder.join("taskcast.db");
    match namespace {
        Some(options) => {
            let script = format!("mount -t tmpfs -o size=8m tmpfs {} && exec \"$@\"", folder.display());
            let wrapper = [&["unshare"], options, &["sh", "-c", &script, "sh"]].concat();
            let server = setup.db_path(&db_path).wrapped(&wrapper).start().await;
            let inside = format!("/proc/{}/root{}/filler", server.pid(), folder.display());
            (server, Room::File(PathBuf::from(inside)))
        }
        None => {
            let script = "trap '' XFSZ; ulimit -S -f 8192; exec \"$@\"";
            let server = setup.db_path(&db_path).wrapped(&["bash", "-c", script, "bash"]).start().await;
            (server, Room::Limit)
        }
    }
}

/// What keeps the disk from taking more.
enum Room {
    /// A file that takes what is left.
    File(PathBuf),
    /// A limit of the process.
    Limit,
}

impl Room {
    fn fill(&self) {
        if let Self::File(path) = self {
            fill_with_file(path);
        }
    }

    fn free(&self, server: &Server) {
        match self {
            Self::File(path) => std::fs::remove_file(path).expect("the filler is there"),
            Self::Limit => {
                let pid = server.pid().to_string();
                let raised =
                    Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:unlimited"]).status();
                assert!(raised.is_ok_and(|status| status.success()), "prlimit is part of util-linux");
            }
        }
    }
}

/// Writes until there is no room.
fn fill_with_file(path: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).expect("the small file system is there");
    let piece = vec![0; 4096];
    while file.write_all(&piece).is_ok() {}
}

async fn publish(server: &Server) -> Answer {
    let body = format!(r#"{{"type":"a","data":"{}"}}"#, "x".repeat(EVENT_BYTES));
    server.post("/tasks/t/events", &body).await
}

#[tokio::test]
async fn on_a_full_disk_writes_are_refused_and_reads_go_on() {
    let (server, room) = start(namespace()).await;
    fills_and_recovers(server, room).await;
}

#[tokio::test]
async fn when_a_write_fails_halfway_writes_are_refused_and_reads_go_on() {
    let (server, room) = start(None).await;
    fills_and_recovers(server, room).await;
}

async fn fills_and_recovers(server: Server, room: Room) {
    server.running("t").await;
    let mut stream = server.stream("/tasks/t/events").await;
    assert_eq!(publish(&server).await.status, 201);
    room.fill();
    let refused = wait_until("the disk is full", async || {
        let answer = publish(&server).await;
        (answer.status != 201).then_some(answer)
    })
    .await;
    refused.refused(503, "dependency_unavailable", "sqlite unavailable (unavailable)");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let large = format!(r#"{{"params":{{"x":"{}"}}}}"#, "x".repeat(EVENT_BYTES));
    let created = server.post("/tasks", &large).await;
    created.refused(503, "dependency_unavailable", "sqlite unavailable (unavailable)");
    let history = server.history("t", "").await;
    let count = history.len();
    assert!(count >= 2 && history.iter().zip(0..).all(|(event, index)| event["index"] == index));
    assert_eq!(server.get("/tasks/t").await.ok(200)["status"], "running");
    assert_eq!(server.get("/tasks").await.ok(200)["tasks"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        stream.events(count).await.last().map(|event| event["rawIndex"].clone()),
        Some((count - 1).into())
    );
    let ready = server.get("/health/ready").await;
    assert_eq!(ready.status, 503, "a server that cannot write is not ready");
    room.free(&server);
    let stored = wait_until("there is room again", async || {
        let answer = publish(&server).await;
        (answer.status == 201).then(|| answer.json())
    })
    .await;
    assert_eq!(stored["index"], count, "what was refused was not stored");
    assert_eq!(stream.event().await["rawIndex"], count);
    wait_until("the server is ready", async || {
        (server.get("/health/ready").await.status == 200).then_some(())
    })
    .await;
    server.moved("t", "completed").await;
    stream.event().await;
    assert_eq!(stream.done().await, "completed");
    server.is_well().await;
}

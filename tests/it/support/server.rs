//! The program as a child process.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{OnceCell, watch};

use super::servers::{Postgres, Redis};
use super::{Client, Stream, within};

/// What a server says once it can be reached; its address follows.
const LISTENS: &str = "listens on http://";

/// How much of what a server has logged is shown when a test fails, in bytes.
const LOG_SHOWN: usize = 20_000;

/// Where a server keeps its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Memory,
    Sqlite,
    Redis,
    /// With the Redis bus.
    Postgres,
    /// Redis with Postgres as its archive.
    Tiered,
}

/// Variables of the program.
type Environment = Vec<(&'static str, String)>;

impl Store {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Redis | Self::Tiered => "redis",
            Self::Postgres => "postgres",
        }
    }

    /// A place of one's own on the servers that tests share.
    async fn environment(self) -> Environment {
        let mut environment = Vec::new();
        if matches!(self, Self::Redis | Self::Tiered | Self::Postgres) {
            environment.push(("TASKCAST_REDIS_URL", Redis::shared().await.url()));
            environment.push(("TASKCAST_REDIS_PREFIX", Redis::prefix()));
        }
        if matches!(self, Self::Tiered | Self::Postgres) {
            let database = Postgres::shared().await.database().await;
            environment.push(("TASKCAST_POSTGRES_URL", database.url));
            environment.push(("TASKCAST_AUTO_MIGRATE", "true".into()));
        }
        environment
    }
}

/// How to start the program.
pub(crate) struct Setup {
    store: Store,
    config: Value,
    folder: Arc<TempDir>,
    /// The program and arguments before its own.
    wrapper: Vec<String>,
    db_path: PathBuf,
    /// Where the servers are; the same for every start.
    environment: OnceCell<Environment>,
}

impl Setup {
    pub(crate) fn new(store: Store) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let db_path = folder.path().join("taskcast.db");
        Self {
            store,
            config: json!({}),
            folder: Arc::new(folder),
            wrapper: Vec::new(),
            db_path,
            environment: OnceCell::new(),
        }
    }

    /// With this configuration file.
    pub(crate) fn config(self, config: Value) -> Self {
        Self { config, ..self }
    }

    /// With servers of the test's own.
    pub(crate) fn environment(self, environment: Environment) -> Self {
        Self { environment: OnceCell::new_with(Some(environment)), ..self }
    }

    /// The value of a variable, once the program has been started.
    pub(crate) fn variable(&self, name: &str) -> &str {
        let environment = self.environment.get().expect("it has been started");
        &environment.iter().find(|(known, _)| *known == name).expect("it is set").1
    }

    /// Started by another program, which gets the path and the arguments.
    pub(crate) fn wrapped(self, wrapper: &[&str]) -> Self {
        Self { wrapper: wrapper.iter().map(|&part| part.to_owned()).collect(), ..self }
    }

    /// With its database elsewhere.
    pub(crate) fn db_path(self, db_path: &Path) -> Self {
        Self { db_path: db_path.to_owned(), ..self }
    }

    /// The folder the program works in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the program and waits until it can be reached. Done again, another instance on the same servers.
    pub(crate) async fn start(&self) -> Server {
        let config = self.folder().join("settings.json");
        std::fs::write(&config, self.config.to_string()).expect("the folder takes files");
        let mut command = match self.wrapper.split_first() {
            None => Command::new(env!("CARGO_BIN_EXE_taskcast")),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(env!("CARGO_BIN_EXE_taskcast"));
                command
            }
        };
        command
            .args(["--port", "0", "--storage", self.store.word(), "--config"])
            .arg(&config)
            .arg("--db-path")
            .arg(&self.db_path)
            .current_dir(self.folder())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(profile())
            .envs(self.environment.get_or_init(|| self.store.environment()).await.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the program can be started");
        let output = child.stdout.take();
        let (logs, log) = watch_logs(&mut child);
        let address = address_in(log).await;
        Server { client: Client { address }, child, output, logs, _folder: Arc::clone(&self.folder) }
    }
}

/// Where the program leaves what `tests/coverage.sh` counts.
pub(crate) fn profile() -> Option<(&'static str, OsString)> {
    let name = "LLVM_PROFILE_FILE";
    std::env::var_os(name).map(|value| (name, value))
}

/// Keeps what the program logs, and says whenever there is more.
fn watch_logs(child: &mut Child) -> (Arc<Mutex<String>>, watch::Receiver<String>) {
    let logs = Arc::new(Mutex::new(String::new()));
    let (news, log) = watch::channel(String::new());
    let stderr = child.stderr.take().expect("standard error is piped");
    let kept = Arc::clone(&logs);
    tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            kept.lock().push_str(&format!("{line}\n"));
            news.send_modify(|text| text.clone_from(&kept.lock()));
        }
    });
    (logs, log)
}

async fn address_in(mut log: watch::Receiver<String>) -> SocketAddr {
    let told = within("the program listens", log.wait_for(|text| text.contains(LISTENS))).await;
    let Ok(text) = told else { panic!("the program ended at once") };
    let (_, rest) = text.split_once(LISTENS).expect("it was waited for");
    let end = rest.find('"').expect("logs are JSON");
    rest[..end].parse().expect("an address")
}

/// A running server. It is killed when dropped.
pub(crate) struct Server {
    pub(crate) client: Client,
    child: Child,
    /// What the program writes to standard output, which is next to nothing.
    pub(crate) output: Option<ChildStdout>,
    logs: Arc<Mutex<String>>,
    _folder: Arc<TempDir>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = self.logs();
            let from = logs.len().saturating_sub(LOG_SHOWN);
            eprintln!("{}", &logs[logs.ceil_char_boundary(from)..]);
        }
    }
}

impl std::ops::Deref for Server {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Server {
    /// With nothing configured.
    pub(crate) async fn start(store: Store) -> Self {
        Setup::new(store).start().await
    }

    /// Opens a stream of events.
    pub(crate) async fn stream(&self, path: &str) -> Stream {
        Stream::open(self.client.address, path).await
    }

    /// Everything logged so far.
    pub(crate) fn logs(&self) -> String {
        self.logs.lock().clone()
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id().expect("the program runs")).expect("a process id")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("the program runs");
    }

    /// Waits until the program has ended by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        within("the program ends", self.child.wait()).await.expect("it can be waited for")
    }

    /// Kills the program as a lost power supply would, and waits until it is gone.
    pub(crate) async fn killed(mut self) {
        self.signal(Signal::SIGKILL);
        self.ended().await;
    }

    /// That the program still runs and answers.
    pub(crate) async fn is_well(&self) {
        assert_eq!(self.get("/health").await.status, 200, "{}", self.logs());
        let logs = self.logs();
        assert!(!logs.contains("panicked"), "{logs}");
    }

    /// The memory in use, in KiB, without what is only a view of a file.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux says it");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }
}

//! The programs under load: starting, awaiting, reading their CPU time and memory, killing.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::ValueEnum;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use taskcast::bench::http::Conn;
use taskcast::bench::target::Target;

/// How long a program may take to start or to stop.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Where the server keeps tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Storage {
    /// In memory.
    Memory,
    /// In a SQLite file in a temporary folder.
    Sqlite,
    /// Two instances on one Redis and one Postgres.
    Cluster,
}

/// A program to start.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    /// The floor.
    Floor,
    /// The server with the given storage.
    Server(Storage),
}

/// Knows the programs to start.
pub struct Launcher {
    server: PathBuf,
    /// The storage of the server under test.
    pub storage: Storage,
}

/// A running program; dropping it kills it.
pub struct Running {
    /// How to reach it.
    pub target: Target,
    child: Child,
    folder: Folder,
}

/// The working folder of a program, with its database and its output.
type Folder = std::rc::Rc<TempDir>;

impl Launcher {
    /// A launcher of the server program at a path.
    pub fn new(server: &Path, storage: Storage) -> anyhow::Result<Self> {
        let server = server.canonicalize();
        let server = server.context("finding the server program, see --server")?;
        Ok(Self { server, storage })
    }

    /// Starts a program in a fresh folder and waits until it answers.
    pub async fn start(&self, program: Program) -> anyhow::Result<Running> {
        let folder = tempfile::tempdir().context("making a temporary folder")?;
        self.start_in(program, folder.into()).await
    }

    /// Starts the server again on the folder of an earlier one.
    pub async fn restart(&self, program: Program, folder: Folder) -> anyhow::Result<Running> {
        self.start_in(program, folder).await
    }

    async fn start_in(&self, program: Program, folder: Folder) -> anyhow::Result<Running> {
        let port = free_port()?;
        let command = self.command(program, port, folder.path())?;
        Self::spawn(command, port, folder, matches!(program, Program::Server(_))).await
    }

    /// Starts a server whose storage its environment names, and waits until it answers.
    pub async fn start_instance(&self, env: &[(&str, String)]) -> anyhow::Result<Running> {
        let folder = tempfile::tempdir().context("making a temporary folder")?;
        let port = free_port()?;
        let mut command = Command::new(&self.server);
        command.args(["start", "--port", &port.to_string()]);
        command.envs(env.iter().map(|(name, value)| (name, value)));
        Self::spawn(command, port, folder.into(), true).await
    }

    async fn spawn(mut command: Command, port: u16, folder: Folder, stores: bool) -> anyhow::Result<Running> {
        let output = File::create(folder.path().join("output"))?;
        let child = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        let target = Target::local(port, child.id(), stores);
        let mut running = Running { target, child, folder };
        running.wait_until_ready().await?;
        Ok(running)
    }

    fn command(&self, program: Program, port: u16, folder: &Path) -> anyhow::Result<Command> {
        let port = port.to_string();
        Ok(match program {
            Program::Floor => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["floor", "--port", &port]);
                command
            }
            Program::Server(storage) => {
                let mut command = Command::new(&self.server);
                command.args(["start", "--port", &port, "--storage"]);
                match storage {
                    Storage::Memory => command.arg("memory"),
                    Storage::Sqlite => command.args(["sqlite", "--db-path"]).arg(folder.join("t.db")),
                    Storage::Cluster => bail!("this scenario has one server: leave out --storage cluster"),
                };
                command
            }
        })
    }
}

impl Running {
    /// Ends the program with SIGTERM and returns its folder.
    pub async fn stop(mut self) -> anyhow::Result<Folder> {
        kill(pid_of(&self.child), Signal::SIGTERM).context("stopping the server")?;
        let started = Instant::now();
        while self.child.try_wait()?.is_none() {
            if started.elapsed() > PATIENCE {
                bail!("the server still runs {} s after SIGTERM", PATIENCE.as_secs());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(self.folder.clone())
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while !self.is_ready().await {
            if let Some(status) = self.child.try_wait()? {
                bail!("the program ended with {status}: {}", self.output());
            }
            if started.elapsed() > PATIENCE {
                bail!("the program does not answer: {}", self.output());
            }
            sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// True once it answers HTTP and does not call itself unready; the floor answers 404.
    async fn is_ready(&self) -> bool {
        let request = self.target.request("GET", "/health/ready", "");
        let attempt = async {
            let mut conn = Conn::open(&self.target).await.ok()?;
            let (status, _) = conn.exchange(&request).await.ok()?;
            Some(status)
        };
        let answer = timeout(Duration::from_secs(5), attempt).await;
        matches!(answer, Ok(Some(200 | 404)))
    }

    /// The end of what the program printed.
    fn output(&self) -> String {
        let text = fs::read(self.folder.path().join("output")).unwrap_or_default();
        String::from_utf8_lossy(&text[text.len().saturating_sub(2000)..]).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the program has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of a process, in bytes.
pub fn resident(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("reading memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("parsing memory")?;
    Ok(kib.trim().parse::<u64>()? * 1024)
}

/// Raises the limit of open files of this process, and so of its children, as far as allowed.
pub fn raise_open_files() -> anyhow::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

/// The id of a child as signals take it.
pub fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).expect("process ids fit in i32"))
}

/// A port that is free now.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

//! A Postgres with the settings it has after `initdb`, so with an fsync for every commit.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nix::sys::signal::Signal;
use nix::unistd::Uid;
use tempfile::TempDir;
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

use super::{Daemon, find};
use taskcast::bench::cpu::{cpu_time, cpu_time_with_ended};

use crate::process::{PATIENCE, free_port};

/// The user that Debian's package makes: the server refuses to run as root.
const USER: &str = "postgres";

/// See the module.
pub struct Postgres {
    port: u16,
    /// Absent while it is stopped.
    daemon: Option<Daemon>,
    folder: TempDir,
}

impl Postgres {
    /// Starts it empty and waits until it answers.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        fs::create_dir(&data)?;
        if Uid::effective().is_root() {
            run(Command::new("chown").arg("-R").arg(format!("{USER}:")).arg(folder.path()))?;
        }
        let mut initdb = Command::new("setpriv");
        initdb.args(user()).arg(program("initdb")?).arg("-D").arg(&data);
        run(initdb.args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]))?;
        let mut postgres = Self { port: free_port()?, daemon: None, folder };
        postgres.resume().await?;
        Ok(postgres)
    }

    /// Ends it as a crash would.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    /// Starts it with what it has and waits until it answers.
    pub async fn resume(&mut self) -> anyhow::Result<()> {
        let mut command: Vec<OsString> = vec![program("postgres")?.into(), "-D".into()];
        command.push(self.folder.path().join("data").into());
        command.extend(["-p", &self.port.to_string(), "-k", "", "-h", "127.0.0.1"].map(OsString::from));
        self.daemon = Some(Daemon::start(&user(), command, Signal::SIGQUIT)?);
        let started = Instant::now();
        while self.connect().await.is_err() {
            ensure!(started.elapsed() < PATIENCE, "postgres does not answer");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Where it listens, with the database.
    pub fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    /// A connection of one's own.
    pub async fn connect(&self) -> anyhow::Result<Client> {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// CPU time that it and its children have used.
    pub fn cpu_time(&self) -> anyhow::Result<Duration> {
        let Some(daemon) = &self.daemon else { return Ok(Duration::ZERO) };
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", daemon.pid()));
        let children = children.context("reading the children of postgres")?;
        let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        // A child that ends in between counts as an ended one.
        let used: Duration = pids.filter_map(|pid| cpu_time(pid).ok()).sum();
        Ok(used + cpu_time_with_ended(daemon.pid())?)
    }
}

/// The options of `setpriv` that make a program run as the server's user.
fn user() -> Vec<&'static str> {
    match Uid::effective().is_root() {
        true => vec!["--reuid", USER, "--regid", USER, "--clear-groups"],
        false => vec!["--nnp"],
    }
}

fn program(name: &str) -> anyhow::Result<PathBuf> {
    let versions = fs::read_dir(Path::new("/usr/lib/postgresql")).into_iter().flatten().flatten();
    let found = find(name, versions.map(|version| version.path().join("bin")));
    found.with_context(|| format!("finding {name} (Debian: postgresql)"))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

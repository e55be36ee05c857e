//! A Redis that writes its append-only file and syncs it every second, as people run it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Daemon, find};
use taskcast::bench::cpu::cpu_time;

use crate::process::{PATIENCE, free_port};

/// How often each command was called, by its name.
pub type Calls = BTreeMap<String, u64>;

/// See the module.
pub struct Redis {
    port: u16,
    daemon: Daemon,
    _folder: TempDir,
}

impl Redis {
    /// Starts it empty and waits until it answers.
    pub async fn start() -> anyhow::Result<Self> {
        let program = find("redis-server", []).context("finding redis-server (Debian: redis-server)")?;
        let (port, folder) = (free_port()?, tempfile::tempdir()?);
        let mut command: Vec<OsString> = vec![program.into(), "--port".into(), port.to_string().into()];
        command.extend(["--bind", "127.0.0.1", "--save", "", "--dir"].map(OsString::from));
        command.push(folder.path().into());
        command.extend(["--appendonly", "yes", "--appendfsync", "everysec"].map(OsString::from));
        let daemon = Daemon::start(&[], command, Signal::SIGKILL)?;
        let redis = Self { port, daemon, _folder: folder };
        let started = Instant::now();
        while !redis.ask("PING").await.is_ok_and(|answer| answer.starts_with("+PONG")) {
            ensure!(started.elapsed() < PATIENCE, "redis-server does not answer");
            sleep(Duration::from_millis(5)).await;
        }
        Ok(redis)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// CPU time it has used.
    pub fn cpu_time(&self) -> anyhow::Result<Duration> {
        cpu_time(self.daemon.pid())
    }

    /// How often each command was called since it started, by its own statistics.
    pub async fn calls(&self) -> anyhow::Result<Calls> {
        let text = self.ask("INFO commandstats").await?;
        let calls = text.lines().filter_map(|line| line.strip_prefix("cmdstat_"));
        calls
            .map(|line| {
                let (name, rest) = line.split_once(":calls=").context("parsing commandstats")?;
                let number = rest.split(',').next().unwrap_or_default();
                Ok((name.to_owned(), number.parse().context("parsing commandstats")?))
            })
            .collect()
    }

    /// What it answers to a command.
    async fn ask(&self, command: &str) -> anyhow::Result<String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).await?;
        socket.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        if answer.starts_with('-') {
            bail!("redis answered {answer}");
        }
        Ok(answer)
    }
}

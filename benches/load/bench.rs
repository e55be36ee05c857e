//! What is measured: programs in turn.

use anyhow::Context;
use taskcast::bench::target::Target;
use taskcast::bench::{Both, Ground, Pace};

use crate::process::{Launcher, Program, Running, Storage};

/// What is measured and how long.
pub struct Bench {
    /// Starts the programs; absent for a server that runs already.
    pub launcher: Option<Launcher>,
    /// The server that runs already.
    pub remote: Option<Target>,
    /// How long and how hard.
    pub pace: Pace,
}

impl Bench {
    /// The heading of the column of the baseline: the floor, or for the SQLite scenarios also the
    /// server in memory, or for two instances the fixed figures of their targets.
    pub fn baseline_title(&self) -> &'static str {
        match &self.launcher {
            Some(launcher) if launcher.storage == Storage::Sqlite => "baseline",
            Some(launcher) if launcher.storage == Storage::Cluster => "reference",
            _ => "floor",
        }
    }

    /// Measures a baseline and the server in turn, each freshly started; only the server, when it
    /// runs already.
    pub async fn compare<T>(
        &self,
        baseline: Program,
        rounds: usize,
        measure: impl AsyncFn(&Target) -> anyhow::Result<T>,
    ) -> anyhow::Result<Both<T>> {
        let baseline = match &self.launcher {
            Some(launcher) => Some(launcher.start(baseline).await.context("the baseline")?),
            None => None,
        };
        let server = self.start_server().await?;
        let server = self.target(&server)?;
        let mut both = Both { baseline: Vec::new(), server: Vec::new() };
        for _ in 0..rounds {
            if let Some(baseline) = &baseline {
                let result = measure(&baseline.target).await;
                both.baseline.push(result.context("the baseline")?);
            }
            both.server.push(measure(server).await.context("the server")?);
        }
        Ok(both)
    }

    /// The launcher, for scenarios that must start programs themselves.
    pub fn launcher(&self) -> anyhow::Result<&Launcher> {
        self.launcher.as_ref().context("this scenario must start the server itself, not use --url")
    }

    async fn start_server(&self) -> anyhow::Result<Option<Running>> {
        Ok(match &self.launcher {
            Some(launcher) => Some(launcher.start(Program::Server(launcher.storage)).await?),
            None => None,
        })
    }

    fn target<'a>(&'a self, server: &'a Option<Running>) -> anyhow::Result<&'a Target> {
        let started = server.as_ref().map(|server| &server.target);
        started.or(self.remote.as_ref()).context("there is neither a server program nor a --url")
    }
}

/// The baseline of the SQLite scenarios: the same server, in memory.
pub const MEMORY_SERVER: Program = Program::Server(Storage::Memory);

/// The baseline is the floor, and each program is freshly started.
impl Ground for Bench {
    async fn in_turn<T>(
        &self,
        rounds: usize,
        measure: impl AsyncFn(&Target) -> anyhow::Result<T>,
    ) -> anyhow::Result<Both<T>> {
        self.compare(Program::Floor, rounds, measure).await
    }

    async fn alone<T>(&self, measure: impl AsyncFn(&Target) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let server = self.start_server().await?;
        measure(self.target(&server)?).await.context("the server")
    }
}

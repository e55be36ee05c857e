//! The measuring itself: programs in turn, rounds, medians.

use std::time::Duration;

use anyhow::Context;

use crate::process::{Launcher, Program, Running, Storage};
use crate::target::Target;

/// What is measured and how long.
pub struct Bench {
    /// Starts the programs; absent for a server that runs already.
    pub launcher: Option<Launcher>,
    /// The server that runs already.
    pub remote: Option<Target>,
    /// How often each program has its turn.
    pub rounds: usize,
    /// The measured time of a turn.
    pub window: Duration,
    /// Publishing connections.
    pub connections: usize,
}

/// The results of the baseline and of the server, a value a round.
pub struct Both<T> {
    /// Results of the baseline; empty without one.
    pub baseline: Vec<T>,
    /// Results of the server.
    pub server: Vec<T>,
}

impl<T> Both<T> {
    /// The medians of one number of the results.
    pub fn medians(&self, number: impl Fn(&T) -> f64 + Copy) -> (Option<f64>, f64) {
        let server = median(self.server.iter().map(number)).expect("there is at least one round");
        (median(self.baseline.iter().map(number)), server)
    }
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

    /// Measures the floor and the server in turn, each freshly started.
    pub async fn against_floor<T>(
        &self,
        measure: impl AsyncFn(&Target) -> anyhow::Result<T>,
    ) -> anyhow::Result<Both<T>> {
        self.in_turn(Program::Floor, self.rounds, measure).await
    }

    /// Measures a baseline and the server in turn, each freshly started; only the server, when it
    /// runs already.
    pub async fn in_turn<T>(
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

    /// Measures the freshly started server alone.
    pub async fn alone<T>(&self, measure: impl AsyncFn(&Target) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let server = self.start_server().await?;
        measure(self.target(&server)?).await.context("the server")
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

/// The median; `None` of nothing.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    percentile(&mut values.collect::<Vec<_>>(), 0.5)
}

/// The value below which the given part of the values lies; sorts them. `None` of nothing.
pub fn percentile(values: &mut [f64], part: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some(values[(last as f64 * part).round() as usize])
}

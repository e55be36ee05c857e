//! What is measured on any running server, a file each or a family in a file.
//!
//! A scenario drives what it measures, checks what it receives, and returns rows of the table.

mod create;
pub mod events;
mod fan_out;
mod growth;
pub mod latency;
mod log;
pub mod publish;
mod replay;
mod resume;

use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use tokio::time::timeout;

use crate::bench::table::Row;
use crate::bench::{Ground, Pace};

/// The time after which a scenario counts as stalled.
const LIMIT: Duration = Duration::from_secs(300);

/// A thing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Create tasks
    Create,
    /// Publish one event a request, to a task a connection and to one task
    Publish,
    /// Publish one accumulate delta a request
    Series,
    /// Publish in batches of 100
    Batch,
    /// One task, 200 readers, at full speed
    FanOut,
    /// One task, 100 readers, 100 events a second: delivery latency
    Latency,
    /// Resume a stream at the last 10 of 10,000 and 1,000,000 events
    Resume,
    /// History of the last 10 of 10,000 and 1,000,000 events
    History,
    /// Replay 10,000 events over a stream
    Replay,
    /// Join a series of 2,000 deltas late
    LateJoin,
    /// Cost of the last of 100,000 deltas against the first
    Growth,
}

impl Scenario {
    /// Whether it makes a server keep more than a hundred thousand events.
    pub fn is_heavy(self) -> bool {
        matches!(self, Self::Resume | Self::History | Self::Growth)
    }

    /// Measures it and returns its rows.
    ///
    /// # Errors
    /// When an answer is not what it should be, or the server cannot be reached.
    pub async fn run(self, pace: &Pace, ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
        within_limit(self.measure(pace, ground)).await
    }

    async fn measure(self, pace: &Pace, ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Create => create::run(pace, ground).await,
            Self::Publish => publish::single(pace, ground).await,
            Self::Series => publish::series(pace, ground).await,
            Self::Batch => publish::batch(pace, ground).await,
            Self::FanOut => fan_out::run(pace, ground).await,
            Self::Latency => latency::run(pace, ground).await,
            Self::Resume => resume::stream(ground).await,
            Self::History => resume::history(ground).await,
            Self::Replay => replay::full(ground).await,
            Self::LateJoin => replay::late_join(ground).await,
            Self::Growth => growth::run(ground).await,
        }
    }
}

/// The name on the command line.
pub fn name(scenario: &impl ValueEnum) -> String {
    let value = scenario.to_possible_value();
    value.map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// What a scenario gives, unless it stalls.
///
/// # Errors
/// Those of the scenario, and that it stalled.
pub async fn within_limit<T>(scenario: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    timeout(LIMIT, scenario).await.with_context(|| format!("no end after {} s", LIMIT.as_secs()))?
}

//! The scenarios of the performance targets, a file each or a family in a file.
//!
//! A scenario drives what it measures, checks what it receives, and returns rows of the table.

mod cluster;
mod create;
mod events;
mod fan_out;
mod growth;
mod latency;
mod log;
mod memory;
mod publish;
mod replay;
mod resume;
mod sqlite;

use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use tokio::time::timeout;

use crate::bench::Bench;
use crate::process::Storage;
use crate::table::Row;

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
    /// Memory of 4,000 idle readers of one task
    IdleReaders,
    /// Memory of 20,000 running tasks with 5 events
    RunningTasks,
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
    /// SQLite against memory: publish one event a request
    SqlitePublish,
    /// SQLite against memory: publish in batches of 100
    SqliteBatch,
    /// SQLite: restart with 100,000 tasks
    SqliteRestart,
    /// Two instances: publish one event a request
    ClusterPublish,
    /// Two instances: publish one accumulate delta a request
    ClusterSeries,
    /// Two instances: both publish one event a request to one task
    ClusterOneTask,
    /// Two instances: publish in batches of 100
    ClusterBatch,
    /// Two instances: 100 readers of one, 100 events a second to the other: delivery latency
    ClusterLatency,
    /// Two instances: what a publish asks of Redis and Postgres before it is answered
    ClusterPath,
    /// Two instances: how far Postgres is behind at 5,000 events a second
    ClusterLag,
    /// Two instances: how long Postgres needs for more than it can take
    ClusterBurst,
}

impl Scenario {
    /// The name on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The scenarios to run when none is named.
    pub fn defaults(storage: Storage, remote: bool) -> Vec<Self> {
        let chosen = |scenario: &&Self| match (storage, remote) {
            (_, true) => !scenario.starts_programs(),
            (storage, false) => scenario.storage() == storage,
        };
        Self::value_variants().iter().filter(chosen).copied().collect()
    }

    /// The storage it belongs to.
    fn storage(self) -> Storage {
        match self {
            Self::SqlitePublish | Self::SqliteBatch | Self::SqliteRestart => Storage::Sqlite,
            Self::ClusterPublish
            | Self::ClusterSeries
            | Self::ClusterOneTask
            | Self::ClusterBatch
            | Self::ClusterLatency
            | Self::ClusterPath
            | Self::ClusterLag
            | Self::ClusterBurst => Storage::Cluster,
            _ => Storage::Memory,
        }
    }

    fn starts_programs(self) -> bool {
        self.storage() != Storage::Memory || matches!(self, Self::IdleReaders | Self::RunningTasks)
    }

    /// Measures it and returns its rows.
    pub async fn run(self, bench: &Bench) -> anyhow::Result<Vec<Row>> {
        let rows = timeout(LIMIT, self.measure(bench)).await;
        rows.with_context(|| format!("no end after {} s", LIMIT.as_secs()))?
    }

    async fn measure(self, bench: &Bench) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Create => create::run(bench).await,
            Self::Publish => publish::single(bench).await,
            Self::Series => publish::series(bench).await,
            Self::Batch => publish::batch(bench).await,
            Self::FanOut => fan_out::run(bench).await,
            Self::Latency => latency::run(bench).await,
            Self::IdleReaders => memory::idle_readers(bench).await,
            Self::RunningTasks => memory::running_tasks(bench).await,
            Self::Resume => resume::stream(bench).await,
            Self::History => resume::history(bench).await,
            Self::Replay => replay::full(bench).await,
            Self::LateJoin => replay::late_join(bench).await,
            Self::Growth => growth::run(bench).await,
            Self::SqlitePublish => sqlite::publish(bench).await,
            Self::SqliteBatch => sqlite::batch(bench).await,
            Self::SqliteRestart => sqlite::restart(bench).await,
            Self::ClusterPublish => cluster::publish::single(bench).await,
            Self::ClusterSeries => cluster::publish::series(bench).await,
            Self::ClusterOneTask => cluster::one_task::run(bench).await,
            Self::ClusterBatch => cluster::publish::batch(bench).await,
            Self::ClusterLatency => cluster::latency::run(bench).await,
            Self::ClusterPath => cluster::path::run(bench).await,
            Self::ClusterLag => cluster::lag::run(bench).await,
            Self::ClusterBurst => cluster::burst::run(bench).await,
        }
    }
}

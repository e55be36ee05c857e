//! What can be chosen: the scenarios of any running server, and those that start programs themselves, a file each or a
//! family in a file.

mod cluster;
mod memory;
mod sqlite;

use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use taskcast::bench::scenarios::{self, within_limit};
use taskcast::bench::table::Row;

use crate::bench::Bench;
use crate::process::Storage;

/// A thing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// On any server.
    Shared(scenarios::Scenario),
    /// On programs that are started for it.
    Own(Own),
}

/// A thing to measure that starts programs itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Own {
    /// Memory of 4,000 idle readers of one task
    IdleReaders,
    /// Memory of 20,000 running tasks with 5 events
    RunningTasks,
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

impl ValueEnum for Scenario {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: LazyLock<Vec<Scenario>> = LazyLock::new(|| {
            let shared = scenarios::Scenario::value_variants().iter().copied().map(Scenario::Shared);
            shared.chain(Own::value_variants().iter().copied().map(Scenario::Own)).collect()
        });
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Shared(scenario) => scenario.to_possible_value(),
            Self::Own(scenario) => scenario.to_possible_value(),
        }
    }
}

impl Scenario {
    /// The scenarios to run when none is named.
    pub fn defaults(storage: Storage, remote: bool) -> Vec<Self> {
        let chosen = |scenario: &&Self| match (storage, remote) {
            (_, true) => matches!(scenario, Self::Shared(_)),
            (storage, false) => scenario.storage() == storage,
        };
        Self::value_variants().iter().filter(chosen).copied().collect()
    }

    /// The storage it belongs to.
    fn storage(self) -> Storage {
        match self {
            Self::Shared(_) | Self::Own(Own::IdleReaders | Own::RunningTasks) => Storage::Memory,
            Self::Own(Own::SqlitePublish | Own::SqliteBatch | Own::SqliteRestart) => Storage::Sqlite,
            Self::Own(_) => Storage::Cluster,
        }
    }

    /// Measures it and returns its rows.
    pub async fn run(self, bench: &Bench) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Shared(scenario) => scenario.run(&bench.pace, bench).await,
            Self::Own(scenario) => within_limit(scenario.measure(bench)).await,
        }
    }
}

impl Own {
    async fn measure(self, bench: &Bench) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::IdleReaders => memory::idle_readers(bench).await,
            Self::RunningTasks => memory::running_tasks(bench).await,
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

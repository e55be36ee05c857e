//! Redis with Postgres behind it, as one store: the engine cannot tell.
//!
//! Writes go to Redis. The archiver copies what was committed to Postgres, in order and idempotently, and a task whose
//! archive is complete may leave Redis: it is *cold* then. Every read looks into Redis first and goes on in Postgres
//! where Redis says that it does not have everything. A write to a cold task brings it back first.
//!
//! What is deliberately absent: locks (both tiers compare stamps), and any guess about what a tier that does not answer
//! might hold.
//!
//! - `store`: the promises of the port; `reading`, `listing`: over both tiers
//! - `release`: tasks that leave Redis
//! - `archiver`: copies what is ahead; `copy`: one task; `piece`: how a snapshot becomes what Postgres takes (pure)

mod archiver;
mod copy;
mod listing;
mod piece;
mod reading;
mod release;
mod store;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use taskcast_actors::domain::TaskId;
use taskcast_actors::ports::{ErrorKind, StoreError, TaskHooks, TaskStore as _};

use self::archiver::Archiver;
use super::postgres::PostgresStore;
use super::redis::{Departures, Lookup, RedisStore, Restored};

/// How often something is tried again because a task of the same partition has left Redis in between.
const ATTEMPTS: usize = 200;

/// What may be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TieredSettings {
    /// Tasks that have ended leave Redis after this long without a change; `None` is never.
    pub release_finished: Option<Duration>,
    /// All others do after this long.
    pub release_idle: Option<Duration>,
}

/// How far the archive is behind, for metrics.
#[derive(Debug, Default)]
pub struct ArchiveStats {
    tasks_behind: AtomicU64,
    lag_millis: AtomicU64,
    failures: AtomicU64,
    released: AtomicU64,
}

impl ArchiveStats {
    /// Tasks that the archive lacks something of.
    pub fn tasks_behind(&self) -> u64 {
        self.tasks_behind.load(Ordering::Relaxed)
    }

    /// Since when it lacks something of one of them.
    pub fn lag(&self) -> Duration {
        Duration::from_millis(self.lag_millis.load(Ordering::Relaxed))
    }

    /// Attempts to archive that failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Tasks that this instance moved out of Redis.
    pub fn released(&self) -> u64 {
        self.released.load(Ordering::Relaxed)
    }
}

/// Both tiers, as every part of this store uses them.
struct Tiers {
    hot: Arc<RedisStore>,
    archive: Arc<PostgresStore>,
    stats: Arc<ArchiveStats>,
    /// Told of what goes wrong in the background. They must not block.
    hooks: Arc<dyn TaskHooks>,
    /// Tasks that are being moved by this instance.
    moving: Mutex<HashSet<TaskId>>,
}

/// See the module.
pub struct TieredStore {
    tiers: Arc<Tiers>,
    _archiver: Archiver,
}

impl TieredStore {
    /// Puts `archive` behind `hot`, which must note what the archive lacks, and starts to archive. `hooks`, which must
    /// not block, are told when that fails.
    ///
    /// # Errors
    /// When one of them does not answer.
    pub async fn start(
        hot: Arc<RedisStore>,
        archive: Arc<PostgresStore>,
        settings: TieredSettings,
        hooks: Arc<dyn TaskHooks>,
    ) -> Result<Self, StoreError> {
        hot.init_tier(archive.is_empty().await?).await?;
        let (stats, moving) = (Arc::default(), Mutex::default());
        let tiers = Arc::new(Tiers { hot, archive, stats, hooks, moving });
        Ok(Self { _archiver: Archiver::start(Arc::clone(&tiers), settings), tiers })
    }

    /// How far the archive is behind.
    pub fn stats(&self) -> Arc<ArchiveStats> {
        Arc::clone(&self.tiers.stats)
    }
}

impl Tiers {
    /// Whether the archive has to be asked about a task that Redis does not have.
    fn may_be_cold<T>(found: &Lookup<T>) -> bool {
        matches!(found, Lookup::Absent { whole: false })
    }

    /// Brings a task back into Redis if it is cold. Also says how many tasks had left its partition before.
    async fn warm(&self, id: &TaskId) -> Result<(Warmed, Departures), StoreError> {
        for _ in 0..ATTEMPTS {
            let (found, since) = self.hot.probe_departures(id).await?;
            match found {
                Lookup::Hot(_) => return Ok((Warmed::WasHot, since)),
                found if Self::may_be_cold(&found) => {}
                _ => return Ok((Warmed::Nothing, since)),
            }
            let Some(task) = self.archive.load(id).await? else { return Ok((Warmed::Nothing, since)) };
            match self.hot.restore(&task, &since).await? {
                Restored::Done | Restored::Present => return Ok((Warmed::IsBack, since)),
                Restored::Tomb => return Ok((Warmed::Nothing, since)),
                Restored::Raced => {}
            }
        }
        Err(busy())
    }
}

/// A task was moved back and forth for as long as anybody may wait for it.
fn busy() -> StoreError {
    StoreError::Unavailable {
        dependency: "redisCommand",
        kind: ErrorKind::Unavailable,
        detail: "tasks leave Redis faster than one can be brought back".into(),
    }
}

/// Where a task is that was to be in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Warmed {
    /// It was there.
    WasHot,
    /// It was cold.
    IsBack,
    /// There is no such task.
    Nothing,
}

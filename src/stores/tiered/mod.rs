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
use taskcast_actors::ports::{StoreError, TaskStore as _};

use self::archiver::Archiver;
use super::postgres::PostgresStore;
use super::redis::{Lookup, RedisStore, Restored};

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
    /// Tasks that are being moved by this instance.
    moving: Mutex<HashSet<TaskId>>,
}

/// See the module.
pub struct TieredStore {
    tiers: Arc<Tiers>,
    _archiver: Archiver,
}

impl TieredStore {
    /// Puts `archive` behind `hot`, which must note what the archive lacks, and starts to archive.
    ///
    /// # Errors
    /// When one of them does not answer.
    pub async fn start(
        hot: Arc<RedisStore>,
        archive: Arc<PostgresStore>,
        settings: TieredSettings,
    ) -> Result<Self, StoreError> {
        hot.init_tier(archive.is_empty().await?).await?;
        let tiers = Arc::new(Tiers { hot, archive, stats: Arc::default(), moving: Mutex::default() });
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

    /// Brings a task back into Redis if it is cold.
    async fn warm(&self, id: &TaskId) -> Result<Warmed, StoreError> {
        match self.hot.probe_stamp(id).await? {
            Lookup::Hot(_) => return Ok(Warmed::WasHot),
            found if Self::may_be_cold(&found) => {}
            _ => return Ok(Warmed::Nothing),
        }
        let Some(task) = self.archive.load(id).await? else { return Ok(Warmed::Nothing) };
        Ok(match self.hot.restore(&task).await? {
            Restored::Done | Restored::Present => Warmed::IsBack,
            Restored::Tomb => Warmed::Nothing,
        })
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

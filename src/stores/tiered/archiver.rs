//! The task that archives. It works for the partitions it has the lease of; when its instance dies, another takes them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use futures_util::stream::iter;
use taskcast_actors::domain::{TaskId, Timestamp};
use taskcast_actors::ports::{ReleaseError, StoreError};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::copy::Copied;
use super::{TieredSettings, Tiers};
use crate::stores::redis::PARTITIONS;

/// The pause between two rounds when there was little to do, and after a failure.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);
/// How often it is measured what the archive lacks.
const MEASUREMENT: Duration = Duration::from_millis(200);
/// How long a lease holds, and how often it is renewed.
const LEASE: Duration = Duration::from_secs(2);
const RENEWAL: Duration = Duration::from_millis(500);
/// Tasks of a partition in one round.
const TASKS: usize = 64;
/// A task that cannot be archived is tried again after this long.
const SETBACK: Duration = Duration::from_secs(5);
/// How often idle tasks are looked for, and how many of a partition leave at once.
const RELEASE_EVERY: Duration = Duration::from_secs(1);
const RELEASES: usize = 256;
const RELEASES_AT_ONCE: usize = 8;

/// Owns the task, and the one that measures how far it is behind: an archive that does not answer must not hide that.
pub(super) struct Archiver([JoinHandle<()>; 2]);

impl Drop for Archiver {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Archiver {
    pub(super) fn start(tiers: Arc<Tiers>, settings: TieredSettings) -> Self {
        let measuring = tokio::spawn(measure(Arc::clone(&tiers)));
        let work = Work {
            tiers,
            settings,
            holder: format!("{:016x}", fastrand::u64(..)),
            held: Vec::new(),
            setbacks: HashMap::new(),
            next_lease: Instant::now(),
            next_release: Instant::now(),
        };
        Self([tokio::spawn(work.run()), measuring])
    }
}

/// Keeps an eye on what the archive lacks.
async fn measure(tiers: Arc<Tiers>) {
    let mut pace = interval(MEASUREMENT);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        if let Ok(lag) = tiers.hot.lag(now()).await {
            tiers.stats.tasks_behind.store(lag.tasks, Ordering::Relaxed);
            tiers.stats.lag_millis.store(lag.millis, Ordering::Relaxed);
        }
    }
}

struct Work {
    tiers: Arc<Tiers>,
    settings: TieredSettings,
    /// What this archiver is called in leases.
    holder: String,
    /// Partitions this archiver works for.
    held: Vec<u8>,
    /// Tasks that failed, and when.
    setbacks: HashMap<TaskId, Instant>,
    next_lease: Instant,
    next_release: Instant,
}

impl Work {
    async fn run(mut self) {
        let mut failing = false;
        loop {
            match self.round().await {
                Ok(full) => {
                    failing = false;
                    if !full {
                        sleep(PAUSE).await;
                    }
                }
                Err(error) => {
                    self.tiers.stats.failures.fetch_add(1, Ordering::Relaxed);
                    self.tiers.hooks.on_storage_error("archive", None, &error.summary());
                    if !failing {
                        tracing::warn!(%error, "archiving has to wait");
                    }
                    failing = true;
                    sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Archives some of what is ahead. Says whether there may be more at once.
    async fn round(&mut self) -> Result<bool, StoreError> {
        self.renew().await?;
        self.setbacks.retain(|_, since| since.elapsed() < SETBACK);
        let limit = TASKS + self.setbacks.len();
        let ahead = try_join_all(self.held.iter().map(|part| self.tiers.hot.ahead(*part, limit))).await?;
        let ids = ahead.into_iter().flatten().map(|ahead| ahead.task_id);
        let ids: Vec<TaskId> = ids.filter(|id| !self.setbacks.contains_key(id)).collect();
        let copied = self.tiers.copy_all(&ids).await?;
        let done = copied.iter().filter(|(_, copied)| *copied == Copied::Done).count();
        for (id, copied) in copied {
            self.judge(id, copied);
        }
        if self.next_release <= Instant::now() {
            self.next_release = Instant::now() + RELEASE_EVERY;
            self.release_idle().await?;
        }
        Ok(done >= TASKS)
    }

    fn judge(&mut self, id: TaskId, copied: Copied) {
        if let Copied::Failed(reason) = copied {
            self.tiers.stats.failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!(task = %id, %reason, "a task cannot be archived: trying again later");
            self.tiers.hooks.on_storage_error("archive", Some(&id), "the task cannot be archived");
            self.setbacks.insert(id, Instant::now());
        }
    }

    /// Keeps the leases it has and takes those that are free.
    async fn renew(&mut self) -> Result<(), StoreError> {
        if self.next_lease > Instant::now() {
            return Ok(());
        }
        let leases = (0..PARTITIONS).map(|part| self.tiers.hot.lease(part, &self.holder, LEASE));
        let held = try_join_all(leases).await?;
        self.held = (0..PARTITIONS).zip(held).filter_map(|(part, held)| held.then_some(part)).collect();
        self.next_lease = Instant::now() + RENEWAL;
        Ok(())
    }

    /// Moves tasks out of Redis that nobody has written to for as long as is configured.
    async fn release_idle(&self) -> Result<(), StoreError> {
        let TieredSettings { release_finished, release_idle } = self.settings;
        if release_finished.is_none() && release_idle.is_none() {
            return Ok(());
        }
        let before = |after: Option<Duration>| {
            let millis = after.map(|after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
            millis.map_or(Timestamp(0), |millis| Timestamp(now().0.saturating_sub(millis).max(0)))
        };
        let (finished, active) = (before(release_finished), before(release_idle));
        for part in &self.held {
            let idle = self.tiers.hot.idle(*part, finished, active, RELEASES).await?;
            let archived = idle.into_iter().filter(|idle| idle.archived == Some(idle.stamp));
            iter(archived)
                .for_each_concurrent(RELEASES_AT_ONCE, |idle| async move {
                    match self.tiers.release(&idle.task_id, idle.stamp).await {
                        Ok(_) | Err(ReleaseError::Moved | ReleaseError::Busy) => {}
                        Err(error) => {
                            tracing::warn!(task = %idle.task_id, %error, "a task could not leave Redis");
                            let why = "the task could not leave Redis";
                            self.tiers.hooks.on_storage_error("release", Some(&idle.task_id), why);
                        }
                    }
                })
                .await;
        }
        Ok(())
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

//! Tasks that leave Redis.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use taskcast_actors::domain::{Stamp, TaskId};
use taskcast_actors::ports::{ColdTier, ReleaseError, StoreError, TaskStore};

use super::copy::Copied;
use super::{TieredStore, Tiers};
use crate::stores::postgres::Holding;
use crate::stores::redis::Lookup;

/// How often a release that somebody else is in the way of is tried.
const RELEASE_ATTEMPTS: usize = 20;

#[async_trait]
impl ColdTier for TieredStore {
    async fn is_cold(&self, id: &TaskId) -> Result<Option<bool>, StoreError> {
        match self.tiers.hot.probe_stamp(id).await? {
            Lookup::Hot(_) => Ok(Some(false)),
            found if Tiers::may_be_cold(&found) => Ok(self.tiers.archive.head(id).await?.map(|_| true)),
            _ => Ok(None),
        }
    }

    async fn release(&self, id: &TaskId, expected: Stamp) -> Result<bool, ReleaseError> {
        self.tiers.release(id, expected).await
    }
}

/// Nobody else of this instance moves the task while this is there.
struct Moving<'a>(&'a Tiers, &'a TaskId);

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.0.moving.lock().remove(self.1);
    }
}

impl Tiers {
    /// Moves a task out of Redis if its log is at `expected`, once the archive has all of it. Says whether that had to be
    /// done.
    pub(super) async fn release(&self, id: &TaskId, expected: Stamp) -> Result<bool, ReleaseError> {
        if !self.moving.lock().insert(id.clone()) {
            return Err(ReleaseError::Busy);
        }
        let _moving = Moving(self, id);
        for _ in 0..RELEASE_ATTEMPTS {
            match self.hot.probe_stamp(id).await? {
                Lookup::Hot(stamp) if stamp == expected => {}
                found if Self::may_be_cold(&found) => return Ok(false),
                _ => return Err(ReleaseError::Moved),
            }
            for (_, copied) in self.copy_all(std::slice::from_ref(id)).await? {
                if let Copied::Failed(reason) = copied {
                    return Err(ReleaseError::Integrity(reason));
                }
            }
            match self.archive.holds(id, expected).await? {
                Holding::All => {}
                Holding::Elsewhere => continue,
                Holding::Incomplete => {
                    return Err(ReleaseError::Integrity("events are missing in the archive".into()));
                }
            }
            if self.hot.release(id, expected).await? {
                self.stats.released.fetch_add(1, Ordering::Relaxed);
                return Ok(true);
            }
        }
        Err(ReleaseError::Busy)
    }
}

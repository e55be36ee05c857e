//! Moving a task to cold storage (PROTOCOL §15).

use std::sync::Arc;

use crate::domain::{Head, Stamp, TaskId, Timestamp};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{ColdTier, ReleaseError, Seek, StoreError};

/// Under which conditions a task is moved to cold storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The index its last event has to have; -1 is a task without events.
    pub expected_last: i64,
    /// Neither an event nor a change of the task may be later than this.
    pub inactive_since: Timestamp,
}

/// A task that is in cold storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// The index of its last event; -1 if it has none.
    pub watermark: i64,
    /// Whether it was hot before.
    pub released: bool,
}

/// A store that cannot answer is here another error than elsewhere.
fn unavailable(error: StoreError) -> EngineError {
    match error {
        StoreError::Unavailable { .. } => EngineError::ReleaseUnavailable(error),
        StoreError::Corrupt(_) => EngineError::Store(error),
        StoreError::Gone => EngineError::NotFound,
    }
}

fn last_index(stamp: Stamp) -> i64 {
    i64::try_from(stamp.version).unwrap_or(i64::MAX) - 1
}

impl Engine {
    /// Moves a task to cold storage if the conditions hold. Of a task that is cold they are not asked.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], [`EngineError::ReleaseUnsupported`] without a cold tier,
    /// [`EngineError::ReleasePrecondition`], [`EngineError::ReleaseBusy`], [`EngineError::ReleaseIntegrity`] and
    /// [`EngineError::ReleaseUnavailable`].
    pub async fn release(&self, id: &TaskId, wish: Release) -> Result<Released, EngineError> {
        for _ in 0..2 {
            let found = self.shared().store.head(id).await.map_err(unavailable)?;
            let (head, stamp) = found.ok_or(EngineError::NotFound)?;
            let Some(tier) = &self.shared().cold else { return Err(EngineError::ReleaseUnsupported) };
            let watermark = last_index(stamp);
            if tier.is_cold(id).await.map_err(unavailable)?.ok_or(EngineError::NotFound)? {
                return Ok(Released { watermark, released: false });
            }
            self.check_release(id, &head, stamp, wish).await?;
            match release(tier, id, stamp).await? {
                Some(released) => return Ok(Released { watermark, released }),
                None => tracing::debug!(task = %id, "the task moved while it was to be released"),
            }
        }
        Err(EngineError::ReleaseBusy)
    }

    async fn check_release(
        &self,
        id: &TaskId,
        head: &Head,
        stamp: Stamp,
        wish: Release,
    ) -> Result<(), EngineError> {
        let last = last_index(stamp);
        if last != wish.expected_last {
            let why = format!("the last event of the task has index {last}, not {}", wish.expected_last);
            return Err(EngineError::ReleasePrecondition(why));
        }
        let seek = Seek::After(wish.inactive_since);
        let later = self.shared().store.seek(id, seek).await.map_err(unavailable)?;
        if head.task.updated_at > wish.inactive_since || later.is_some_and(|index| index < stamp.version) {
            let why = format!("the task has changed since {}", wish.inactive_since.0);
            return Err(EngineError::ReleasePrecondition(why));
        }
        Ok(())
    }
}

/// Releases the task; `None` if its log has moved.
async fn release(
    tier: &Arc<dyn ColdTier>,
    id: &TaskId,
    expected: Stamp,
) -> Result<Option<bool>, EngineError> {
    match tier.release(id, expected).await {
        Ok(released) => Ok(Some(released)),
        Err(ReleaseError::Moved) => Ok(None),
        Err(ReleaseError::Busy) => Err(EngineError::ReleaseBusy),
        Err(ReleaseError::Integrity(detail)) => Err(EngineError::ReleaseIntegrity(detail)),
        Err(ReleaseError::Store(error)) => Err(unavailable(error)),
    }
}

//! The promises of the port.

use std::sync::Arc;

use async_trait::async_trait;
use taskcast_actors::domain::{Change, Head, Stamp, TaskId, Timestamp};
use taskcast_actors::ports::{
    CommitError, CreateError, Created, Due, Listing, Loaded, NewLog, Page, Range, Receipts, Seek, StoreError,
    TaskQuery, TaskStore,
};

use super::{ATTEMPTS, TieredStore, Tiers, Warmed, busy};
use crate::stores::redis::Lookup;

#[async_trait]
impl TaskStore for TieredStore {
    fn provider(&self) -> &'static str {
        "redis"
    }

    async fn create(&self, log: NewLog) -> Result<Created, CreateError> {
        let id = &log.head.task.id;
        if log.fresh {
            return self.tiers.hot.create(log).await;
        }
        for _ in 0..ATTEMPTS {
            let (warmed, since) = self.tiers.warm(id).await.map_err(CreateError::NotWritten)?;
            if warmed != Warmed::Nothing && !log.replace {
                return Err(CreateError::Exists);
            }
            if let Some(created) = self.tiers.hot.create_beside(&log, &since).await? {
                return Ok(created);
            }
        }
        Err(CreateError::NotWritten(busy()))
    }

    async fn commit(&self, change: Arc<Change>) -> Result<(), CommitError> {
        match self.tiers.hot.commit(Arc::clone(&change)).await {
            Err(CommitError::Conflict) => {}
            answer => return answer,
        }
        match self.tiers.warm(&change.task_id).await.map_err(CommitError::NotWritten)? {
            (Warmed::IsBack, _) => self.tiers.hot.commit(change).await,
            (Warmed::WasHot | Warmed::Nothing, _) => Err(CommitError::Conflict),
        }
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Loaded>, StoreError> {
        match self.tiers.hot.probe_load(id).await? {
            found if Tiers::may_be_cold(&found) => self.tiers.archive.load(id).await,
            found => Ok(found.hot()),
        }
    }

    async fn head(&self, id: &TaskId) -> Result<Option<(Arc<Head>, Stamp)>, StoreError> {
        match self.tiers.hot.probe_head(id).await? {
            found if Tiers::may_be_cold(&found) => self.tiers.archive.head(id).await,
            found => Ok(found.hot()),
        }
    }

    async fn stamps(&self, ids: &[TaskId]) -> Result<Vec<Option<Stamp>>, StoreError> {
        let mut found = self.tiers.hot.probe_stamps(ids).await?;
        let is_cold = |place: &usize| Tiers::may_be_cold(&found[*place]);
        let places: Vec<usize> = (0..ids.len()).filter(is_cold).collect();
        if !places.is_empty() {
            let cold: Vec<TaskId> = places.iter().map(|place| ids[*place].clone()).collect();
            let stamps = self.tiers.archive.stamps(&cold).await?;
            for (place, stamp) in places.into_iter().zip(stamps) {
                found[place] = stamp.map_or(Lookup::Tomb, Lookup::Hot);
            }
        }
        Ok(found.into_iter().map(Lookup::hot).collect())
    }

    async fn events(&self, id: &TaskId, range: Range) -> Result<Page, StoreError> {
        self.tiers.page(id, range).await
    }

    async fn seek(&self, id: &TaskId, seek: Seek) -> Result<Option<u64>, StoreError> {
        self.tiers.seek(id, seek).await
    }

    async fn list(&self, query: &TaskQuery) -> Result<Listing, StoreError> {
        self.tiers.list(query).await
    }

    async fn delete(&self, id: &TaskId, incarnation: u64) -> Result<bool, CommitError> {
        for _ in 0..ATTEMPTS {
            let (warmed, _) = self.tiers.warm(id).await.map_err(CommitError::NotWritten)?;
            let deleted = self.tiers.hot.delete(id, incarnation).await?;
            // It may have left in between.
            if deleted || warmed == Warmed::Nothing {
                return Ok(deleted);
            }
        }
        Err(CommitError::NotWritten(busy()))
    }

    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.tiers.due(now, after, limit).await
    }

    /// The archive may be away for a while: it catches up.
    async fn health(&self) -> Result<(), StoreError> {
        self.tiers.hot.health().await
    }

    /// They live in Redis alone: what is over within a day is not worth an archive.
    fn receipts(&self) -> &dyn Receipts {
        self.tiers.hot.receipts()
    }
}

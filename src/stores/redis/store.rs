//! The promises of the port.

use std::sync::Arc;

use async_trait::async_trait;
use taskcast_actors::domain::{Change, Head, Stamp, TaskId, Timestamp};
use taskcast_actors::ports::{
    CommitError, CreateError, Created, Due, Listing, Loaded, NewLog, Page, Range, Receipts, Seek, StoreError,
    TaskQuery, TaskStore,
};

use super::lookup::Lookup;
use super::tier::HotPage;
use super::{RedisStore, due, list};

#[async_trait]
impl TaskStore for RedisStore {
    fn provider(&self) -> &'static str {
        "redis"
    }

    async fn create(&self, log: NewLog) -> Result<Created, CreateError> {
        let created = self.write_new(&log, None).await?;
        created.ok_or_else(|| CreateError::Unknown(StoreError::Corrupt("an answer nobody asked for".into())))
    }

    async fn commit(&self, change: Arc<Change>) -> Result<(), CommitError> {
        self.write(&change).await
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Loaded>, StoreError> {
        self.probe_load(id).await.map(Lookup::hot)
    }

    async fn head(&self, id: &TaskId) -> Result<Option<(Arc<Head>, Stamp)>, StoreError> {
        self.probe_head(id).await.map(Lookup::hot)
    }

    async fn stamps(&self, ids: &[TaskId]) -> Result<Vec<Option<Stamp>>, StoreError> {
        Ok(self.probe_stamps(ids).await?.into_iter().map(Lookup::hot).collect())
    }

    async fn events(&self, id: &TaskId, range: Range) -> Result<Page, StoreError> {
        match self.probe_page(id, range).await? {
            Lookup::Hot(HotPage::Page(page)) => Ok(page),
            Lookup::Hot(HotPage::Below { .. }) => {
                Err(StoreError::Corrupt("the beginning of this log is in an archive".to_owned()))
            }
            Lookup::Tomb | Lookup::Absent { .. } if range.incarnation.is_some() => Err(StoreError::Gone),
            Lookup::Tomb | Lookup::Absent { .. } => Ok(Page { slots: Vec::new(), next: range.from }),
        }
    }

    async fn seek(&self, id: &TaskId, seek: Seek) -> Result<Option<u64>, StoreError> {
        Ok(self.probe_seek(id, &seek).await?.hot().and_then(|found| found.index))
    }

    async fn list(&self, query: &TaskQuery) -> Result<Listing, StoreError> {
        Ok(list::read(self, query).await?)
    }

    async fn delete(&self, id: &TaskId, incarnation: u64) -> Result<bool, CommitError> {
        self.remove(id, incarnation).await
    }

    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: usize) -> Result<Vec<Due>, StoreError> {
        Ok(due::read(self, now, after, limit).await?)
    }

    async fn health(&self) -> Result<(), StoreError> {
        Ok(self.link.ping().await?)
    }

    fn receipts(&self) -> &dyn Receipts {
        self
    }
}

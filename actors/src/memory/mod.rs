//! The reference implementations of the ports: everything in this process, nothing survives it.
//!
//! They are what the `memory` storage mode runs on and what every other store is compared with.

mod bus;
mod index;
mod log;
mod receipts;

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};

pub use bus::MemoryBus;

use self::index::Index;
use self::log::Log;
use self::receipts::MemoryReceipts;
use crate::domain::{Change, Head, Stamp, TaskId, Timestamp};
use crate::ports::{
    CommitError, CreateError, Created, Due, Listing, Loaded, NewLog, Page, Range, Receipts, Seek, StoreError,
    TaskQuery, TaskStore,
};

/// Parts of the map of logs, so that tasks seldom wait for each other.
const SHARDS: usize = 64;

/// Keeps tasks in memory.
pub struct MemoryStore {
    shards: Vec<Mutex<HashMap<TaskId, Log, RandomState>>>,
    hasher: RandomState,
    /// Taken only while a shard is held, never the other way round.
    index: RwLock<Index>,
    receipts: MemoryReceipts,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            index: RwLock::default(),
            receipts: MemoryReceipts::default(),
        }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn shard(&self, id: &TaskId) -> &Mutex<HashMap<TaskId, Log, RandomState>> {
        let hash = self.hasher.hash_one(id);
        &self.shards[usize::try_from(hash).unwrap_or(0) % SHARDS]
    }

    fn read<T>(&self, id: &TaskId, read: impl FnOnce(&Log) -> T) -> Option<T> {
        self.shard(id).lock().get(id).map(read)
    }
}

#[async_trait]
impl TaskStore for MemoryStore {
    fn provider(&self) -> &'static str {
        "memory"
    }

    async fn create(&self, new: NewLog) -> Result<Created, CreateError> {
        let id = new.head.task.id.clone();
        let mut shard = self.shard(&id).lock();
        let old = shard.get(&id);
        if old.is_some() && !new.replace {
            return Err(CreateError::Exists);
        }
        let replaced = old.is_some();
        self.index.write().moved(old.map(|log| &*log.head), Some(&new.head));
        shard.insert(id, Log::of(new));
        Ok(Created { replaced })
    }

    async fn commit(&self, change: Arc<Change>) -> Result<(), CommitError> {
        let mut shard = self.shard(&change.task_id).lock();
        let log = shard
            .get_mut(&change.task_id)
            .filter(|log| log.stamp == change.expected)
            .ok_or(CommitError::Conflict)?;
        if let Some(head) = &change.head {
            self.index.write().moved(Some(&log.head), Some(head));
        }
        log.commit(&change);
        Ok(())
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Loaded>, StoreError> {
        Ok(self.read(id, Log::loaded))
    }

    async fn head(&self, id: &TaskId) -> Result<Option<(Arc<Head>, Stamp)>, StoreError> {
        Ok(self.read(id, |log| (Arc::clone(&log.head), log.stamp)))
    }

    async fn stamps(&self, ids: &[TaskId]) -> Result<Vec<Option<Stamp>>, StoreError> {
        Ok(ids.iter().map(|id| self.read(id, |log| log.stamp)).collect())
    }

    async fn events(&self, id: &TaskId, range: Range) -> Result<Page, StoreError> {
        let page = self.read(id, |log| log.page(range));
        page.unwrap_or_else(|| match range.incarnation {
            Some(_) => Err(StoreError::Gone),
            None => Ok(Page { slots: Vec::new(), next: range.from }),
        })
    }

    async fn seek(&self, id: &TaskId, seek: Seek) -> Result<Option<u64>, StoreError> {
        Ok(self.read(id, |log| log.seek(&seek)).flatten())
    }

    async fn list(&self, query: &TaskQuery) -> Result<Listing, StoreError> {
        Ok(self.index.read().list(query))
    }

    async fn delete(&self, id: &TaskId, incarnation: u64) -> Result<bool, CommitError> {
        let mut shard = self.shard(id).lock();
        let Some(log) = shard.get(id) else { return Ok(false) };
        if log.stamp.incarnation != incarnation {
            return Err(CommitError::Conflict);
        }
        self.index.write().moved(Some(&log.head), None);
        shard.remove(id);
        Ok(true)
    }

    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: usize) -> Result<Vec<Due>, StoreError> {
        Ok(self.index.read().due(now, after, limit))
    }

    async fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn receipts(&self) -> &dyn Receipts {
        &self.receipts
    }
}

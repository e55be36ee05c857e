//! Redis with Postgres behind it, as it is and with every task cold at once.

use std::sync::Arc;

use async_trait::async_trait;
use taskcast::stores::postgres::{PostgresSettings, PostgresStore};
use taskcast::stores::redis::{RedisSettings, RedisStore};
use taskcast::stores::tiered::{TieredSettings, TieredStore};
use taskcast_actors::domain::{Change, Head, Stamp, TaskId, Timestamp};
use taskcast_actors::ports::{
    ColdTier as _, CommitError, CreateError, Created, Due, Listing, Loaded, NewLog, Page, Range, Receipts,
    ReleaseError, Seek, StoreError, TaskHooks, TaskQuery, TaskStore,
};

use crate::support::servers::{Postgres, Redis};

/// Both tiers, in a place of their own on the shared servers.
pub(crate) async fn open() -> TieredStore {
    open_over(Postgres::shared().await.database().await.url, Arc::new(())).await
}

/// As [`open`], over this empty database, with hooks.
pub(crate) async fn open_over(database: String, hooks: Arc<dyn TaskHooks>) -> TieredStore {
    let redis = Redis::shared().await;
    let settings = RedisSettings {
        url: redis.url(),
        prefix: Redis::prefix(),
        archived: true,
        ..RedisSettings::default()
    };
    let archive = PostgresSettings { pool_size: 2, auto_migrate: true, ..PostgresSettings::new(database) };
    let hot = Arc::new(RedisStore::connect(settings).await.unwrap());
    let archive = Arc::new(PostgresStore::open(archive).await.unwrap());
    TieredStore::start(hot, archive, TieredSettings::default(), hooks).await.unwrap()
}

/// A store that moves every task out of Redis as soon as it was written.
pub(super) struct AlwaysCold(TieredStore);

impl AlwaysCold {
    pub(super) async fn open() -> Self {
        Self(open().await)
    }

    async fn cool(&self, id: &TaskId) {
        loop {
            let Some((_, stamp)) = self.0.head(id).await.unwrap() else { return };
            match self.0.release(id, stamp).await {
                Ok(_) => return,
                Err(ReleaseError::Moved | ReleaseError::Busy) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[async_trait]
impl TaskStore for AlwaysCold {
    fn provider(&self) -> &'static str {
        self.0.provider()
    }

    async fn create(&self, log: NewLog) -> Result<Created, CreateError> {
        let id = log.head.task.id.clone();
        let created = self.0.create(log).await;
        self.cool(&id).await;
        created
    }

    async fn commit(&self, change: Arc<Change>) -> Result<(), CommitError> {
        let id = change.task_id.clone();
        let committed = self.0.commit(change).await;
        self.cool(&id).await;
        committed
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Loaded>, StoreError> {
        self.0.load(id).await
    }

    async fn head(&self, id: &TaskId) -> Result<Option<(Arc<Head>, Stamp)>, StoreError> {
        self.0.head(id).await
    }

    async fn stamps(&self, ids: &[TaskId]) -> Result<Vec<Option<Stamp>>, StoreError> {
        self.0.stamps(ids).await
    }

    async fn events(&self, id: &TaskId, range: Range) -> Result<Page, StoreError> {
        self.0.events(id, range).await
    }

    async fn seek(&self, id: &TaskId, seek: Seek) -> Result<Option<u64>, StoreError> {
        self.0.seek(id, seek).await
    }

    async fn list(&self, query: &TaskQuery) -> Result<Listing, StoreError> {
        self.0.list(query).await
    }

    async fn delete(&self, id: &TaskId, incarnation: u64) -> Result<bool, CommitError> {
        self.0.delete(id, incarnation).await
    }

    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.0.due(now, after, limit).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.0.health().await
    }

    fn receipts(&self) -> &dyn Receipts {
        self.0.receipts()
    }
}

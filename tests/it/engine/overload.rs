//! Admission control: what is too much is refused with nothing written.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use taskcast_actors::domain::{Change, Head, NewEvent, Stamp, TaskId, Timestamp};
use taskcast_actors::ports::*;
use taskcast_actors::{EngineError, HistoryRequest};
use tokio::sync::Semaphore;

use crate::support::engine::*;

/// A store whose commits wait for a gate.
struct GatedStore {
    inner: Arc<dyn TaskStore>,
    gate: Semaphore,
}

#[async_trait]
impl TaskStore for GatedStore {
    fn provider(&self) -> &'static str {
        self.inner.provider()
    }
    async fn create(&self, log: NewLog) -> Result<Created, CreateError> {
        self.inner.create(log).await
    }
    async fn commit(&self, change: Arc<Change>) -> Result<(), CommitError> {
        let _open = self.gate.acquire().await;
        self.inner.commit(change).await
    }
    async fn load(&self, id: &TaskId) -> Result<Option<Loaded>, StoreError> {
        self.inner.load(id).await
    }
    async fn head(&self, id: &TaskId) -> Result<Option<(Arc<Head>, Stamp)>, StoreError> {
        self.inner.head(id).await
    }
    async fn stamps(&self, ids: &[TaskId]) -> Result<Vec<Option<Stamp>>, StoreError> {
        self.inner.stamps(ids).await
    }
    async fn events(&self, id: &TaskId, range: Range) -> Result<Page, StoreError> {
        self.inner.events(id, range).await
    }
    async fn seek(&self, id: &TaskId, seek: Seek) -> Result<Option<u64>, StoreError> {
        self.inner.seek(id, seek).await
    }
    async fn list(&self, query: &TaskQuery) -> Result<Listing, StoreError> {
        self.inner.list(query).await
    }
    async fn delete(&self, id: &TaskId, incarnation: u64) -> Result<bool, CommitError> {
        self.inner.delete(id, incarnation).await
    }
    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.inner.due(now, after, limit).await
    }
    async fn health(&self) -> Result<(), StoreError> {
        self.inner.health().await
    }
    fn receipts(&self) -> &dyn Receipts {
        self.inner.receipts()
    }
}

fn closed(inner: Arc<dyn TaskStore>) -> Arc<GatedStore> {
    Arc::new(GatedStore { inner, gate: Semaphore::new(0) })
}

async fn too_many_commands_for_one_task_are_refused_with_nothing_written(open: Open) {
    let store = closed(open());
    let engine = engine_with(Arc::clone(&store) as _, |settings| settings.queue_commands = 10);
    let id = pending(&engine).await;
    let other = pending(&engine).await;
    let publishes = (0..50).map(|n| {
        let (engine, id) = (engine.clone(), id.clone());
        tokio::spawn(async move { engine.publish(&id, vec![plain(n)]).await })
    });
    let publishes: Vec<_> = publishes.collect();
    let overloaded = || engine.stats().overloaded.load(std::sync::atomic::Ordering::Relaxed);
    wait_until("forty have been refused", || async { overloaded() == 40 }).await;
    assert_eq!(engine.waiting(), 10);
    store.gate.add_permits(1000);
    assert!(engine.publish(&other, vec![plain(1)]).await.is_ok(), "another task has its own bound");
    let answers: Vec<_> = join_all(publishes).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
    assert_eq!(answers.iter().filter(|answer| **answer == Err(EngineError::Overloaded)).count(), 40);
    assert_eq!(history(&engine, &id, HistoryRequest::default()).await.len(), 10);
    wait_until("nothing waits", || async { engine.waiting() == 0 }).await;
    engine.stop().await;
}

async fn too_many_bytes_are_refused_and_the_whole_engine_is_bounded(open: Open) {
    let store = closed(open());
    let engine = engine_with(Arc::clone(&store) as _, |settings| {
        settings.queue_bytes = 10_000;
        settings.total_bytes = 15_000;
    });
    let large = || vec![NewEvent::new("x", json(&format!("\"{}\"", "y".repeat(10_000))))];
    let ids = [pending(&engine).await, pending(&engine).await, pending(&engine).await];
    let start = |id: &TaskId| {
        let (engine, id) = (engine.clone(), id.clone());
        tokio::spawn(async move { engine.publish(&id, large()).await })
    };
    let first = start(&ids[0]);
    wait_until("the first waits", || async { engine.waiting() == 1 }).await;
    assert_eq!(engine.publish(&ids[0], large()).await, Err(EngineError::Overloaded));
    let second = start(&ids[1]);
    wait_until("the second waits", || async { engine.waiting() == 2 }).await;
    assert_eq!(engine.publish(&ids[2], large()).await, Err(EngineError::Overloaded));
    store.gate.add_permits(1000);
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
    assert!(engine.publish(&ids[2], large()).await.is_ok());
    engine.stop().await;
}

engine_suite!(
    too_many_commands_for_one_task_are_refused_with_nothing_written,
    too_many_bytes_are_refused_and_the_whole_engine_is_bounded,
);

//! The promises of the port, each handed to the side that keeps it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use taskcast_actors::domain::{Change, Head, Stamp, TaskId, Timestamp};
use taskcast_actors::ports::{
    CommitError, CreateError, Created, Due, Listing, Loaded, NewLog, Page, Range, Receipts, Seek, StoreError,
    TaskQuery, TaskStore,
};

use super::error::of_postgres;
use super::flight::{self, Failed, Manner, Statements};
use super::head_row::HeadRow;
use super::job::{Outcome, Work, WriteError};
use super::long::{self, Deleted};
use super::readers::discard;
use super::{PostgresStore, due, heads, health, list, page, seek};

impl PostgresStore {
    /// Does work whose task somebody else was writing: waits for them.
    async fn wait_and_write(&self, work: &Arc<Work>) -> Result<Outcome, WriteError> {
        let client = self.readers.connection().await.map_err(WriteError::NotWritten)?;
        let prepared = Statements::prepare_cached(&client).await;
        let statements = prepared.map_err(|error| WriteError::NotWritten(of_postgres(&error)))?;
        let manner = Manner { waiting: true, limit: self.readers.limit };
        let outcome = flight::fly(&client, &statements, std::slice::from_ref(work), manner).await;
        match outcome {
            Ok(outcomes) => Ok(outcomes.first().copied().unwrap_or(Outcome::Refused)),
            Err(Failed::Connection(error)) => {
                discard(client);
                Err(error)
            }
            Err(failed) => Err(failed.into_error()),
        }
    }
}

#[async_trait]
impl TaskStore for PostgresStore {
    fn provider(&self) -> &'static str {
        "postgres"
    }

    async fn create(&self, log: NewLog) -> Result<Created, CreateError> {
        if log.replace || !log.events.is_empty() {
            return long::create(&self.readers, &log).await;
        }
        let work = Work::Create { head: HeadRow::of(&log.head), incarnation: log.incarnation };
        match self.writer.run(Arc::new(work)).await? {
            Outcome::Done => Ok(Created { replaced: false }),
            Outcome::Refused | Outcome::Busy => Err(CreateError::Exists),
        }
    }

    async fn commit(&self, change: Arc<Change>) -> Result<(), CommitError> {
        let work = Arc::new(Work::commit(change));
        let outcome = match self.writer.run(Arc::clone(&work)).await? {
            Outcome::Busy => self.wait_and_write(&work).await?,
            outcome => outcome,
        };
        match outcome {
            Outcome::Done => Ok(()),
            Outcome::Refused | Outcome::Busy => Err(CommitError::Conflict),
        }
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Loaded>, StoreError> {
        heads::load(&self.readers, id).await
    }

    async fn head(&self, id: &TaskId) -> Result<Option<(Arc<Head>, Stamp)>, StoreError> {
        Ok(heads::heads(&self.readers, std::slice::from_ref(id)).await?.pop().flatten())
    }

    async fn stamps(&self, ids: &[TaskId]) -> Result<Vec<Option<Stamp>>, StoreError> {
        heads::stamps(&self.readers, ids).await
    }

    async fn events(&self, id: &TaskId, range: Range) -> Result<Page, StoreError> {
        page::read(&self.readers, id, range).await
    }

    async fn seek(&self, id: &TaskId, seek: Seek) -> Result<Option<u64>, StoreError> {
        seek::find(&self.readers, id, &seek).await
    }

    async fn list(&self, query: &TaskQuery) -> Result<Listing, StoreError> {
        list::read(&self.readers, query).await
    }

    async fn delete(&self, id: &TaskId, incarnation: u64) -> Result<bool, CommitError> {
        match long::delete(&self.readers, id, &[incarnation]).await? {
            Deleted::Done => Ok(true),
            Deleted::NotThere => Ok(false),
            Deleted::Other => Err(CommitError::Conflict),
        }
    }

    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: usize) -> Result<Vec<Due>, StoreError> {
        due::read(&self.readers, now, after, limit).await
    }

    /// Asks, and writes as well if the last write failed, so that a database that takes writes again is noticed.
    async fn health(&self) -> Result<(), StoreError> {
        health::check(&self.readers, self.failing.load(Ordering::Relaxed)).await
    }

    fn receipts(&self) -> &dyn Receipts {
        self
    }
}

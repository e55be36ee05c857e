//! The promises of the port, each handed to the side that keeps it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use taskcast_actors::domain::{Change, Head, Stamp, TaskId, Timestamp};
use taskcast_actors::ports::{
    CommitError, CreateError, Created, Due, Listing, Loaded, NewLog, Page, Range, Receipts, Seek, StoreError,
    TaskQuery, TaskStore,
};

use super::job::{Outcome, Work, WriteError};
use super::{SqliteStore, due, heads, list, page, seek};

impl From<WriteError> for CommitError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NotWritten(error) => Self::NotWritten(error),
            WriteError::Unknown(error) => Self::Unknown(error),
        }
    }
}

impl From<WriteError> for CreateError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NotWritten(error) => Self::NotWritten(error),
            WriteError::Unknown(error) => Self::Unknown(error),
        }
    }
}

#[async_trait]
impl TaskStore for SqliteStore {
    fn provider(&self) -> &'static str {
        "sqlite"
    }

    async fn create(&self, log: NewLog) -> Result<Created, CreateError> {
        match self.writer.run(Work::create(log)).await? {
            Outcome::Done { existed } => Ok(Created { replaced: existed }),
            Outcome::Refused => Err(CreateError::Exists),
        }
    }

    async fn commit(&self, change: Arc<Change>) -> Result<(), CommitError> {
        match self.writer.run(Work::commit(change)).await? {
            Outcome::Done { .. } => Ok(()),
            Outcome::Refused => Err(CommitError::Conflict),
        }
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Loaded>, StoreError> {
        let id = id.clone();
        self.readers.run(move |connection| heads::load(connection, &id)).await
    }

    async fn head(&self, id: &TaskId) -> Result<Option<(Arc<Head>, Stamp)>, StoreError> {
        let id = id.clone();
        self.readers.run(move |connection| heads::head(connection, &id)).await
    }

    async fn stamps(&self, ids: &[TaskId]) -> Result<Vec<Option<Stamp>>, StoreError> {
        let ids = ids.to_vec();
        self.readers.run(move |connection| heads::stamps(connection, &ids)).await
    }

    async fn events(&self, id: &TaskId, range: Range) -> Result<Page, StoreError> {
        let id = id.clone();
        self.readers.run(move |connection| page::read(connection, &id, range)).await
    }

    async fn seek(&self, id: &TaskId, seek: Seek) -> Result<Option<u64>, StoreError> {
        let id = id.clone();
        self.readers.run(move |connection| seek::find(connection, &id, &seek)).await
    }

    async fn list(&self, query: &TaskQuery) -> Result<Listing, StoreError> {
        let query = query.clone();
        self.readers.run(move |connection| list::read(connection, &query)).await
    }

    async fn delete(&self, id: &TaskId, incarnation: u64) -> Result<bool, CommitError> {
        match self.writer.run(Work::Delete { id: id.clone(), incarnation }).await? {
            Outcome::Done { existed } => Ok(existed),
            Outcome::Refused => Err(CommitError::Conflict),
        }
    }

    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: usize) -> Result<Vec<Due>, StoreError> {
        let after = after.cloned();
        self.readers.run(move |connection| due::read(connection, now, after.as_ref(), limit)).await
    }

    /// Reads, and writes as well if the last write failed, so that a disk that has space again is noticed.
    async fn health(&self) -> Result<(), StoreError> {
        self.readers.run(|connection| Ok(connection.query_row("SELECT 1", [], |_| Ok(()))?)).await?;
        if !self.failing.load(Ordering::Relaxed) {
            return Ok(());
        }
        match self.writer.run(Work::Probe).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.into_store_error()),
        }
    }

    fn receipts(&self) -> &dyn Receipts {
        self
    }
}

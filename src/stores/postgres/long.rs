//! Writes that may take long: logs that come with events, and deletions. They have a connection each, and while they
//! hold the row of a task the writer goes on with all others.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use taskcast_actors::domain::{Stamp, TaskId};
use taskcast_actors::ports::{CreateError, Created, NewLog};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error, IsolationLevel, Transaction};

use super::error::{of_postgres, timed_out};
use super::event_columns::{COPY, TYPES, copy};
use super::event_row::EventRow;
use super::flight::{self, BEGIN, CREATE, LOCK};
use super::head_row::{HeadColumns, HeadRow, Param, StampColumns};
use super::job::WriteError;
use super::readers::{Readers, discard};
use crate::stores::mark::Mark;

const DELETE: &str = include_str!("sql/delete.sql");

/// How long such a write may take, whatever settings say of statements.
pub(super) const PATIENT: &str = "SET LOCAL statement_timeout = '15min'";
pub(super) const PATIENCE: Duration = Duration::from_secs(15 * 60 + 5);

/// How often a log is created anew because somebody else created one under its id in the meantime.
const TRIES: usize = 5;

/// Why a log was not created.
enum Stopped {
    /// Somebody else created one meanwhile.
    Raced,
    /// There is one that may not be replaced.
    Exists,
    Failed(WriteError),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        match error.code() {
            Some(code) if *code == SqlState::UNIQUE_VIOLATION => Self::Raced,
            _ => Self::Failed(WriteError::NotWritten(of_postgres(&error))),
        }
    }
}

/// Creates a log with its events.
pub(super) async fn create(readers: &Readers, new: &NewLog) -> Result<Created, CreateError> {
    let head = HeadRow::of(&new.head);
    for _ in 0..TRIES {
        match attempt(readers, new, &head).await {
            Ok(replaced) => return Ok(Created { replaced }),
            Err(Stopped::Exists) => return Err(CreateError::Exists),
            Err(Stopped::Failed(error)) => return Err(error.into()),
            Err(Stopped::Raced) => {}
        }
    }
    Err(CreateError::NotWritten(timed_out("creating a log under an id that others create and delete")))
}

async fn attempt(readers: &Readers, new: &NewLog, head: &HeadRow) -> Result<bool, Stopped> {
    let failed = |error| Stopped::Failed(WriteError::NotWritten(error));
    let mut client = readers.connection().await.map_err(failed)?;
    let transaction = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
    let transaction = transaction.start().await?;
    transaction.batch_execute(PATIENT).await?;
    let old = transaction.query_opt(LOCK, &[&[head.id.as_str()].as_slice()]).await?;
    if old.is_some() {
        if !new.replace {
            return Err(Stopped::Exists);
        }
        clear(&transaction, &head.id).await?;
    }
    append(&transaction, new).await?;
    insert(&transaction, new, head).await?;
    transaction.commit().await.map_err(|error| Stopped::Failed(flight::at_commit(&error).into_error()))?;
    Ok(old.is_some())
}

/// Removes the old log, whose row is locked.
async fn clear(transaction: &Transaction<'_>, id: &str) -> Result<(), Error> {
    for sql in [
        "DELETE FROM taskcast_tasks WHERE id = $1",
        "DELETE FROM taskcast_checkpoints WHERE task_id = $1",
        "DELETE FROM taskcast_events WHERE task_id = $1",
    ] {
        transaction.execute(sql, &[&id]).await?;
    }
    Ok(())
}

async fn append(transaction: &Transaction<'_>, new: &NewLog) -> Result<(), Error> {
    if new.events.is_empty() {
        return Ok(());
    }
    let hidden: HashSet<u64> = new.hidden.iter().copied().collect();
    let mut stream = pin!(BinaryCopyInWriter::new(transaction.copy_in(COPY).await?, &TYPES));
    for event in &new.events {
        let mark = hidden.contains(&event.index).then_some(Mark::Hidden);
        let place = (event.task_id.as_str(), event.index);
        copy(stream.as_mut(), place, &EventRow::of(event, mark)).await?;
    }
    stream.finish().await?;
    Ok(())
}

/// The row comes last, so that nobody waits for it meanwhile.
async fn insert(transaction: &Transaction<'_>, new: &NewLog, head: &HeadRow) -> Result<(), Stopped> {
    let (mut heads, mut stamps) = (HeadColumns::default(), StampColumns::default());
    heads.push(&head.id, Some(head));
    stamps.push(Stamp { incarnation: new.incarnation, version: new.events.len() as u64, revision: 0 });
    let params: Vec<_> = heads.params().into_iter().chain(stamps.params()).collect();
    match transaction.query_opt(CREATE, &params).await? {
        Some(_) => Ok(()),
        None => Err(Stopped::Raced),
    }
}

/// What became of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deleted {
    Done,
    NotThere,
    /// Its log is another incarnation.
    Other,
}

/// Deletes the task `id` if its log is one of `incarnations`.
pub(super) async fn delete(
    readers: &Readers,
    id: &TaskId,
    incarnations: &[u64],
) -> Result<Deleted, WriteError> {
    let client = readers.connection().await.map_err(WriteError::NotWritten)?;
    match tokio::time::timeout(PATIENCE, delete_over(&client, id, incarnations)).await {
        Ok(answer) => answer,
        Err(_) => {
            discard(client);
            Err(WriteError::Unknown(timed_out("deleting")))
        }
    }
}

async fn delete_over(client: &Client, id: &TaskId, incarnations: &[u64]) -> Result<Deleted, WriteError> {
    let incarnations: Vec<i64> = incarnations.iter().copied().map(u64::cast_signed).collect();
    let id = id.as_str();
    let params: [Param<'_>; 2] = [&id, &incarnations];
    let begin = format!("{BEGIN}; {PATIENT}");
    let lock = "SELECT incarnation FROM taskcast_tasks WHERE id = $1 FOR UPDATE";
    let prepared = tokio::try_join!(client.prepare(lock), client.prepare(DELETE));
    let (lock, delete) = prepared.map_err(|error| WriteError::NotWritten(of_postgres(&error)))?;
    let (begun, found, deleted, committed) = tokio::join!(
        biased;
        client.batch_execute(&begin),
        client.query_opt(&lock, &params[..1]),
        client.execute(&delete, &params),
        client.batch_execute("COMMIT"),
    );
    begun.map_err(|error| flight::before_commit(&error).into_error())?;
    let found = found.map_err(|error| flight::before_commit(&error).into_error())?;
    deleted.map_err(|error| flight::before_commit(&error).into_error())?;
    committed.map_err(|error| flight::at_commit(&error).into_error())?;
    let Some(row) = found else { return Ok(Deleted::NotThere) };
    let found = row.try_get(0).map_err(|error| WriteError::Unknown(of_postgres(&error)))?;
    Ok(if incarnations.contains(&found) { Deleted::Done } else { Deleted::Other })
}

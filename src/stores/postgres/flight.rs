//! One transaction for many pieces of work, sent as a whole before any answer is awaited.
//!
//! Work that concerns logs is conditional inside the statements, so that a conflict aborts nobody else's. As `COMMIT` is
//! on its way from the beginning, a transaction is in doubt exactly if no statement of it was refused and the answer to
//! `COMMIT` is lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Client as Pooled;
use taskcast_actors::domain::{Change, Checkpoint, CheckpointChange, Stamp};
use tokio_postgres::{Client, Error, Row, Statement};

use super::error::{of_postgres, timed_out};
use super::event_columns::EventColumns;
use super::head_row::{HeadColumns, Param, StampColumns};
use super::job::{Outcome, Work, WriteError};
use super::marks::{self, MarkColumns};

pub(super) const CREATE: &str = include_str!("sql/create.sql");
pub(super) const ADVANCE: &str = include_str!("sql/advance.sql");
pub(super) const LOCK: &str = "SELECT id FROM taskcast_tasks WHERE id = ANY($1) ORDER BY id FOR UPDATE";
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// Why a transaction was not committed, or perhaps was.
#[derive(Debug)]
pub(super) enum Failed {
    /// The server refused what one piece of work wants.
    Working(WriteError),
    /// Nobody's fault.
    Together(WriteError),
    /// Nobody's fault, and the connection is of no use any more.
    Connection(WriteError),
}

impl Failed {
    pub(super) fn into_error(self) -> WriteError {
        match self {
            Self::Working(error) | Self::Together(error) | Self::Connection(error) => error,
        }
    }
}

/// The statements, as one connection knows them.
pub(super) struct Statements {
    pub(super) lock: Statement,
    pub(super) create: Statement,
    pub(super) advance: Statement,
}

impl Statements {
    pub(super) async fn prepare(client: &Client) -> Result<Self, Error> {
        let prepared =
            tokio::try_join!(client.prepare(LOCK), client.prepare(CREATE), client.prepare(ADVANCE));
        let (lock, create, advance) = prepared?;
        Ok(Self { lock, create, advance })
    }

    /// The same on a connection of the pool.
    pub(super) async fn prepare_cached(client: &Pooled) -> Result<Self, Error> {
        let lock = client.prepare_cached(LOCK).await?;
        let create = client.prepare_cached(CREATE).await?;
        let advance = client.prepare_cached(ADVANCE).await?;
        Ok(Self { lock, create, advance })
    }
}

/// How to write.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    /// Whether to wait for whoever is writing the tasks at the moment.
    pub(super) waiting: bool,
    /// How long the answers may take.
    pub(super) limit: Duration,
}

/// Does all of `works` in one transaction. Of each task there is at most one piece of work, and they come sorted by task.
pub(super) async fn fly(
    client: &Client,
    statements: &Statements,
    works: &[Arc<Work>],
    manner: Manner,
) -> Result<Vec<Outcome>, Failed> {
    let (creates, commits) = (Creates::of(works), Commits::of(works));
    let ids: Vec<&str> = works.iter().map(|work| work.id()).collect();
    let locks: Vec<Param<'_>> = if manner.waiting { vec![&ids] } else { Vec::new() };
    // Each future sends when it is polled first, so this is the order in which the server gets them.
    let flight = async {
        tokio::join!(
            biased;
            client.batch_execute(BEGIN),
            ask(client, &statements.lock, locks),
            ask(client, &statements.create, creates.params()),
            ask(client, &statements.advance, commits.params()),
            client.batch_execute("COMMIT"),
        )
    };
    let lost = |_| Failed::Connection(WriteError::Unknown(timed_out("a commit")));
    let answers = tokio::time::timeout(manner.limit, flight).await.map_err(lost)?;
    let (begun, locked, created, advanced, committed) = answers;
    begun.map_err(|error| before_commit(&error))?;
    locked.map_err(|error| before_commit(&error))?;
    let created = created.map_err(|error| before_commit(&error))?;
    let advanced = advanced.map_err(|error| before_commit(&error))?;
    committed.map_err(|error| at_commit(&error))?;
    let unreadable = |error| Failed::Together(WriteError::Unknown(of_postgres(&error)));
    outcomes(works, &created, &advanced).map_err(unreadable)
}

/// Asks, if there is something to ask.
pub(super) async fn ask(
    client: &Client,
    statement: &Statement,
    params: Vec<Param<'_>>,
) -> Result<Vec<Row>, Error> {
    if params.is_empty() { Ok(Vec::new()) } else { client.query(statement, &params).await }
}

/// What the failure of a statement before `COMMIT` means. What the server refuses takes the transaction with it; if no
/// answer came, `COMMIT` may have been executed. A server that takes no writes any more may have a successor.
pub(super) fn before_commit(error: &Error) -> Failed {
    let answer = of_postgres(error);
    match error.code().map(|code| &code.code()[..2]) {
        Some("22" | "23" | "54") => Failed::Working(WriteError::NotWritten(answer)),
        Some("08" | "25" | "57") => Failed::Connection(WriteError::NotWritten(answer)),
        Some(_) => Failed::Together(WriteError::NotWritten(answer)),
        None => Failed::Connection(WriteError::Unknown(answer)),
    }
}

/// What a failed `COMMIT` means. An operator who ends the connection may do so behind the commit.
pub(super) fn at_commit(error: &Error) -> Failed {
    let answer = of_postgres(error);
    match error.code().map(|code| &code.code()[..2]) {
        None | Some("08" | "57") => Failed::Connection(WriteError::Unknown(answer)),
        Some(_) => Failed::Together(WriteError::NotWritten(answer)),
    }
}

/// The logs to create.
#[derive(Default)]
struct Creates<'a> {
    heads: HeadColumns<'a>,
    stamps: StampColumns,
}

impl<'a> Creates<'a> {
    fn of(works: &'a [Arc<Work>]) -> Self {
        let mut creates = Self::default();
        for work in works {
            if let Work::Create { head, incarnation } = &**work {
                creates.heads.push(&head.id, Some(head));
                creates.stamps.push(Stamp { incarnation: *incarnation, version: 0, revision: 0 });
            }
        }
        creates
    }

    fn params(&self) -> Vec<Param<'_>> {
        if self.heads.is_empty() {
            return Vec::new();
        }
        self.heads.params().into_iter().chain(self.stamps.params()).collect()
    }
}

/// The changes to commit.
#[derive(Default)]
struct Commits<'a> {
    heads: HeadColumns<'a>,
    expected: StampColumns,
    next_version: Vec<i64>,
    next_revision: Vec<i64>,
    number: Vec<i32>,
    events: EventColumns<'a>,
    marks: MarkColumns<'a>,
    checkpoints: CheckpointColumns<'a>,
}

impl<'a> Commits<'a> {
    fn of(works: &'a [Arc<Work>]) -> Self {
        let mut commits = Self::default();
        for (number, work) in (0..).zip(works) {
            if let Work::Commit { head, change } = &**work {
                let (expected, next) = (change.expected, change.next_stamp());
                commits.heads.push(change.task_id.as_str(), head.as_ref());
                commits.expected.push(expected);
                commits.next_version.push(next.version.cast_signed());
                commits.next_revision.push(next.revision.cast_signed());
                commits.number.push(number);
                commits.push_events(number, change);
                match &change.checkpoint {
                    CheckpointChange::Keep => {}
                    CheckpointChange::Put(checkpoint) => {
                        commits.checkpoints.put(number, change.task_id.as_str(), checkpoint);
                    }
                    CheckpointChange::Remove => commits.checkpoints.remove(change.task_id.as_str()),
                }
            }
        }
        commits
    }

    fn push_events(&mut self, number: i32, change: &'a Change) {
        let marks = marks::of_change(change);
        for event in &change.events {
            self.events.push(number, event, marks.get(&event.index).copied());
        }
        for (index, mark) in marks.range(..change.expected.version) {
            self.marks.push(number, change.task_id.as_str(), *index, *mark);
        }
    }

    fn params(&self) -> Vec<Param<'_>> {
        if self.heads.is_empty() {
            return Vec::new();
        }
        let next: [Param<'_>; 3] = [&self.next_version, &self.next_revision, &self.number];
        let params = self.heads.params().into_iter().chain(self.expected.params()).chain(next);
        let params = params.chain(self.events.params()).chain(self.marks.params());
        params.chain(self.checkpoints.params()).collect()
    }
}

/// Checkpoints to put in their places, column by column, and the tasks whose checkpoint is to be removed.
#[derive(Default)]
pub(super) struct CheckpointColumns<'a> {
    number: Vec<i32>,
    task_id: Vec<&'a str>,
    version: Vec<i64>,
    bytes: Vec<&'a [u8]>,
    removed: Vec<&'a str>,
}

impl<'a> CheckpointColumns<'a> {
    pub(super) fn put(&mut self, number: i32, task_id: &'a str, checkpoint: &'a Checkpoint) {
        self.number.push(number);
        self.task_id.push(task_id);
        self.version.push(checkpoint.version.cast_signed());
        self.bytes.push(&checkpoint.bytes);
    }

    pub(super) fn remove(&mut self, task_id: &'a str) {
        self.removed.push(task_id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.number.is_empty() && self.removed.is_empty()
    }

    pub(super) fn params(&self) -> [Param<'_>; 5] {
        [&self.number, &self.task_id, &self.version, &self.bytes, &self.removed]
    }
}

/// What became of each piece of work, from what the two statements gave.
fn outcomes(works: &[Arc<Work>], created: &[Row], advanced: &[Row]) -> Result<Vec<Outcome>, Error> {
    let created: HashSet<&str> = created.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(works.len());
    for work in works {
        outcomes.push(match &**work {
            Work::Create { head, .. } if created.contains(&*head.id) => Outcome::Done,
            Work::Create { .. } => Outcome::Refused,
            Work::Commit { .. } => Outcome::Busy,
        });
    }
    for row in advanced {
        let (number, done): (i32, bool) = (row.try_get(0)?, row.try_get(1)?);
        if let Some(outcome) = usize::try_from(number).ok().and_then(|number| outcomes.get_mut(number)) {
            *outcome = if done { Outcome::Done } else { Outcome::Refused };
        }
    }
    Ok(outcomes)
}

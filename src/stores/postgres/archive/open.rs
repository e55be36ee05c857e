//! The first half of a transaction: the rows of the tasks are made or locked, and it is seen where the archive is.

use std::collections::{HashMap, HashSet};

use taskcast_actors::domain::Stamp;
use taskcast_actors::ports::StoreError;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Row};

use super::ArchivePiece;
use super::exclusive::Exclusive;
use super::judge::{Verdict, base, judge};
use crate::stores::postgres::error::of_postgres;
use crate::stores::postgres::flight::{BEGIN, CREATE, ask};
use crate::stores::postgres::head_row::{HeadColumns, HeadRow, StampColumns};
use crate::stores::postgres::heads::stamp_of;

const LOCK: &str = "SELECT incarnation, version, revision, id FROM taskcast_tasks WHERE id = ANY($1)
                    ORDER BY id FOR UPDATE";

/// Another archiver is soon done with its batch, but not with a backlog.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '1s'";

/// A piece and its head, encoded.
pub(super) struct Prepared<'a> {
    pub(super) piece: &'a ArchivePiece,
    pub(super) row: HeadRow,
}

/// Why a transaction was not committed, or perhaps was.
#[derive(Debug)]
pub(super) enum Stop {
    /// Somebody else holds the row of one of the tasks.
    Busy,
    /// The database refuses what one of the pieces holds.
    Refused(StoreError),
    /// The database does not work at present.
    Failed(StoreError),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        let answer = of_postgres(&error);
        match error.code() {
            Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => Self::Busy,
            Some(code) if ["22", "23", "54"].contains(&&code.code()[..2]) => Self::Refused(answer),
            _ => Self::Failed(answer),
        }
    }
}

/// Begins a transaction in which nobody else writes these tasks. The pieces come sorted, so that two archivers never
/// wait for each other in a circle: first come the new rows, then the old ones.
pub(super) async fn open(client: &Exclusive, pieces: &[&Prepared<'_>]) -> Result<Vec<Verdict>, Stop> {
    let (mut heads, mut stamps) = (HeadColumns::default(), StampColumns::default());
    for Prepared { piece, row } in pieces.iter().filter(|prepared| base(prepared.piece).is_none()) {
        heads.push(&row.id, Some(row));
        stamps.push(piece.stamp);
    }
    let new = heads.params().into_iter().chain(stamps.params()).collect();
    let new = if heads.is_empty() { Vec::new() } else { new };
    let ids: Vec<&str> = pieces.iter().map(|prepared| prepared.piece.id.as_str()).collect();
    let create = client.prepare_cached(CREATE).await?;
    let lock = client.prepare_cached(LOCK).await?;
    let begin = format!("{BEGIN}; {LOCK_TIMEOUT}");
    let (begun, inserted, locked) = tokio::join!(
        biased;
        client.batch_execute(&begin),
        ask(client, &create, new),
        ask(client, &lock, vec![&ids]),
    );
    begun?;
    Ok(verdicts(pieces, &inserted?, &locked?)?)
}

fn verdicts(pieces: &[&Prepared<'_>], inserted: &[Row], locked: &[Row]) -> Result<Vec<Verdict>, Error> {
    let inserted: HashSet<&str> = inserted.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let stored = |row| Ok::<(&str, Stamp), Error>((Row::try_get(row, 3)?, stamp_of(row)?));
    let stored: HashMap<&str, Stamp> = locked.iter().map(stored).collect::<Result<_, _>>()?;
    let verdict = |prepared: &&Prepared<'_>| match prepared.piece.id.as_str() {
        id if inserted.contains(id) => Verdict::Inserted,
        id => judge(prepared.piece, stored.get(id).copied()),
    };
    Ok(pieces.iter().map(verdict).collect())
}

//! One piece in many parts, for a log too large to be held in memory.

use std::time::Duration;

use taskcast_actors::ports::StoreError;

use super::batch::{incomplete, outcome};
use super::exclusive::Exclusive;
use super::fill::Filling;
use super::open::{Prepared, Stop, open};
use super::{ArchiveOutcome, ArchivePiece, SlotState};
use crate::stores::postgres::error::{of_postgres, timed_out};
use crate::stores::postgres::head_row::HeadRow;
use crate::stores::postgres::long::PATIENCE;
use crate::stores::postgres::readers::Readers;

/// How a piece that comes in parts begins.
pub enum Begun {
    /// The archive waits for its slots.
    Writing(Box<PieceWriter>),
    /// There is nothing to be written.
    Settled(ArchiveOutcome),
}

/// A piece on its way into the archive. Dropping it writes nothing. It must not rest for longer than a minute.
pub struct PieceWriter {
    client: Exclusive,
    id: String,
    /// The first index that the archive did not have.
    from: u64,
    /// The index that comes next.
    next: u64,
    end: u64,
    limit: Duration,
}

/// Begins to write `piece`.
pub(super) async fn begin(readers: &Readers, piece: &ArchivePiece) -> Result<Begun, StoreError> {
    let prepared = Prepared { piece, row: HeadRow::of(&piece.head) };
    let client = Exclusive::take(readers).await?;
    let opened = tokio::time::timeout(readers.limit, open(&client, &[&prepared])).await;
    let verdict = match opened.map_err(|_| timed_out("archiving"))? {
        Ok(verdicts) => verdicts.first().copied(),
        Err(stop) => {
            client.abandon(readers.limit).await;
            return settled(stop);
        }
    };
    let verdict = verdict.ok_or_else(incomplete)?;
    let Some(from) = verdict.from() else {
        client.abandon(readers.limit).await;
        return Ok(Begun::Settled(outcome(verdict)));
    };
    let id = piece.id.as_str().to_owned();
    let start = ArchivePiece { slots: Vec::new(), ..piece.clone() };
    let start = Prepared { piece: &start, row: prepared.row };
    let mut filling = Filling::default();
    filling.push(&start, verdict);
    write(&client, &filling, PATIENCE).await?;
    let mut writer =
        PieceWriter { client, id, from, next: from, end: piece.stamp.version, limit: readers.limit };
    writer.append(&piece.slots).await?;
    Ok(Begun::Writing(Box::new(writer)))
}

fn settled(stop: Stop) -> Result<Begun, StoreError> {
    match stop {
        Stop::Busy => Ok(Begun::Settled(ArchiveOutcome::Busy)),
        Stop::Refused(error) => Ok(Begun::Settled(ArchiveOutcome::Refused(error))),
        Stop::Failed(error) => Err(error),
    }
}

impl PieceWriter {
    /// Writes the next slots. Those that the archive lacks follow each other without a hole; older ones may stand
    /// anywhere.
    ///
    /// # Errors
    /// When a slot is left out or the database does not work at present. Then the piece has to be begun again.
    pub async fn append(&mut self, slots: &[(u64, SlotState)]) -> Result<(), StoreError> {
        for (index, state) in slots.iter().filter(|(index, _)| *index >= self.from) {
            if *index != self.next || matches!(state, SlotState::Marked(_)) {
                return Err(incomplete());
            }
            self.next += 1;
        }
        let mut filling = Filling::default();
        filling.push_slots(&self.id, self.from, slots);
        write(&self.client, &filling, self.limit).await
    }

    /// Makes it all visible at once.
    ///
    /// # Errors
    /// When slots are missing or the database does not work at present. It may have been written; begin again.
    pub async fn finish(self) -> Result<ArchiveOutcome, StoreError> {
        if self.next != self.end {
            return Err(incomplete());
        }
        let committed = tokio::time::timeout(self.limit, self.client.batch_execute("COMMIT")).await;
        committed.map_err(|_| timed_out("archiving"))?.map_err(|error| of_postgres(&error))?;
        self.client.release();
        Ok(ArchiveOutcome::Done)
    }
}

async fn write(client: &Exclusive, filling: &Filling<'_>, limit: Duration) -> Result<(), StoreError> {
    let written = tokio::time::timeout(limit, filling.write(client, "")).await;
    written.map_err(|_| timed_out("archiving"))?.map_err(|error| of_postgres(&error))
}

//! Many pieces in one transaction.

use std::collections::HashSet;
use std::time::Duration;

use taskcast_actors::ports::StoreError;

use super::exclusive::Exclusive;
use super::fill::Filling;
use super::judge::{Verdict, is_whole};
use super::open::{Prepared, Stop, open};
use super::{ArchiveOutcome, ArchivePiece};
use crate::stores::postgres::error::timed_out;
use crate::stores::postgres::head_row::HeadRow;
use crate::stores::postgres::long::PATIENCE;
use crate::stores::postgres::readers::Readers;

/// Writes `batch`; the answers are in its order.
pub(super) async fn write(
    readers: &Readers,
    batch: &[ArchivePiece],
) -> Result<Vec<ArchiveOutcome>, StoreError> {
    let prepared: Vec<_> =
        batch.iter().map(|piece| Prepared { piece, row: HeadRow::of(&piece.head) }).collect();
    let mut outcomes = vec![ArchiveOutcome::Busy; batch.len()];
    let mut parts = vec![candidates(batch, &mut outcomes)];
    while let Some(mut part) = parts.pop().filter(|part| !part.is_empty()) {
        let pieces: Vec<_> = part.iter().map(|place| &prepared[*place]).collect();
        match transaction(readers, &pieces).await {
            Ok(verdicts) => {
                part.iter().zip(verdicts).for_each(|(place, verdict)| outcomes[*place] = outcome(verdict));
            }
            Err(Stop::Failed(error)) => return Err(error),
            Err(_) if part.len() > 1 => {
                parts.push(part.split_off(part.len() / 2));
                parts.push(part);
            }
            Err(Stop::Busy) => {}
            Err(Stop::Refused(error)) => {
                part.iter().for_each(|place| outcomes[*place] = ArchiveOutcome::Refused(error.clone()));
            }
        }
    }
    Ok(outcomes)
}

/// The places of the pieces that may be written together, sorted by task.
fn candidates(batch: &[ArchivePiece], outcomes: &mut [ArchiveOutcome]) -> Vec<usize> {
    let mut seen = HashSet::new();
    let mut places = Vec::with_capacity(batch.len());
    for (place, piece) in batch.iter().enumerate() {
        if !is_whole(piece) {
            outcomes[place] = ArchiveOutcome::Refused(incomplete());
        } else if seen.insert(&piece.id) {
            places.push(place);
        }
    }
    places.sort_by(|a, b| batch[*a].id.cmp(&batch[*b].id));
    places
}

pub(super) fn incomplete() -> StoreError {
    StoreError::Corrupt("a piece of a log leaves out events".into())
}

pub(super) fn outcome(verdict: Verdict) -> ArchiveOutcome {
    match verdict {
        Verdict::Inserted | Verdict::Extend(_) | Verdict::Replace | Verdict::Nothing => ArchiveOutcome::Done,
        Verdict::Diverged(stored) => ArchiveOutcome::Diverged { stored },
    }
}

async fn transaction(readers: &Readers, pieces: &[&Prepared<'_>]) -> Result<Vec<Verdict>, Stop> {
    let client = Exclusive::take(readers).await.map_err(Stop::Failed)?;
    let written = write_over(&client, pieces, readers.limit).await;
    match &written {
        Ok(_) => client.release(),
        Err(_) => client.abandon(readers.limit).await,
    }
    written
}

async fn write_over(
    client: &Exclusive,
    pieces: &[&Prepared<'_>],
    limit: Duration,
) -> Result<Vec<Verdict>, Stop> {
    let late = |_| Stop::Failed(timed_out("archiving"));
    let verdicts = tokio::time::timeout(limit, open(client, pieces)).await.map_err(late)??;
    let mut filling = Filling::default();
    for (prepared, verdict) in pieces.iter().zip(&verdicts) {
        filling.push(prepared, *verdict);
    }
    let limit = if verdicts.contains(&Verdict::Replace) { PATIENCE } else { limit };
    tokio::time::timeout(limit, filling.write(client, "COMMIT")).await.map_err(late)??;
    Ok(verdicts)
}

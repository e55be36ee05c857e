//! The second half of a transaction: what the archive lacks is written.

use deadpool_postgres::Client;
use tokio_postgres::{Error, Statement};

use super::judge::Verdict;
use super::open::Prepared;
use super::{GoneSlot, SlotState};
use crate::stores::mark::Mark;
use crate::stores::postgres::event_columns::EventColumns;
use crate::stores::postgres::event_row::{EventRow, IdText};
use crate::stores::postgres::flight::{CheckpointColumns, ask};
use crate::stores::postgres::head_row::{HeadColumns, Param, StampColumns};
use crate::stores::postgres::long::PATIENT;
use crate::stores::postgres::marks::MarkColumns;

const MOVE: &str = include_str!("../sql/archive_move.sql");
const EVENTS: &str = include_str!("../sql/archive_events.sql");
const MARKS: &str = include_str!("../sql/archive_marks.sql");
const CHECKPOINTS: &str = include_str!("../sql/archive_checkpoints.sql");
const CLEAR: &str = "DELETE FROM taskcast_events WHERE task_id = ANY($1)";

/// The mode of what is left of a member of a series: any that merges says that it was one.
const MERGING: &str = "latest";

/// What is to be written.
#[derive(Default)]
pub(super) struct Filling<'a> {
    heads: HeadColumns<'a>,
    stamps: StampColumns,
    checkpoints: CheckpointColumns<'a>,
    replaced: Vec<&'a str>,
    events: EventColumns<'a>,
    marks: MarkColumns<'a>,
}

impl<'a> Filling<'a> {
    /// Adds what `verdict` says is to be done with the piece.
    pub(super) fn push(&mut self, prepared: &'a Prepared<'a>, verdict: Verdict) {
        let Some(from) = verdict.from() else { return };
        let (id, piece) = (prepared.piece.id.as_str(), prepared.piece);
        if verdict != Verdict::Inserted {
            self.heads.push(id, Some(&prepared.row));
            self.stamps.push(piece.stamp);
        }
        if verdict == Verdict::Replace {
            self.replaced.push(id);
        }
        match &piece.checkpoint {
            Some(checkpoint) => self.checkpoints.put(0, id, checkpoint),
            None => self.checkpoints.remove(id),
        }
        self.push_slots(id, from, &piece.slots);
    }

    /// Adds slots of a log that the archive has up to `from`.
    pub(super) fn push_slots(&mut self, id: &'a str, from: u64, slots: &'a [(u64, SlotState)]) {
        for (index, state) in slots {
            if *index < from {
                let mark = mark_of(state).into_iter();
                mark.for_each(|mark| self.marks.push(0, id, *index, mark));
            } else if let Some(row) = row_of(state) {
                self.events.push_row(0, (id, *index), row);
            }
        }
    }

    /// Writes all of it, and `last` behind it, without waiting in between.
    pub(super) async fn write(&self, client: &Client, last: &str) -> Result<(), Error> {
        let statements = Statements::prepare(client).await?;
        let patient = if self.replaced.is_empty() { "" } else { PATIENT };
        let moves = self.heads.params().into_iter().chain(self.stamps.params()).collect();
        let moves = if self.heads.is_empty() { Vec::new() } else { moves };
        let (patient, cleared, moved, events, marks, checkpoints, done) = tokio::join!(
            biased;
            client.batch_execute(patient),
            ask(client, &statements.clear, unless(self.replaced.is_empty(), [&self.replaced])),
            ask(client, &statements.moves, moves),
            ask(client, &statements.events, unless(self.events.is_empty(), self.events.params())),
            ask(client, &statements.marks, unless(self.marks.is_empty(), self.marks.params())),
            ask(client, &statements.checkpoints, unless(self.checkpoints.is_empty(), self.checkpoints.params())),
            client.batch_execute(last),
        );
        patient?;
        for answer in [cleared, moved, events, marks, checkpoints] {
            answer?;
        }
        done
    }
}

fn unless<'p, const N: usize>(nothing: bool, params: [Param<'p>; N]) -> Vec<Param<'p>> {
    if nothing { Vec::new() } else { params.into() }
}

struct Statements {
    clear: Statement,
    moves: Statement,
    events: Statement,
    marks: Statement,
    checkpoints: Statement,
}

impl Statements {
    async fn prepare(client: &Client) -> Result<Self, Error> {
        Ok(Self {
            clear: client.prepare_cached(CLEAR).await?,
            moves: client.prepare_cached(MOVE).await?,
            events: client.prepare_cached(EVENTS).await?,
            marks: client.prepare_cached(MARKS).await?,
            checkpoints: client.prepare_cached(CHECKPOINTS).await?,
        })
    }
}

/// What happened to an event that the archive has.
fn mark_of(state: &SlotState) -> Option<Mark> {
    match state {
        SlotState::Visible(_) => None,
        SlotState::Hidden(_) => Some(Mark::Hidden),
        SlotState::Gone(GoneSlot { series: Some(_), .. }) => Some(Mark::Dropped),
        SlotState::Gone(GoneSlot { series: None, .. }) => Some(Mark::Erased),
        SlotState::Marked(mark) => Some(*mark),
    }
}

/// The row of an event that the archive does not have.
fn row_of(state: &SlotState) -> Option<EventRow<'_>> {
    match state {
        SlotState::Visible(event) => Some(EventRow::of(event, None)),
        SlotState::Hidden(event) => Some(EventRow::of(event, Some(Mark::Hidden))),
        SlotState::Gone(gone) => Some(row_of_gone(gone)),
        SlotState::Marked(_) => None,
    }
}

fn row_of_gone(gone: &GoneSlot) -> EventRow<'_> {
    EventRow {
        id: IdText(&gone.id),
        ts: gone.timestamp.0,
        event_type: &gone.event_type,
        level: gone.level.as_str(),
        series: gone.series.as_deref(),
        mode: gone.series.as_ref().map(|_| MERGING),
        field: None,
        client: None,
        seq: None,
        snapshot: false,
        hidden: false,
        bytes: 0,
        data: None,
    }
}

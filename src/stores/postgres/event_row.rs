//! How an event becomes a row, and back.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;

use bytes::BytesMut;
use taskcast_actors::domain::{
    ClientSeq, EventId, Json, Level, Series, SeriesMode, TaskEvent, TaskId, Timestamp,
};
use taskcast_actors::ports::Slot;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::error::{Failure, corrupt};
use super::json::JsonText;
use crate::stores::mark::Mark;

/// An event id as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdText<'a>(pub(super) &'a EventId);

impl ToSql for IdText<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.0 {
            EventId::Ulid(ulid) => {
                let mut buffer = [0; ulid::ULID_LEN];
                out.extend_from_slice(ulid.array_to_str(&mut buffer).as_bytes());
            }
            EventId::Foreign(text) => out.extend_from_slice(text.as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TEXT
    }

    to_sql_checked!();
}

/// The columns of an event beside its task and its index.
pub(super) struct EventRow<'a> {
    pub(super) id: IdText<'a>,
    pub(super) ts: i64,
    pub(super) event_type: &'a str,
    pub(super) level: &'static str,
    pub(super) series: Option<&'a str>,
    pub(super) mode: Option<&'static str>,
    pub(super) field: Option<&'a str>,
    pub(super) client: Option<&'a str>,
    pub(super) seq: Option<i64>,
    pub(super) snapshot: bool,
    pub(super) hidden: bool,
    pub(super) bytes: i32,
    pub(super) data: Option<JsonText<'a>>,
}

impl<'a> EventRow<'a> {
    /// The row of `event` once `mark` has happened to it.
    pub(super) fn of(event: &'a TaskEvent, mark: Option<Mark>) -> Self {
        let series = event.series.as_deref().filter(|_| mark != Some(Mark::Erased));
        let gone = mark.is_some_and(|mark| mark >= Mark::Dropped);
        let client = event.client.as_deref().filter(|_| !gone);
        let data = event.data.as_str();
        Self {
            id: IdText(&event.id),
            ts: event.timestamp.0,
            event_type: &event.event_type,
            level: event.level.as_str(),
            series: series.and_then(|series| series.id.as_deref()),
            mode: series.and_then(|series| series.mode).map(SeriesMode::as_str),
            field: series.and_then(|series| series.acc_field.as_deref()).filter(|_| !gone),
            client: client.map(|client| &*client.id),
            seq: client.map(|client| client.seq.cast_signed()),
            snapshot: event.snapshot,
            hidden: mark == Some(Mark::Hidden),
            bytes: if gone { 0 } else { i32::try_from(data.len()).unwrap_or(i32::MAX) },
            data: (!gone).then_some(JsonText(data)),
        }
    }
}

/// Reads rows of one log; texts that repeat are shared.
pub(super) struct RowReader<'a> {
    task_id: &'a TaskId,
    texts: HashSet<Arc<str>>,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(task_id: &'a TaskId) -> Self {
        Self { task_id, texts: HashSet::new() }
    }

    /// The slot in `row`, which is one of `page.sql`.
    pub(super) fn slot(&mut self, row: &Row) -> Result<Slot, Failure> {
        let payload: Option<JsonText<'_>> = row.try_get(14)?;
        let Some(payload) = payload else { return self.gone(row) };
        let event = Arc::new(self.event(row, payload.0)?);
        Ok(if row.try_get(13)? { Slot::Hidden(event) } else { Slot::Visible(event) })
    }

    fn gone(&mut self, row: &Row) -> Result<Slot, Failure> {
        let mode = mode_of(row)?;
        let merges = !matches!(mode, None | Some(SeriesMode::KeepAll));
        let series = self.optional_text(row, 7)?.filter(|id| merges && !id.is_empty());
        Ok(Slot::Gone {
            index: index_of(row)?,
            id: id_of(row)?,
            timestamp: Timestamp(row.try_get(4)?),
            event_type: self.text(row, 5)?,
            level: level_of(row)?,
            series,
        })
    }

    fn event(&mut self, row: &Row, payload: &str) -> Result<TaskEvent, Failure> {
        let series = Series {
            id: self.optional_text(row, 7)?,
            mode: mode_of(row)?,
            acc_field: self.optional_text(row, 9)?,
        };
        let client = match (self.optional_text(row, 10)?, row.try_get::<_, Option<i64>>(11)?) {
            (Some(id), Some(seq)) => Some(Box::new(ClientSeq { id, seq: seq.cast_unsigned() })),
            _ => None,
        };
        Ok(TaskEvent {
            id: id_of(row)?,
            task_id: self.task_id.clone(),
            index: index_of(row)?,
            timestamp: Timestamp(row.try_get(4)?),
            event_type: self.text(row, 5)?,
            level: level_of(row)?,
            data: Json::from_stored(payload).map_err(corrupt)?,
            series: (series != Series::default()).then(|| Box::new(series)),
            client,
            snapshot: row.try_get(12)?,
        })
    }

    fn text(&mut self, row: &Row, column: usize) -> Result<Arc<str>, Failure> {
        self.optional_text(row, column)?.ok_or_else(|| corrupt("a text is missing"))
    }

    fn optional_text(&mut self, row: &Row, column: usize) -> Result<Option<Arc<str>>, Failure> {
        let text: Option<&str> = row.try_get(column)?;
        Ok(text.map(|text| self.shared(text)))
    }

    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }
}

fn index_of(row: &Row) -> Result<u64, Failure> {
    Ok(row.try_get::<_, i64>(2)?.cast_unsigned())
}

fn id_of(row: &Row) -> Result<EventId, Failure> {
    Ok(EventId::from_text(row.try_get(3)?))
}

fn level_of(row: &Row) -> Result<Level, Failure> {
    Level::parse(row.try_get(6)?).ok_or_else(|| corrupt("unknown level"))
}

fn mode_of(row: &Row) -> Result<Option<SeriesMode>, Failure> {
    let name: Option<&str> = row.try_get(8)?;
    name.map(|name| SeriesMode::parse(name).ok_or_else(|| corrupt("unknown series mode"))).transpose()
}

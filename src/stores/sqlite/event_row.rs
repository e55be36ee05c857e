//! How an event becomes a row, and back.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Row, params};
use taskcast_actors::domain::{
    ClientSeq, EventId, Json, Level, Series, SeriesMode, TaskEvent, TaskId, Timestamp,
};
use taskcast_actors::ports::Slot;
use ulid::Ulid;

use super::error::{ReadError, corrupt};

/// Appends `events` to the log `log`.
pub(super) fn insert_all(
    connection: &Connection,
    log: i64,
    events: &[Arc<TaskEvent>],
) -> rusqlite::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(
        "INSERT INTO events (place, id, ts, type, level, series, mode, field, client, seq, snapshot, hidden, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, ?12)",
    )?;
    events.iter().try_for_each(|event| insert(&mut statement, log, event))
}

fn insert(statement: &mut CachedStatement<'_>, log: i64, event: &TaskEvent) -> rusqlite::Result<()> {
    let series = event.series.as_deref();
    let client = event.client.as_deref();
    let mut bytes = [0; 16];
    statement.execute(params![
        (log << 32) + event.index.cast_signed(),
        id_column(&event.id, &mut bytes),
        event.timestamp.0,
        event.event_type,
        event.level.as_str(),
        series.and_then(|series| series.id.as_deref()),
        series.and_then(|series| series.mode).map(SeriesMode::as_str),
        series.and_then(|series| series.acc_field.as_deref()),
        client.map(|client| &*client.id),
        client.map(|client| client.seq.cast_signed()),
        event.snapshot,
        event.data.as_str(),
    ])?;
    Ok(())
}

/// An event id as it is stored: 16 bytes or a text.
pub(super) fn id_column<'a>(id: &'a EventId, bytes: &'a mut [u8; 16]) -> ToSqlOutput<'a> {
    ToSqlOutput::Borrowed(match id {
        EventId::Ulid(ulid) => {
            *bytes = ulid.to_bytes();
            ValueRef::Blob(bytes)
        }
        EventId::Foreign(text) => ValueRef::Text(text.as_bytes()),
    })
}

/// The columns that [`RowReader`] reads, with the payload as the last one.
pub(super) const COLUMNS: &str =
    "place & 4294967295, id, ts, type, level, series, mode, field, client, seq, snapshot, hidden";

/// Reads rows of one log; texts that repeat are shared.
pub(super) struct RowReader<'a> {
    task_id: &'a TaskId,
    texts: HashSet<Arc<str>>,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(task_id: &'a TaskId) -> Self {
        Self { task_id, texts: HashSet::new() }
    }

    /// The slot in `row`, which begins with [`COLUMNS`] and ends with the payload, and the length of its payload.
    pub(super) fn slot(&mut self, row: &Row<'_>) -> Result<(Slot, usize), ReadError> {
        let payload: Option<String> = row.get(12)?;
        let Some(payload) = payload else { return Ok((self.gone(row)?, 0)) };
        let bytes = payload.len();
        let event = Arc::new(self.event(row, payload)?);
        let hidden: bool = row.get(11)?;
        Ok((if hidden { Slot::Hidden(event) } else { Slot::Visible(event) }, bytes))
    }

    fn gone(&mut self, row: &Row<'_>) -> Result<Slot, ReadError> {
        let mode = mode_of(row)?;
        let merges = !matches!(mode, None | Some(SeriesMode::KeepAll));
        let series = self.optional_text(row, 5)?.filter(|id| merges && !id.is_empty());
        Ok(Slot::Gone {
            index: index_of(row)?,
            id: id_of(row)?,
            timestamp: Timestamp(row.get(2)?),
            event_type: self.text(row, 3)?,
            level: level_of(row)?,
            series,
        })
    }

    fn event(&mut self, row: &Row<'_>, payload: String) -> Result<TaskEvent, ReadError> {
        let series = Series {
            id: self.optional_text(row, 5)?,
            mode: mode_of(row)?,
            acc_field: self.optional_text(row, 7)?,
        };
        let client = match (self.optional_text(row, 8)?, row.get::<_, Option<i64>>(9)?) {
            (Some(id), Some(seq)) => Some(Box::new(ClientSeq { id, seq: seq.cast_unsigned() })),
            _ => None,
        };
        Ok(TaskEvent {
            id: id_of(row)?,
            task_id: self.task_id.clone(),
            index: index_of(row)?,
            timestamp: Timestamp(row.get(2)?),
            event_type: self.text(row, 3)?,
            level: level_of(row)?,
            data: Json::from_stored(&payload).map_err(corrupt)?,
            series: (series != Series::default()).then(|| Box::new(series)),
            client,
            snapshot: row.get(10)?,
        })
    }

    fn text(&mut self, row: &Row<'_>, column: usize) -> Result<Arc<str>, ReadError> {
        self.optional_text(row, column)?.ok_or_else(|| corrupt("a text is missing"))
    }

    fn optional_text(&mut self, row: &Row<'_>, column: usize) -> Result<Option<Arc<str>>, ReadError> {
        let text = row.get_ref(column)?.as_str_or_null().map_err(corrupt)?;
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

fn index_of(row: &Row<'_>) -> Result<u64, ReadError> {
    Ok(row.get::<_, i64>(0)?.cast_unsigned())
}

fn level_of(row: &Row<'_>) -> Result<Level, ReadError> {
    Level::parse(row.get_ref(4)?.as_str().map_err(corrupt)?).ok_or_else(|| corrupt("unknown level"))
}

fn mode_of(row: &Row<'_>) -> Result<Option<SeriesMode>, ReadError> {
    let name = row.get_ref(6)?.as_str_or_null().map_err(corrupt)?;
    name.map(|name| SeriesMode::parse(name).ok_or_else(|| corrupt("unknown series mode"))).transpose()
}

fn id_of(row: &Row<'_>) -> Result<EventId, ReadError> {
    match row.get_ref(1)? {
        ValueRef::Blob(bytes) => {
            let bytes = <[u8; 16]>::try_from(bytes).map_err(corrupt)?;
            Ok(EventId::Ulid(Ulid::from_bytes(bytes)))
        }
        other => Ok(EventId::Foreign(other.as_str().map_err(corrupt)?.into())),
    }
}

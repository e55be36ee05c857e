//! Finding an index in a log.

use rusqlite::{Connection, OptionalExtension as _, params};
use taskcast_actors::domain::{EventId, TaskId, Timestamp};
use taskcast_actors::ports::Seek;

use super::error::ReadError;
use super::event_row::id_column;

/// A log to look in.
struct Place {
    log: i64,
    version: i64,
    /// Imported logs may hold any ids and times; in all others both say where an event is.
    imported: bool,
}

/// The index that `seek` asks for.
pub(super) fn find(connection: &mut Connection, id: &TaskId, seek: &Seek) -> Result<Option<u64>, ReadError> {
    let snapshot = connection.transaction()?;
    let sql = "SELECT log, version, imported FROM tasks WHERE id = ?1";
    let place = snapshot.prepare_cached(sql)?.query_row(params![id.as_str()], |row| {
        Ok(Place { log: row.get(0)?, version: row.get(1)?, imported: row.get(2)? })
    });
    let Some(place) = place.optional()? else { return Ok(None) };
    let index = match seek {
        Seek::Id(id) => by_id(&snapshot, &place, id)?,
        Seek::After(at) => Some(first_later_than(&snapshot, &place, *at)?),
    };
    Ok(index.map(i64::cast_unsigned))
}

fn by_id(snapshot: &Connection, place: &Place, id: &EventId) -> Result<Option<i64>, ReadError> {
    let mut bytes = [0; 16];
    let id_value = id_column(id, &mut bytes);
    if let Some(hint) = id.index_hint() {
        let sql = "SELECT 1 FROM events WHERE place = (?1 << 32) + ?2 AND id = ?3";
        if snapshot.prepare_cached(sql)?.exists(params![place.log, hint.cast_signed(), id_value])? {
            return Ok(Some(hint.cast_signed()));
        }
    }
    if !place.imported {
        return Ok(None);
    }
    let sql = "SELECT place & 4294967295 FROM events
               WHERE place >= ?1 << 32 AND place < (?1 + 1) << 32 AND id = ?2 ORDER BY place LIMIT 1";
    let index = snapshot.prepare_cached(sql)?.query_row(params![place.log, id_value], |row| row.get(0));
    Ok(index.optional()?)
}

fn first_later_than(snapshot: &Connection, place: &Place, at: Timestamp) -> Result<i64, ReadError> {
    if place.imported {
        let sql = "SELECT place & 4294967295 FROM events
                   WHERE place >= ?1 << 32 AND place < (?1 + 1) << 32 AND ts > ?2 ORDER BY place LIMIT 1";
        let index = snapshot.prepare_cached(sql)?.query_row(params![place.log, at.0], |row| row.get(0));
        return Ok(index.optional()?.unwrap_or(place.version));
    }
    let mut probe = snapshot.prepare_cached("SELECT ts FROM events WHERE place = (?1 << 32) + ?2")?;
    let (mut low, mut high) = (0, place.version);
    while low < high {
        let middle = low + (high - low) / 2;
        let timestamp: i64 = probe.query_row(params![place.log, middle], |row| row.get(0))?;
        if timestamp <= at.0 { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

//! Reading a piece of a log.

use rusqlite::{Connection, params};
use taskcast_actors::domain::TaskId;
use taskcast_actors::ports::{Page, Range, StoreError};

use super::error::{ReadError, corrupt};
use super::event_row::{COLUMNS, RowReader};
use super::write;

/// The next page of the log of `id`.
pub(super) fn read(connection: &mut Connection, id: &TaskId, range: Range) -> Result<Page, ReadError> {
    let snapshot = connection.transaction()?;
    let nothing = Page { slots: Vec::new(), next: range.from };
    let Some((log, stamp)) = write::find(&snapshot, id.as_str())? else {
        return if range.incarnation.is_some() { Err(StoreError::Gone.into()) } else { Ok(nothing) };
    };
    if range.incarnation.is_some_and(|wanted| wanted != stamp.incarnation) {
        return Err(StoreError::Gone.into());
    }
    let range = Range { to: range.to.min(stamp.version), ..range };
    if range.from >= range.to { Ok(nothing) } else { slots(&snapshot, (id, log), range) }
}

/// The slots of a range that the log has.
fn slots(snapshot: &Connection, (id, log): (&TaskId, i64), range: Range) -> Result<Page, ReadError> {
    let wanted = (range.max_slots.max(1) as u64).min(range.to - range.from) as usize;
    let mut statement = snapshot.prepare_cached(&sql())?;
    let (from, to) = (range.from.cast_signed(), range.to.cast_signed());
    let mut rows = statement.query(params![log, from, to, range.deltas])?;
    let mut reader = RowReader::new(id);
    let mut page = Page { slots: Vec::new(), next: range.from };
    let mut bytes = 0;
    while page.slots.len() < wanted && (page.slots.is_empty() || bytes < range.max_bytes) {
        let row = rows.next()?.ok_or_else(|| corrupt("an event is missing"))?;
        let (slot, payload) = reader.slot(row)?;
        if slot.index() != page.next {
            return Err(corrupt("an event is missing"));
        }
        bytes += payload;
        page.slots.push(slot);
        page.next += 1;
    }
    Ok(page)
}

/// The payload stands in a `CASE`, so that one that is not wanted is not even read from the file.
fn sql() -> String {
    format!(
        "SELECT {COLUMNS},
             CASE WHEN ?4 OR mode IS NOT 'accumulate' OR series IS NULL OR series = '' THEN data END
         FROM events WHERE place >= (?1 << 32) + ?2 AND place < (?1 << 32) + ?3 ORDER BY place"
    )
}

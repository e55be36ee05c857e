//! Reading a piece of a log.

use taskcast_actors::domain::TaskId;
use taskcast_actors::ports::{Page, Range, StoreError};
use tokio_postgres::Row;

use super::error::{Failure, corrupt};
use super::event_row::RowReader;
use super::readers::Readers;

const PAGE: &str = include_str!("sql/page.sql");

/// The next page of the log of `id`.
pub(super) async fn read(readers: &Readers, id: &TaskId, range: Range) -> Result<Page, StoreError> {
    let incarnation = range.incarnation.map(u64::cast_signed);
    let (from, to) = (bounded(range.from), bounded(range.to.max(range.from)));
    let slots = bounded(range.max_slots.max(1) as u64);
    let bytes = bounded(range.max_bytes as u64);
    let rows =
        readers.query(PAGE, &[&id.as_str(), &incarnation, &from, &to, &slots, &range.deltas, &bytes]).await?;
    let found = rows.first().map(|row| row.try_get::<_, i64>(0).map(i64::cast_unsigned));
    let found = found.transpose().map_err(Failure::from)?;
    if range.incarnation.is_some() && range.incarnation != found {
        return Err(StoreError::Gone);
    }
    Ok(page(id, range.from, &rows)?)
}

/// Numbers that no log reaches.
fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn page(id: &TaskId, from: u64, rows: &[Row]) -> Result<Page, Failure> {
    let mut reader = RowReader::new(id);
    let mut page = Page { slots: Vec::with_capacity(rows.len()), next: from };
    for row in rows {
        if row.try_get::<_, Option<i64>>(2)?.is_none() {
            break;
        }
        let slot = reader.slot(row)?;
        if slot.index() != page.next {
            return Err(corrupt("an event is missing"));
        }
        page.slots.push(slot);
        page.next += 1;
    }
    Ok(page)
}

//! Finding an index in a log.

use taskcast_actors::domain::TaskId;
use taskcast_actors::ports::{Seek, StoreError};

use super::error::Failure;
use super::event_row::IdText;
use super::readers::Readers;

const BY_ID: &str = include_str!("sql/seek_id.sql");
const BY_TIME: &str = include_str!("sql/seek_time.sql");

/// The index that `seek` asks for.
pub(super) async fn find(readers: &Readers, id: &TaskId, seek: &Seek) -> Result<Option<u64>, StoreError> {
    let rows = match seek {
        Seek::Id(event) => {
            let hint = event.index_hint().map(u64::cast_signed);
            readers.query(BY_ID, &[&id.as_str(), &hint, &IdText(event)]).await?
        }
        Seek::After(at) => readers.query(BY_TIME, &[&id.as_str(), &at.0]).await?,
    };
    let index = rows.first().map(|row| row.try_get::<_, Option<i64>>(0)).transpose();
    Ok(index.map_err(Failure::from)?.flatten().map(i64::cast_unsigned))
}

//! Reading what is known of a task beside its events.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use taskcast_actors::domain::{Checkpoint, Head, Stamp, TaskId};
use taskcast_actors::ports::Loaded;

use super::error::ReadError;
use super::{head_row, write};

/// Head, stamp and checkpoint of the task `id`.
pub(super) fn load(connection: &Connection, id: &TaskId) -> Result<Option<Loaded>, ReadError> {
    let sql = "SELECT head, incarnation, t.version, revision, c.version, c.bytes
               FROM tasks t JOIN heads USING (log) LEFT JOIN checkpoints c USING (log)
               WHERE t.id = ?1";
    let found = connection.prepare_cached(sql)?.query_row(params![id.as_str()], |row| {
        let checkpoint = match (row.get::<_, Option<i64>>(4)?, row.get::<_, Option<Vec<u8>>>(5)?) {
            (Some(version), Some(bytes)) => {
                Some(Checkpoint { version: version.cast_unsigned(), bytes: bytes.into() })
            }
            _ => None,
        };
        Ok((row.get::<_, Vec<u8>>(0)?, stamp(row)?, checkpoint))
    });
    let Some((bytes, stamp, checkpoint)) = found.optional()? else { return Ok(None) };
    Ok(Some(Loaded { head: Arc::new(head_row::decode(&bytes)?), stamp, checkpoint }))
}

/// Head and stamp of the task `id`.
pub(super) fn head(connection: &Connection, id: &TaskId) -> Result<Option<(Arc<Head>, Stamp)>, ReadError> {
    let sql = "SELECT head, incarnation, version, revision FROM tasks JOIN heads USING (log) WHERE id = ?1";
    let found = connection
        .prepare_cached(sql)?
        .query_row(params![id.as_str()], |row| Ok((row.get::<_, Vec<u8>>(0)?, stamp(row)?)));
    let Some((bytes, stamp)) = found.optional()? else { return Ok(None) };
    Ok(Some((Arc::new(head_row::decode(&bytes)?), stamp)))
}

/// Where the logs of `ids` are.
pub(super) fn stamps(connection: &Connection, ids: &[TaskId]) -> Result<Vec<Option<Stamp>>, ReadError> {
    let stamp = |id: &TaskId| Ok(write::find(connection, id.as_str())?.map(|(_, stamp)| stamp));
    ids.iter().map(stamp).collect()
}

/// The head of the log `log`.
pub(super) fn of_log(connection: &Connection, log: i64) -> Result<Arc<Head>, ReadError> {
    let sql = "SELECT head FROM heads WHERE log = ?1";
    let bytes: Vec<u8> = connection.prepare_cached(sql)?.query_row(params![log], |row| row.get(0))?;
    Ok(Arc::new(head_row::decode(&bytes)?))
}

fn stamp(row: &Row<'_>) -> rusqlite::Result<Stamp> {
    Ok(Stamp {
        incarnation: row.get::<_, i64>(1)?.cast_unsigned(),
        version: row.get::<_, i64>(2)?.cast_unsigned(),
        revision: row.get::<_, i64>(3)?.cast_unsigned(),
    })
}

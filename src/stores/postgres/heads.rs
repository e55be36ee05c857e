//! Reading what is known of a task beside its events.

use std::collections::HashMap;
use std::sync::Arc;

use taskcast_actors::domain::{Checkpoint, Head, Stamp, TaskId};
use taskcast_actors::ports::{Loaded, StoreError};
use tokio_postgres::Row;

use super::archive::Holding;
use super::error::Failure;
use super::head_row;
use super::json::JsonText;
use super::readers::Readers;

const LOAD: &str = "SELECT incarnation, t.version, revision, head, c.version, c.bytes
                    FROM taskcast_tasks t LEFT JOIN taskcast_checkpoints c ON c.task_id = t.id
                    WHERE t.id = $1";
const HEADS: &str = "SELECT incarnation, version, revision, head, id FROM taskcast_tasks WHERE id = ANY($1)";
const STAMPS: &str = "SELECT incarnation, version, revision, id FROM taskcast_tasks WHERE id = ANY($1)";

const HOLDS: &str = "SELECT incarnation, version, revision,
                            (SELECT count(*) FROM taskcast_events WHERE task_id = t.id)
                     FROM taskcast_tasks t WHERE t.id = $1";

/// Head and stamp of a task.
pub(super) type Known = (Arc<Head>, Stamp);

/// Head, stamp and checkpoint of the task `id`.
pub(super) async fn load(readers: &Readers, id: &TaskId) -> Result<Option<Loaded>, StoreError> {
    let rows = readers.query(LOAD, &[&id.as_str()]).await?;
    let loaded = |row: &Row| {
        let checkpoint = match (row.try_get::<_, Option<i64>>(4)?, row.try_get::<_, Option<&[u8]>>(5)?) {
            (Some(version), Some(bytes)) => {
                Some(Checkpoint { version: version.cast_unsigned(), bytes: bytes.into() })
            }
            _ => None,
        };
        Ok::<_, Failure>(Loaded { head: head_of(row)?, stamp: stamp_of(row)?, checkpoint })
    };
    Ok(rows.first().map(loaded).transpose()?)
}

/// Heads and stamps of `ids`, in that order.
pub(super) async fn heads(readers: &Readers, ids: &[TaskId]) -> Result<Vec<Option<Known>>, StoreError> {
    let rows = readers.query(HEADS, &[&texts(ids)]).await?;
    let known = |row: &Row| Ok::<_, Failure>((row.try_get::<_, String>(4)?, (head_of(row)?, stamp_of(row)?)));
    let found: HashMap<String, Known> = rows.iter().map(known).collect::<Result<_, _>>()?;
    Ok(ids.iter().map(|id| found.get(id.as_str()).cloned()).collect())
}

/// Where the logs of `ids` are, in that order.
pub(super) async fn stamps(readers: &Readers, ids: &[TaskId]) -> Result<Vec<Option<Stamp>>, StoreError> {
    let rows = readers.query(STAMPS, &[&texts(ids)]).await?;
    let known = |row: &Row| Ok::<_, Failure>((row.try_get::<_, String>(3)?, stamp_of(row)?));
    let found: HashMap<String, Stamp> = rows.iter().map(known).collect::<Result<_, _>>()?;
    Ok(ids.iter().map(|id| found.get(id.as_str()).copied()).collect())
}

/// What there is of the log of `id` where all of it at `stamp` should be.
pub(super) async fn holds(readers: &Readers, id: &TaskId, stamp: Stamp) -> Result<Holding, StoreError> {
    let rows = readers.query(HOLDS, &[&id.as_str()]).await?;
    let known = |row: &Row| Ok::<_, Failure>((stamp_of(row)?, row.try_get::<_, i64>(3)?.cast_unsigned()));
    Ok(match rows.first().map(known).transpose()? {
        Some((stored, events)) if stored == stamp && events == stamp.version => Holding::All,
        Some((stored, _)) if stored == stamp => Holding::Incomplete,
        _ => Holding::Elsewhere,
    })
}

pub(super) fn texts(ids: &[TaskId]) -> Vec<&str> {
    ids.iter().map(TaskId::as_str).collect()
}

fn head_of(row: &Row) -> Result<Arc<Head>, Failure> {
    Ok(Arc::new(head_row::decode(row.try_get::<_, JsonText<'_>>(3)?)?))
}

/// The stamp in the first three columns.
pub(super) fn stamp_of(row: &Row) -> Result<Stamp, tokio_postgres::Error> {
    Ok(Stamp {
        incarnation: row.try_get::<_, i64>(0)?.cast_unsigned(),
        version: row.try_get::<_, i64>(1)?.cast_unsigned(),
        revision: row.try_get::<_, i64>(2)?.cast_unsigned(),
    })
}

//! The statements of each piece of work. All of them run inside a transaction that is somebody else's.

use rusqlite::{Connection, OptionalExtension as _, params};
use taskcast_actors::domain::{Change, CheckpointChange, Stamp, TaskId};
use taskcast_actors::ports::NewLog;

use super::event_row;
use super::head_row::HeadRow;
use super::job::{Outcome, Work};
use super::{orphans, receipts};

/// Does `work`, giving a log it creates the number `next_log`.
pub(super) fn perform(connection: &Connection, work: &Work, next_log: &mut i64) -> rusqlite::Result<Outcome> {
    match work {
        Work::Create { head, log } => create(connection, head, log, next_log),
        Work::Commit { head, change } => commit(connection, head.as_ref(), change),
        Work::Delete { id, incarnation } => delete(connection, id, *incarnation),
        Work::Swap { key, swap } => receipts::swap(connection, key, swap),
        Work::Probe => probe(connection),
    }
}

/// The number of a task's log, and where the log is.
pub(super) fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<(i64, Stamp)>> {
    let sql = "SELECT log, incarnation, version, revision FROM tasks WHERE id = ?1";
    let row = connection.prepare_cached(sql)?.query_row(params![id], |row| {
        let stamp = Stamp {
            incarnation: row.get::<_, i64>(1)?.cast_unsigned(),
            version: row.get::<_, i64>(2)?.cast_unsigned(),
            revision: row.get::<_, i64>(3)?.cast_unsigned(),
        };
        Ok((row.get(0)?, stamp))
    });
    row.optional()
}

fn create(
    connection: &Connection,
    head: &HeadRow,
    new: &NewLog,
    next_log: &mut i64,
) -> rusqlite::Result<Outcome> {
    let old = find(connection, &head.id)?;
    match old {
        Some(_) if !new.replace => return Ok(Outcome::Refused),
        Some((log, stamp)) => orphans::unlink(connection, log, stamp.version)?,
        None => {}
    }
    let log = *next_log;
    check_place(log, new.events.len() as u64)?;
    *next_log += 1;
    let stamp = Stamp { incarnation: new.incarnation, version: new.events.len() as u64, revision: 0 };
    head.insert(connection, log, stamp)?;
    event_row::insert_all(connection, log, &new.events)?;
    hide(connection, log, &new.hidden)?;
    Ok(Outcome::Done { existed: old.is_some() })
}

fn commit(connection: &Connection, head: Option<&HeadRow>, change: &Change) -> rusqlite::Result<Outcome> {
    let Some((log, stamp)) = find(connection, change.task_id.as_str())? else { return Ok(Outcome::Refused) };
    check_place(log, change.next_stamp().version)?;
    if !advance(connection, log, change)? {
        debug_assert_ne!(stamp, change.expected, "only this thread writes");
        return Ok(Outcome::Refused);
    }
    if let Some(head) = head {
        head.update(connection, log)?;
    }
    event_row::insert_all(connection, log, &change.events)?;
    hide(connection, log, &change.hidden)?;
    drop_payloads(connection, log, &change.dropped)?;
    erase(connection, log, &change.erased)?;
    checkpoint(connection, log, &change.checkpoint)?;
    Ok(Outcome::Done { existed: true })
}

/// Refuses what the key of an event has no room for: 2^31 logs ever created, 2^32 events in one of them.
fn check_place(log: i64, version: u64) -> rusqlite::Result<()> {
    if log < 1 << 31 && version <= 1 << 32 {
        return Ok(());
    }
    let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
    Err(rusqlite::Error::SqliteFailure(full, Some("no number is left for another event".into())))
}

/// Moves the log on if it is where `change` expects it; says whether it was.
fn advance(connection: &Connection, log: i64, change: &Change) -> rusqlite::Result<bool> {
    let (expected, next) = (change.expected, change.next_stamp());
    let sql = "UPDATE tasks SET version = ?5, revision = ?6
               WHERE log = ?1 AND incarnation = ?2 AND version = ?3 AND revision = ?4";
    let changed = connection.prepare_cached(sql)?.execute(params![
        log,
        expected.incarnation.cast_signed(),
        expected.version.cast_signed(),
        expected.revision.cast_signed(),
        next.version.cast_signed(),
        next.revision.cast_signed(),
    ])?;
    Ok(changed == 1)
}

fn hide(connection: &Connection, log: i64, indexes: &[u64]) -> rusqlite::Result<()> {
    for_each(connection, "UPDATE events SET hidden = 1 WHERE place = (?1 << 32) + ?2", log, indexes)
}

fn drop_payloads(connection: &Connection, log: i64, indexes: &[u64]) -> rusqlite::Result<()> {
    let sql = "UPDATE events SET data = NULL, field = NULL, client = NULL, seq = NULL
               WHERE place = (?1 << 32) + ?2";
    for_each(connection, sql, log, indexes)
}

fn erase(connection: &Connection, log: i64, indexes: &[u64]) -> rusqlite::Result<()> {
    let sql =
        "UPDATE events SET data = NULL, field = NULL, client = NULL, seq = NULL, series = NULL, mode = NULL
               WHERE place = (?1 << 32) + ?2";
    for_each(connection, sql, log, indexes)
}

fn for_each(connection: &Connection, sql: &str, log: i64, indexes: &[u64]) -> rusqlite::Result<()> {
    if indexes.is_empty() {
        return Ok(());
    }
    let mut statement = connection.prepare_cached(sql)?;
    for index in indexes {
        statement.execute(params![log, index.cast_signed()])?;
    }
    Ok(())
}

fn checkpoint(connection: &Connection, log: i64, change: &CheckpointChange) -> rusqlite::Result<()> {
    match change {
        CheckpointChange::Keep => {}
        CheckpointChange::Put(checkpoint) => {
            let sql = "INSERT OR REPLACE INTO checkpoints (log, version, bytes) VALUES (?1, ?2, ?3)";
            let version = checkpoint.version.cast_signed();
            connection.prepare_cached(sql)?.execute(params![log, version, &*checkpoint.bytes])?;
        }
        CheckpointChange::Remove => {
            connection.prepare_cached("DELETE FROM checkpoints WHERE log = ?1")?.execute(params![log])?;
        }
    }
    Ok(())
}

fn delete(connection: &Connection, id: &TaskId, incarnation: u64) -> rusqlite::Result<Outcome> {
    match find(connection, id.as_str())? {
        None => Ok(Outcome::Done { existed: false }),
        Some((_, stamp)) if stamp.incarnation != incarnation => Ok(Outcome::Refused),
        Some((log, stamp)) => {
            orphans::unlink(connection, log, stamp.version)?;
            Ok(Outcome::Done { existed: true })
        }
    }
}

/// Large enough to need free pages, so that it fails when ordinary writes do.
fn probe(connection: &Connection) -> rusqlite::Result<Outcome> {
    connection.execute("INSERT INTO probe (filler) VALUES (zeroblob(65536))", [])?;
    connection.execute("DELETE FROM probe", [])?;
    Ok(Outcome::Done { existed: true })
}

//! Deleting logs: a task disappears at once, the events of a long log a piece at a time.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

/// A log up to this long is removed on the spot, which is as quick as a batch of events.
const SHORT: u64 = 256;

/// Events removed in one transaction; other writers wait about a millisecond for it.
const PIECE: u32 = 512;

/// Takes the task of `log` away. No reader finds anything of it any more.
pub(super) fn unlink(connection: &Connection, log: i64, version: u64) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM tasks WHERE log = ?1",
        "DELETE FROM heads WHERE log = ?1",
        "DELETE FROM checkpoints WHERE log = ?1",
    ] {
        connection.prepare_cached(sql)?.execute(params![log])?;
    }
    let events = match version {
        0 => return Ok(()),
        1..=SHORT => "DELETE FROM events WHERE place >= ?1 << 32 AND place < (?1 + 1) << 32",
        _ => "INSERT INTO orphans (log) VALUES (?1)",
    };
    connection.prepare_cached(events)?.execute(params![log])?;
    Ok(())
}

/// Whether events of deleted tasks are left.
pub(super) fn remain(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(any(connection)?.is_some())
}

/// Removes a piece of what deleted tasks left; says whether there may be more.
pub(super) fn sweep(connection: &mut Connection) -> rusqlite::Result<bool> {
    let Some(log) = any(connection)? else { return Ok(false) };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "DELETE FROM events
               WHERE place IN (SELECT place FROM events
                               WHERE place >= ?1 << 32 AND place < (?1 + 1) << 32 ORDER BY place LIMIT ?2)";
    let removed = transaction.prepare_cached(sql)?.execute(params![log, PIECE])?;
    if removed < PIECE as usize {
        transaction.prepare_cached("DELETE FROM orphans WHERE log = ?1")?.execute(params![log])?;
    }
    transaction.commit()?;
    Ok(true)
}

fn any(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT log FROM orphans LIMIT 1")?.query_row([], |row| row.get(0)).optional()
}

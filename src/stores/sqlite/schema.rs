//! The numbered steps of the schema (`migrations/README.md`).

use rusqlite::{Connection, TransactionBehavior, params};

use super::error::OpenError;

/// Every step, in order; the number of a step is its place, from 1.
const STEPS: [&str; 2] = [
    include_str!("../../../migrations/sqlite/0001_tasks.sql"),
    include_str!("../../../migrations/sqlite/0002_receipts.sql"),
];

const KNOWN: i64 = STEPS.len() as i64;

/// Applies the steps that the file does not have.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS taskcast_migrations (version INTEGER PRIMARY KEY) STRICT",
    )?;
    let found = newest(connection)?;
    if found > KNOWN {
        return Err(OpenError::Newer { found, known: KNOWN });
    }
    for (version, step) in (1..).zip(STEPS).filter(|(version, _)| *version > found) {
        apply(connection, version, step)?;
    }
    Ok(())
}

fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT coalesce(max(version), 0) FROM taskcast_migrations";
    connection.query_row(sql, [], |row| row.get(0))
}

fn apply(connection: &mut Connection, version: i64, step: &str) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(step)?;
    transaction.execute("INSERT INTO taskcast_migrations (version) VALUES (?1)", params![version])?;
    transaction.commit()
}

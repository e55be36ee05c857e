//! Receipts. Swaps share the transactions of all other writes.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};
use taskcast_actors::domain::Timestamp;
use taskcast_actors::ports::{ReceiptKey, Receipts, StoreError, Swap, Swapped};

use super::SqliteStore;
use super::error::ReadError;
use super::job::{Outcome, Work, WriteError};

/// Receipts whose time is over that are removed with each swap: more than one swap can add.
const REMOVED_AT_ONCE: u32 = 4;

#[async_trait]
impl Receipts for SqliteStore {
    async fn find(&self, key: &ReceiptKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let key = *key;
        self.readers.run(move |connection| Ok::<_, ReadError>(find(connection, &key, now)?)).await
    }

    async fn swap(&self, key: &ReceiptKey, swap: Swap) -> Result<Swapped, StoreError> {
        let now = swap.now;
        let outcome = self.writer.run(Work::Swap { key: *key, swap }).await;
        match outcome.map_err(WriteError::into_store_error)? {
            Outcome::Done { .. } => Ok(Swapped::Done),
            Outcome::Refused => Ok(Swapped::Held(Receipts::find(self, key, now).await?)),
        }
    }
}

fn find(connection: &Connection, key: &ReceiptKey, now: Timestamp) -> rusqlite::Result<Option<Vec<u8>>> {
    let sql = "SELECT receipt FROM receipts WHERE key = ?1 AND expires_at > ?2";
    connection.prepare_cached(sql)?.query_row(params![key.0, now.0], |row| row.get(0)).optional()
}

/// Makes the swap, inside a transaction that is somebody else's.
pub(super) fn swap(connection: &Connection, key: &ReceiptKey, swap: &Swap) -> rusqlite::Result<Outcome> {
    let held = find(connection, key, swap.now)?;
    if held != swap.expected {
        return Ok(Outcome::Refused);
    }
    let put = "INSERT OR REPLACE INTO receipts (key, receipt, expires_at) VALUES (?1, ?2, ?3)";
    connection.prepare_cached(put)?.execute(params![key.0, swap.receipt, swap.expires.0])?;
    let remove = "DELETE FROM receipts WHERE key IN
                  (SELECT key FROM receipts WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    connection.prepare_cached(remove)?.execute(params![swap.now.0, REMOVED_AT_ONCE])?;
    Ok(Outcome::Done { existed: held.is_some() })
}

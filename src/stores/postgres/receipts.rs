//! Receipts, over the pool: each swap is a statement of its own. A statement that is sent again because its connection
//! was lost finds what it wrote, as the port says.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use taskcast_actors::domain::Timestamp;
use taskcast_actors::ports::{ReceiptKey, Receipts, StoreError, Swap, Swapped};

use super::PostgresStore;
use super::error::Failure;

const PUT: &str = include_str!("sql/receipt_put.sql");
const REPLACE: &str = "UPDATE taskcast_receipts SET receipt = $2, expires_at = $3 \
                       WHERE key = $1 AND expires_at > $4 AND receipt = $5 RETURNING 1";
const FIND: &str = "SELECT receipt FROM taskcast_receipts WHERE key = $1 AND expires_at > $2";
const REMOVE: &str = include_str!("sql/receipt_remove.sql");

/// One of so many swaps removes receipts whose time is over: more than so many swaps can add.
const REMOVE_EVERY: u32 = 32;

#[async_trait]
impl Receipts for PostgresStore {
    async fn find(&self, key: &ReceiptKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.readers.query(FIND, &[&key.0.as_slice(), &now.0]).await?;
        let receipt = rows.first().map(|row| row.try_get(0)).transpose();
        Ok(receipt.map_err(Failure::from)?)
    }

    async fn swap(&self, key: &ReceiptKey, swap: Swap) -> Result<Swapped, StoreError> {
        let (bytes, expires, now) = (key.0.as_slice(), swap.expires.0, swap.now.0);
        let made = match &swap.expected {
            None => self.readers.query(PUT, &[&bytes, &swap.receipt, &expires, &now]).await?,
            Some(expected) => {
                self.readers.query(REPLACE, &[&bytes, &swap.receipt, &expires, &now, expected]).await?
            }
        };
        if made.is_empty() {
            return Ok(Swapped::Held(self.find(key, swap.now).await?));
        }
        if self.swaps.fetch_add(1, Ordering::Relaxed).is_multiple_of(REMOVE_EVERY)
            && let Err(error) = self.readers.query(REMOVE, &[&now]).await
        {
            tracing::debug!(%error, "receipts whose time is over stay for now");
        }
        Ok(Swapped::Done)
    }
}

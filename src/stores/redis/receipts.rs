//! Receipts: texts that Redis itself forgets.

use async_trait::async_trait;
use fred::types::Value;
use taskcast_actors::domain::Timestamp;
use taskcast_actors::ports::{ReceiptKey, Receipts, StoreError, Swap, Swapped};

use super::RedisStore;
use super::error::Failure;
use super::keys::PARTITIONS;
use super::reply::{Reply, parse};
use super::scripts::Script;
use super::write::number;

impl RedisStore {
    /// Receipts are spread by their own hash: the task of a request need not exist.
    fn receipt_key(&self, key: &ReceiptKey) -> String {
        format!("{}receipt:{key}", self.keys.root(key.0[0] % PARTITIONS))
    }
}

#[async_trait]
impl Receipts for RedisStore {
    async fn find(&self, key: &ReceiptKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let stored = self.link.call("GET", vec![Value::from(self.receipt_key(key))]).await?;
        if stored.is_null() {
            return Ok(None);
        }
        let (receipt, expires) = split(&stored)?;
        Ok((expires > now).then_some(receipt))
    }

    async fn swap(&self, key: &ReceiptKey, swap: Swap) -> Result<Swapped, StoreError> {
        let lifetime = swap.expires.0.saturating_sub(swap.now.0).max(1);
        let args = vec![
            number(swap.now.0),
            Value::from(swap.expected.as_deref().unwrap_or_default()),
            Value::from(&*swap.receipt),
            number(swap.expires.0),
            number(lifetime),
        ];
        let answer = self.link.run(Script::Receipt, self.receipt_key(key), args).await?;
        if answer.is_integer() {
            return Ok(Swapped::Done);
        }
        let mut reply = Reply::of(answer)?;
        reply.text()?;
        let held = reply.value();
        Ok(Swapped::Held(held.as_ref().and_then(Value::as_bytes).map(Vec::from)))
    }
}

/// The receipt, and when it is over.
fn split(stored: &Value) -> Result<(Vec<u8>, Timestamp), Failure> {
    let broken = || Failure::corrupt("a receipt is broken");
    let bytes = stored.as_bytes().ok_or_else(broken)?;
    let colon = bytes.iter().position(|byte| *byte == b':').ok_or_else(broken)?;
    let expires = std::str::from_utf8(&bytes[..colon]).map_err(|_| broken())?;
    Ok((bytes[colon + 1..].to_vec(), Timestamp(parse(expires)?)))
}

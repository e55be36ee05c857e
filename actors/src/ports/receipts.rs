//! Receipts: small notes under a key, each kept for a while, by which a repeated request is recognised.

use std::fmt;

use async_trait::async_trait;

use super::StoreError;
use crate::domain::Timestamp;

/// What a receipt is kept under: a hash, so that every key is equally long and none shows what it was made of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptKey(pub [u8; 32]);

impl fmt::Display for ReceiptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ReceiptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiptKey({self})")
    }
}

/// One receipt in place of another, or of none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// What has to be there, byte for byte; `None` is nothing, or something whose time is over.
    pub expected: Option<Vec<u8>>,
    /// What is there afterwards, at least one byte.
    pub receipt: Vec<u8>,
    /// When it is as good as gone.
    pub expires: Timestamp,
    /// The present moment.
    pub now: Timestamp,
}

/// What became of a [`Swap`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swapped {
    /// The receipt is in place.
    Done,
    /// Nothing was changed, because this was there instead.
    Held(Option<Vec<u8>>),
}

/// Where receipts are kept: as durable as a commit, for every instance that shares the store.
///
/// Callers say what time it is, and a receipt whose time is over is never shown. What it takes up is given free by and
/// by, a little at a time. A swap that fails may have been made: whoever makes it again learns that from what is held.
#[async_trait]
pub trait Receipts: Send + Sync {
    /// The receipt under `key`.
    async fn find(&self, key: &ReceiptKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError>;

    /// Puts `swap.receipt` under `key` if exactly `swap.expected` is there.
    async fn swap(&self, key: &ReceiptKey, swap: Swap) -> Result<Swapped, StoreError>;
}

//! Receipts in memory.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::domain::Timestamp;
use crate::ports::{ReceiptKey, Receipts, StoreError, Swap, Swapped};

/// Receipts whose time is over that are thrown away with each swap: more than one swap can add.
const REMOVED_AT_ONCE: usize = 4;

/// Keeps receipts in memory.
#[derive(Default)]
pub(super) struct MemoryReceipts(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    receipts: HashMap<ReceiptKey, (Vec<u8>, Timestamp)>,
    /// The same receipts in the order in which their times are over.
    by_end: BTreeSet<(Timestamp, ReceiptKey)>,
}

impl Shelf {
    fn find(&self, key: &ReceiptKey, now: Timestamp) -> Option<&Vec<u8>> {
        self.receipts.get(key).filter(|(_, expires)| *expires > now).map(|(receipt, _)| receipt)
    }

    fn put(&mut self, key: ReceiptKey, receipt: Vec<u8>, expires: Timestamp) {
        if let Some((_, before)) = self.receipts.insert(key, (receipt, expires)) {
            self.by_end.remove(&(before, key));
        }
        self.by_end.insert((expires, key));
    }

    fn remove_old(&mut self, now: Timestamp) {
        for _ in 0..REMOVED_AT_ONCE {
            let Some((expires, key)) = self.by_end.first().copied().filter(|(end, _)| *end <= now) else {
                return;
            };
            self.by_end.remove(&(expires, key));
            self.receipts.remove(&key);
        }
    }
}

#[async_trait]
impl Receipts for MemoryReceipts {
    async fn find(&self, key: &ReceiptKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().find(key, now).cloned())
    }

    async fn swap(&self, key: &ReceiptKey, swap: Swap) -> Result<Swapped, StoreError> {
        let mut shelf = self.0.lock();
        let held = shelf.find(key, swap.now);
        if held != swap.expected.as_ref() {
            return Ok(Swapped::Held(held.cloned()));
        }
        shelf.put(*key, swap.receipt, swap.expires);
        shelf.remove_old(swap.now);
        Ok(Swapped::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_over_takes_up_no_room_for_long() {
        let store = MemoryReceipts::default();
        for n in 0..1000_i64 {
            let key =
                ReceiptKey(std::array::from_fn(|place| if place < 8 { n.to_be_bytes()[place] } else { 0 }));
            let swap =
                Swap { expected: None, receipt: vec![1], expires: Timestamp(n + 10), now: Timestamp(n) };
            assert_eq!(store.swap(&key, swap).await, Ok(Swapped::Done));
        }
        let shelf = store.0.lock();
        assert_eq!((shelf.receipts.len(), shelf.by_end.len()), (10, 10));
    }
}

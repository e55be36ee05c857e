//! Putting receipts under keys.

use std::time::Duration;

use super::receipt::Receipt;
use super::{LEASE, LIFETIME, MARGIN, POLL, corrupt};
use crate::domain::Timestamp;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{ReceiptKey, StoreError, Swap, Swapped};

/// How often it is tried to note that something was done.
const MAX_MARKS: u32 = 5;
/// Pause before the second of these attempts; it is doubled with each further one.
const MARK_PAUSE: Duration = Duration::from_millis(10);

/// A receipt and the bytes it is.
pub(super) struct Held {
    pub(super) receipt: Receipt,
    pub(super) bytes: Vec<u8>,
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.plus_millis(u64::try_from(by.as_millis()).unwrap_or(u64::MAX))
}

impl Engine {
    /// When a write that begins now, and may wait for `held`, has certainly ended.
    pub(super) fn lease(&self, held: Duration) -> Timestamp {
        later(self.now(), LEASE + held)
    }

    /// The last moment at which a write with this lease may begin.
    pub(super) fn deadline(until: Timestamp) -> Timestamp {
        Timestamp(until.0.saturating_sub_unsigned(u64::try_from(MARGIN.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The receipt under `key`.
    pub(super) async fn receipt(&self, key: &ReceiptKey) -> Result<Option<Receipt>, StoreError> {
        let found = self.shared().store.receipts().find(key, self.now()).await?;
        found.map(|bytes| Receipt::decode(&bytes)).transpose()
    }

    /// Puts `receipt` under `key` where there is none; gives the one that is there instead.
    pub(super) async fn reserve(
        &self,
        key: &ReceiptKey,
        receipt: &Receipt,
    ) -> Result<Option<Held>, StoreError> {
        loop {
            match self.swap(key, None, receipt.encode()).await? {
                Swapped::Done => return Ok(None),
                Swapped::Held(Some(bytes)) => {
                    return Ok(Some(Held { receipt: Receipt::decode(&bytes)?, bytes }));
                }
                // It was there a moment ago.
                Swapped::Held(None) => {}
            }
        }
    }

    /// Puts `receipt` in place of `held`; says whether that was still there.
    pub(super) async fn replace(
        &self,
        key: &ReceiptKey,
        held: Held,
        receipt: &Receipt,
    ) -> Result<bool, StoreError> {
        let swapped = self.swap(key, Some(held.bytes), receipt.encode()).await?;
        Ok(swapped == Swapped::Done)
    }

    async fn swap(
        &self,
        key: &ReceiptKey,
        expected: Option<Vec<u8>>,
        receipt: Vec<u8>,
    ) -> Result<Swapped, StoreError> {
        let now = self.now();
        let swap = Swap { expected, receipt, expires: later(now, LIFETIME), now };
        self.shared().store.receipts().swap(key, swap).await
    }

    /// Notes that nobody is at work on `receipt` any more, since it certainly failed. When the note is lost, others wait
    /// longer than they have to.
    pub(super) async fn give_up(&self, key: &ReceiptKey, receipt: &Receipt, error: &EngineError) {
        if matches!(error, EngineError::Unknown(_) | EngineError::Panicked) {
            return;
        }
        let idle = receipt.clone().idle();
        if let Err(error) = self.swap(key, Some(receipt.encode()), idle.encode()).await {
            tracing::debug!(%error, "a key stays reserved for a while");
        }
    }

    /// Notes that what `receipt` is for was done, in the form that `done` gives it, whatever others have put in its
    /// place meanwhile, as long as it is for the same.
    ///
    /// # Errors
    /// [`EngineError::Unknown`] when that cannot be noted: it was done, but will not be known for ever.
    pub(super) async fn note_done(
        &self,
        key: &ReceiptKey,
        receipt: Receipt,
        done: &Receipt,
    ) -> Result<(), EngineError> {
        let mut expected = Some(receipt.encode());
        let mut failure = None;
        for attempt in 0..MAX_MARKS {
            match self.swap(key, expected.clone(), done.encode()).await {
                Ok(Swapped::Done) => return Ok(()),
                Ok(Swapped::Held(Some(bytes))) => {
                    let held = Receipt::decode(&bytes).map_err(EngineError::Unknown)?;
                    if held == *done || !held.is_like(&receipt) {
                        return Ok(());
                    }
                    expected = Some(bytes);
                }
                Ok(Swapped::Held(None)) => expected = None,
                Err(error) => {
                    failure = Some(error);
                    tokio::time::sleep(MARK_PAUSE * 2_u32.pow(attempt)).await;
                }
            }
        }
        Err(EngineError::Unknown(failure.unwrap_or_else(|| corrupt("it changes all the time"))))
    }

    /// Lets some time pass before the key is looked at again.
    pub(super) async fn pause() {
        tokio::time::sleep(POLL).await;
    }
}

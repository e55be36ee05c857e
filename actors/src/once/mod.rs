//! Requests that may be repeated: under one key a write happens once (PROTOCOL §8.6).
//!
//! Before the write a receipt is put under the key. It holds all that makes a later attempt the same one: of a publish
//! the random bits that become part of its events' ids, of a creation the task's id, time and incarnation. So what was
//! written is found again in the log itself, whoever wrote it and however they ended, and two engines that write under
//! one key at once write once. An answer that is given again is made of the request and what the log or the receipt
//! says. Deliberately absent: locks that outlive a process, answers in storage, and any change of a write without a key.
//!
//! - `receipt`: what is put under a key; `swaps`: putting it there
//! - `publish`, `create`: the two kinds of requests
//! - `turns`: requests under one key in this process, one after the other

mod create;
mod publish;
mod receipt;
mod swaps;
mod turns;

use std::time::Duration;

pub(crate) use turns::Turns;

use self::receipt::Write;
use crate::domain::TaskId;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{ReceiptKey, StoreError};

/// How long a key is remembered.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a write under a key may take, apart from the time it waits for the numbers before its own.
const LEASE: Duration = Duration::from_secs(30);
/// How long before the end of its lease a write is no longer begun: what is on its way then has time to arrive, and the
/// clocks of instances may differ.
const MARGIN: Duration = Duration::from_secs(5);
/// How often somebody with another body looks whether whoever used the key first has ended.
const POLL: Duration = Duration::from_millis(50);

/// What makes two requests the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once {
    /// A hash of the client's key and of everything it is scoped to, such as the path and the caller.
    pub key: ReceiptKey,
    /// A hash of what is asked for, byte for byte, by which a key that is used for something else is recognised.
    pub body: u128,
}

/// The answer to a request that may have been a repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// The answer, the same each time.
    pub answer: T,
    /// Whether an earlier request has done it.
    pub replayed: bool,
}

impl<T> From<T> for Answered<T> {
    /// An answer that was never given before.
    fn from(answer: T) -> Self {
        Self { answer, replayed: false }
    }
}

/// Nothing that any version of this crate wrote.
fn corrupt(what: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("a receipt: {what}"))
}

impl Engine {
    /// Refuses a key that was used with another [`Once::body`], to publish to `task` or to create one: for requests that
    /// will be refused anyway, but not before this is known. While a call with this key is at work this waits for it.
    ///
    /// # Errors
    /// [`EngineError::KeyReused`], and when the store cannot answer.
    pub async fn refuse_reuse(&self, task: Option<&TaskId>, once: Once) -> Result<(), EngineError> {
        let _turn = self.shared().turns.wait(once.key).await;
        let Some(receipt) = self.receipt(&once.key).await?.filter(|receipt| !receipt.is_of(&once)) else {
            return Ok(());
        };
        let happened = match (&receipt.write, task) {
            (Write::Create(creating), _) => self.was_created(creating).await?,
            (Write::Publish(publishing), Some(id)) => self.was_published(id, *publishing).await?,
            (Write::Publish(_), None) => false,
        };
        if happened { Err(EngineError::KeyReused) } else { Ok(()) }
    }
}

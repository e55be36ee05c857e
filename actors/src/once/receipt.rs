//! What is put under a key.

use serde::{Deserialize, Serialize};

use super::{Once, corrupt};
use crate::domain::{Entropy, TaskId, Timestamp};
use crate::ports::StoreError;

/// A request under a key, and how to recognise what it wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipt {
    /// See [`Once::body`], in hexadecimal digits.
    body: String,
    /// Until then somebody may be at work on it; nobody is any more when this is over.
    pub(super) until: Timestamp,
    pub(super) write: Write,
}

/// What a request writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Write {
    Publish(Publishing),
    Create(Creating),
}

/// Events of a log, recognised by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Publishing {
    /// Which log.
    pub(super) incarnation: u64,
    /// The first index at which they may be.
    pub(super) version: u64,
    pub(super) entropy: Entropy,
    /// Whether it was done and left no event: the log shows nothing of it.
    pub(super) left_nothing: bool,
}

/// A log, recognised by its incarnation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Creating {
    pub(super) id: TaskId,
    pub(super) at: Timestamp,
    pub(super) incarnation: u64,
    /// Whether it was done: the task may have been deleted since.
    pub(super) done: bool,
}

impl Receipt {
    pub(super) fn new(once: &Once, until: Timestamp, write: Write) -> Self {
        Self { body: digits(once), until, write }
    }

    /// Whether the receipt is of a request with the same body.
    pub(super) fn is_of(&self, once: &Once) -> bool {
        self.body == digits(once)
    }

    pub(super) fn publishing(&self) -> Result<Publishing, StoreError> {
        match self.write {
            Write::Publish(publishing) => Ok(publishing),
            Write::Create(_) => Err(corrupt("a creation where a publish was expected")),
        }
    }

    pub(super) fn creating(&self) -> Result<&Creating, StoreError> {
        match &self.write {
            Write::Create(creating) => Ok(creating),
            Write::Publish(_) => Err(corrupt("a publish where a creation was expected")),
        }
    }

    /// The same publish, known not to have written anything below `version`.
    pub(super) fn behind(&self, version: u64) -> Self {
        self.with(|write| {
            if let Write::Publish(publishing) = write {
                publishing.version = version;
            }
        })
    }

    /// The same write, done.
    pub(super) fn done(&self) -> Self {
        let done = self.with(|write| match write {
            Write::Publish(publishing) => publishing.left_nothing = true,
            Write::Create(creating) => creating.done = true,
        });
        done.idle()
    }

    /// The same write, with nobody at work on it.
    pub(super) fn idle(self) -> Self {
        self.until(Timestamp::default())
    }

    /// The same write, with somebody at work on it until then.
    pub(super) fn until(self, until: Timestamp) -> Self {
        Self { until, ..self }
    }

    fn with(&self, change: impl FnOnce(&mut Write)) -> Self {
        let mut receipt = self.clone();
        change(&mut receipt.write);
        receipt
    }

    /// Whether both are of the same write, whoever was at work on it and how far the log was then.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let same = match (&self.write, &other.write) {
            (Write::Publish(one), Write::Publish(two)) => {
                (one.incarnation, one.entropy) == (two.incarnation, two.entropy)
            }
            (Write::Create(one), Write::Create(two)) => {
                (&one.id, one.incarnation) == (&two.id, two.incarnation)
            }
            _ => false,
        };
        same && self.body == other.body
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a receipt serialises")
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        serde_json::from_slice(bytes).map_err(corrupt)
    }
}

fn digits(once: &Once) -> String {
    format!("{:032x}", once.body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::ReceiptKey;

    #[test]
    fn receipts_come_back_and_know_their_body() {
        let once = Once { key: ReceiptKey([7; 32]), body: u128::MAX - 1 };
        let publishing = Publishing {
            incarnation: u64::MAX,
            version: 1 << 32,
            entropy: Entropy::new(u64::MAX),
            left_nothing: true,
        };
        let id = TaskId::parse("a \"quoted\" id").unwrap();
        let creating = Creating { id, at: Timestamp(-5), incarnation: 1, done: false };
        for write in [Write::Publish(publishing), Write::Create(creating)] {
            let receipt = Receipt::new(&once, Timestamp(9), write);
            assert_eq!(Receipt::decode(&receipt.encode()), Ok(receipt.clone()));
            assert!(receipt.is_of(&once) && !receipt.is_of(&Once { body: 1, ..once }));
        }
        assert!(matches!(Receipt::decode(b"{}"), Err(StoreError::Corrupt(_))));
    }
}

//! A clock that tests turn.

use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use crate::domain::Timestamp;
use crate::ports::Clock;

/// Stands still until somebody turns it, forwards or backwards.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl Default for ManualClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_700_000_000_000))
    }
}

impl ManualClock {
    /// Turns the clock forwards.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), SeqCst);
    }

    /// Turns the clock backwards.
    pub fn turn_back(&self, by: Duration) {
        self.0.fetch_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(SeqCst))
    }
}

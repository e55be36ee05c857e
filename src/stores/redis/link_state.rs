//! How a connection fares, for metrics and readiness.

use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use taskcast_actors::domain::Timestamp;
use taskcast_actors::ports::ErrorKind;

/// Whether a connection is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkCondition {
    /// Commands can be sent.
    Connected,
    /// It was lost, and is tried again.
    Reconnecting,
}

/// What is known of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkReport {
    /// How it is now.
    pub condition: LinkCondition,
    /// Since when.
    pub since: Timestamp,
    /// How often it was made again after it had been lost.
    pub reconnects: u64,
    /// How often it could not be made again.
    pub failed_attempts: u64,
    /// How many attempts in a row have failed by now; none while it is there.
    pub consecutive_failures: u64,
    /// What went wrong last.
    pub last_error: Option<ErrorKind>,
}

/// One connection's state, read by anybody.
pub struct LinkState(Mutex<LinkReport>);

impl LinkState {
    /// A connection that has just been made.
    pub(super) fn connected() -> Self {
        Self(Mutex::new(LinkReport {
            condition: LinkCondition::Connected,
            since: now(),
            reconnects: 0,
            failed_attempts: 0,
            consecutive_failures: 0,
            last_error: None,
        }))
    }

    /// What is known now.
    pub fn report(&self) -> LinkReport {
        *self.0.lock()
    }

    /// The connection was lost, or could not be made again.
    pub(super) fn failed(&self, kind: ErrorKind) {
        let mut report = self.0.lock();
        report.last_error = Some(kind);
        if report.condition == LinkCondition::Reconnecting {
            report.failed_attempts += 1;
            report.consecutive_failures += 1;
            return;
        }
        report.condition = LinkCondition::Reconnecting;
        report.since = now();
    }

    /// The connection is there again.
    pub(super) fn restored(&self) {
        let mut report = self.0.lock();
        if report.condition == LinkCondition::Reconnecting {
            report.condition = LinkCondition::Connected;
            report.since = now();
            report.reconnects += 1;
            report.consecutive_failures = 0;
        }
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnects_and_failed_attempts_are_counted_apart() {
        let state = LinkState::connected();
        state.restored();
        assert_eq!(state.report().reconnects, 0);
        for _ in 0..3 {
            state.failed(ErrorKind::ConnectionRefused);
        }
        let down = state.report();
        assert_eq!((down.condition, down.consecutive_failures), (LinkCondition::Reconnecting, 2));
        state.restored();
        let up = state.report();
        assert_eq!((up.condition, up.reconnects, up.failed_attempts), (LinkCondition::Connected, 1, 2));
        assert_eq!((up.consecutive_failures, up.last_error), (0, Some(ErrorKind::ConnectionRefused)));
    }
}

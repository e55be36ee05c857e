//! What is known of the connection to a server: for health reports, without asking the server.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use taskcast_actors::domain::Timestamp;
use taskcast_actors::ports::ErrorKind;

/// Failures in a row after which nobody speaks of a passing fault any more.
const MANY: u64 = 5;

/// Every kind; the number of a kind is its place, from 1.
const KINDS: [ErrorKind; 7] = [
    ErrorKind::ConnectionRefused,
    ErrorKind::ConnectionReset,
    ErrorKind::Timeout,
    ErrorKind::Dns,
    ErrorKind::Authentication,
    ErrorKind::ConnectionClosed,
    ErrorKind::Unavailable,
];

/// How it stands with a server, in the words of PROTOCOL §16.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has been asked of it yet.
    Starting,
    /// It answered last time.
    Healthy,
    /// It failed lately.
    Reconnecting,
    /// It has failed several times in a row.
    Unhealthy,
}

impl Phase {
    /// The name the protocol uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Reconnecting => "reconnecting",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// A [`LinkState`] at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSnapshot {
    /// How it stands.
    pub phase: Phase,
    /// Failures since the last answer.
    pub consecutive_failures: u64,
    /// How often it answered again after it had failed.
    pub reconnects: u64,
    /// What went wrong last, if anything ever did.
    pub last_error: Option<ErrorKind>,
    /// When `phase` became what it is.
    pub changed_at: Timestamp,
}

/// Counts what happens on the connections to a server.
#[derive(Debug)]
pub struct LinkState {
    phase: AtomicU8,
    failures: AtomicU64,
    reconnects: AtomicU64,
    last_error: AtomicU8,
    changed_at: AtomicI64,
}

const PHASES: [Phase; 4] = [Phase::Starting, Phase::Healthy, Phase::Reconnecting, Phase::Unhealthy];

impl Default for LinkState {
    fn default() -> Self {
        Self {
            phase: AtomicU8::new(0),
            failures: AtomicU64::new(0),
            reconnects: AtomicU64::new(0),
            last_error: AtomicU8::new(0),
            changed_at: AtomicI64::new(now()),
        }
    }
}

impl LinkState {
    /// The server answered.
    pub fn connected(&self) {
        if self.failures.load(Ordering::Relaxed) != 0 && self.failures.swap(0, Ordering::Relaxed) != 0 {
            self.reconnects.fetch_add(1, Ordering::Relaxed);
        }
        self.enter(Phase::Healthy);
    }

    /// The server could not be reached, or what was under way was lost.
    pub fn failed(&self, kind: ErrorKind) {
        let number = KINDS.iter().position(|known| *known == kind).map_or(0, |place| place + 1);
        self.last_error.store(u8::try_from(number).unwrap_or(0), Ordering::Relaxed);
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        self.enter(if failures < MANY { Phase::Reconnecting } else { Phase::Unhealthy });
    }

    /// How it stands now.
    pub fn snapshot(&self) -> LinkSnapshot {
        let number = usize::from(self.last_error.load(Ordering::Relaxed));
        LinkSnapshot {
            phase: PHASES[usize::from(self.phase.load(Ordering::Relaxed))],
            consecutive_failures: self.failures.load(Ordering::Relaxed),
            reconnects: self.reconnects.load(Ordering::Relaxed),
            last_error: number.checked_sub(1).and_then(|place| KINDS.get(place)).copied(),
            changed_at: Timestamp(self.changed_at.load(Ordering::Relaxed)),
        }
    }

    fn enter(&self, phase: Phase) {
        let number = phase as u8;
        if self.phase.load(Ordering::Relaxed) != number
            && self.phase.swap(number, Ordering::Relaxed) != number
        {
            self.changed_at.store(now(), Ordering::Relaxed);
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_goes_from_healthy_to_unhealthy_and_back() {
        let link = LinkState::default();
        assert_eq!(link.snapshot().phase, Phase::Starting);
        link.connected();
        assert_eq!(link.snapshot().phase, Phase::Healthy);
        for failures in 1..=MANY {
            link.failed(ErrorKind::Dns);
            let expected = if failures < MANY { Phase::Reconnecting } else { Phase::Unhealthy };
            let snapshot = link.snapshot();
            assert_eq!((snapshot.phase, snapshot.consecutive_failures), (expected, failures));
        }
        link.connected();
        let snapshot = link.snapshot();
        assert_eq!((snapshot.phase, snapshot.consecutive_failures), (Phase::Healthy, 0));
        assert_eq!(snapshot.reconnects, 1);
        assert_eq!(snapshot.last_error, Some(ErrorKind::Dns));
    }
}

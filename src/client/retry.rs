//! How often and how far apart something is tried again. Pure.

use std::time::Duration;

/// How a client tries again what may be tried again.
///
/// Waits are drawn from the whole range up to a bound that doubles ("full jitter",
/// <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>), so that clients that failed together
/// do not come back together. A server that asks to wait (`Retry-After`, `retry:`) is waited for.
///
/// ```
/// use std::time::Duration;
/// use taskcast::client::Backoff;
/// let backoff = Backoff { first: Duration::from_millis(50), ..Backoff::default() };
/// assert!(backoff.delay(3, None) <= Duration::from_millis(400));
/// assert!(backoff.delay(0, Some(Duration::from_secs(2))) >= Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first wait.
    pub first: Duration,
    /// The longest of all waits, unless the server asks for a longer one.
    pub longest: Duration,
}

impl Default for Backoff {
    /// From at most 100 ms to at most 10 s.
    fn default() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(10) }
    }
}

impl Backoff {
    /// The wait after `failures` (from 0) failures before this one, where the server asked to wait for `asked`.
    pub fn delay(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let bound = self.first.saturating_mul(2_u32.saturating_pow(failures)).min(self.longest);
        let jitter = bound.mul_f64(fastrand::f64());
        // Nobody comes earlier than asked, and not all at once.
        asked.map_or(jitter, |asked| asked + jitter.min(asked / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_their_bound_and_are_never_the_same() {
        let backoff = Backoff::default();
        for failures in [0, 1, 5, 40, u32::MAX] {
            let drawn: Vec<_> = (0..50).map(|_| backoff.delay(failures, None)).collect();
            assert!(drawn.iter().all(|delay| *delay <= Duration::from_secs(10)));
            assert!(drawn.iter().any(|delay| *delay != drawn[0]));
        }
        let late: Duration = (0..200).map(|_| backoff.delay(20, None)).sum();
        assert!(late > Duration::from_secs(200 * 3));
    }
}

//! When a delivery is tried again (PROTOCOL §18). Pure.

use std::time::Duration;

use serde::Deserialize;
use taskcast_actors::domain::Json;

/// No attempt takes longer, whatever a webhook asks for: it holds a connection and a place at its host.
const LONGEST_ATTEMPT_MS: u64 = 60_000;
/// A delay is lengthened by at most this share, so that deliveries that failed together are not repeated together.
const MOST_JITTER: f64 = 0.1;

/// How the delay grows from attempt to attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    /// It stays.
    Fixed,
    /// It doubles.
    Exponential,
    /// It grows by the first one.
    Linear,
}

/// How often and when a delivery is tried again. The default is that of PROTOCOL §18.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts after the first.
    pub retries: u64,
    /// How the delay grows.
    pub backoff: Backoff,
    /// The delay before the first repetition, in milliseconds.
    pub initial_delay_ms: u64,
    /// No delay is longer, in milliseconds.
    pub max_delay_ms: u64,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries: 3,
            backoff: Backoff::Exponential,
            initial_delay_ms: 1000,
            max_delay_ms: 30_000,
            timeout_ms: 5000,
        }
    }
}

/// A RetryConfig (PROTOCOL §2): what it leaves out stays as it was.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetryConfig {
    retries: Option<u64>,
    backoff: Option<Backoff>,
    initial_delay_ms: Option<u64>,
    max_delay_ms: Option<u64>,
    timeout_ms: Option<u64>,
}

impl RetryPolicy {
    /// This policy with what `config` says. It was checked when it came in; what cannot be read changes nothing.
    pub fn overridden(self, config: Option<&Json>) -> Self {
        let read = |json: &Json| serde_json::from_str(json.as_str()).ok();
        let config: RetryConfig = config.and_then(read).unwrap_or_default();
        Self {
            retries: config.retries.unwrap_or(self.retries),
            backoff: config.backoff.unwrap_or(self.backoff),
            initial_delay_ms: config.initial_delay_ms.unwrap_or(self.initial_delay_ms),
            max_delay_ms: config.max_delay_ms.unwrap_or(self.max_delay_ms),
            timeout_ms: config.timeout_ms.unwrap_or(self.timeout_ms),
        }
    }

    /// How long one attempt may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.min(LONGEST_ATTEMPT_MS))
    }

    /// Milliseconds to wait after attempt `attempts`, counted from 1, has failed; `None` when it was the last one.
    ///
    /// The delay of the protocol is lengthened, never shortened: by up to a tenth, as `random` from 0 to 1 says, and
    /// to what the receiver `asked` for. It never exceeds [`RetryPolicy::max_delay_ms`].
    pub fn delay_ms(&self, attempts: u64, random: f64, asked: Option<Duration>) -> Option<u64> {
        if attempts > self.retries {
            return None;
        }
        let initial = self.initial_delay_ms;
        let delay = match self.backoff {
            Backoff::Fixed => initial,
            Backoff::Linear => initial.saturating_mul(attempts),
            Backoff::Exponential => {
                let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
                initial.saturating_mul(2_u64.saturating_pow(doublings))
            }
        };
        let delay = delay.min(self.max_delay_ms);
        // The cast saturates, and the bound below is an integer.
        let delay = delay.saturating_add((delay as f64 * MOST_JITTER * random) as u64);
        let asked = asked.map_or(0, |asked| u64::try_from(asked.as_millis()).unwrap_or(u64::MAX));
        Some(delay.max(asked).min(self.max_delay_ms))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(json: &str) -> RetryPolicy {
        RetryPolicy::default().overridden(Some(&Json::parse(json).unwrap()))
    }

    fn delays(policy: RetryPolicy) -> Vec<u64> {
        (1..).map_while(|attempt| policy.delay_ms(attempt, 0.0, None)).collect()
    }

    #[test]
    fn the_delays_are_those_of_the_protocol() {
        assert_eq!(delays(RetryPolicy::default()), [1000, 2000, 4000]);
        let table = [
            (r#"{"backoff":"fixed","retries":4}"#, vec![1000, 1000, 1000, 1000]),
            (r#"{"backoff":"linear","retries":4,"initialDelayMs":7}"#, vec![7, 14, 21, 28]),
            (r#"{"retries":6,"maxDelayMs":5000}"#, vec![1000, 2000, 4000, 5000, 5000, 5000]),
            (r#"{"retries":2,"initialDelayMs":9,"maxDelayMs":0}"#, vec![0, 0]),
            (r#"{"retries":0}"#, vec![]),
        ];
        for (json, expected) in table {
            assert_eq!(delays(policy(json)), expected, "{json}");
        }
    }

    #[test]
    fn what_a_webhook_leaves_out_is_what_the_operator_says() {
        let operator = policy(r#"{"retries":9,"timeoutMs":7,"backoff":"linear"}"#);
        let webhook = operator.overridden(Some(&Json::parse(r#"{"retries":1,"initialDelayMs":5}"#).unwrap()));
        let expected = RetryPolicy {
            retries: 1,
            backoff: Backoff::Linear,
            initial_delay_ms: 5,
            max_delay_ms: 30_000,
            timeout_ms: 7,
        };
        assert_eq!(webhook, expected);
        assert_eq!(operator.overridden(None), operator);
    }

    #[test]
    fn no_attempt_takes_longer_than_a_minute() {
        assert_eq!(policy(r#"{"timeoutMs":9007199254740991}"#).timeout(), Duration::from_secs(60));
        assert_eq!(policy(r#"{"timeoutMs":1}"#).timeout(), Duration::from_millis(1));
    }

    proptest! {
        #[test]
        fn a_delay_is_lengthened_a_little_and_never_shortened_or_too_long(
            retries in 1u64..u64::MAX, attempts in 1u64..200, initial in 0u64..1 << 53, longest in 0u64..1 << 53,
            random in 0.0..1.0, asked in proptest::option::of(0u64..1 << 54),
        ) {
            let policy = RetryPolicy { retries, initial_delay_ms: initial, max_delay_ms: longest, ..RetryPolicy::default() };
            let Some(exact) = policy.delay_ms(attempts, 0.0, None) else { return Ok(()) };
            let asked = asked.map(Duration::from_millis);
            let delay = policy.delay_ms(attempts, random, asked).unwrap();
            prop_assert!(exact <= delay && delay <= longest);
            let wished = asked.map_or(0, |asked| asked.as_millis() as u64).max(exact + exact / 10 + 1);
            prop_assert!(delay <= wished);
            prop_assert!(asked.is_none_or(|asked| delay >= (asked.as_millis() as u64).min(longest)));
        }
    }
}

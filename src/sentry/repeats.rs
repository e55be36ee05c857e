//! Errors that last come with every request; Sentry is told of each once in a while, and how often it came.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The same error is reported again after this long.
const AGAIN: Duration = Duration::from_secs(10);
/// Errors that are remembered.
const MOST: usize = 256;

/// When errors were reported, and how often they came since.
#[derive(Default)]
pub(super) struct Repeats(Mutex<HashMap<String, (Instant, u64)>>);

impl Repeats {
    /// Whether `error` is to be reported now, and how many were left out since it last was.
    pub(super) fn admit(&self, error: &str) -> Option<u64> {
        self.admit_at(error, Instant::now())
    }

    fn admit_at(&self, error: &str, now: Instant) -> Option<u64> {
        let mut known = self.0.lock();
        if let Some((reported, left_out)) = known.get_mut(error) {
            if now.duration_since(*reported) < AGAIN {
                *left_out += 1;
                return None;
            }
            *reported = now;
            return Some(std::mem::take(left_out));
        }
        if known.len() >= MOST {
            known.retain(|_, (reported, _)| now.duration_since(*reported) < AGAIN);
        }
        if known.len() < MOST {
            known.insert(error.to_owned(), (now, 0));
        }
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_lasts_is_reported_once_in_a_while_with_how_often_it_came() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        assert_eq!(repeats.admit_at("a", start), Some(0));
        (0..3).for_each(|_| assert_eq!(repeats.admit_at("a", start), None));
        assert_eq!(repeats.admit_at("b", start), Some(0));
        assert_eq!(repeats.admit_at("a", start + AGAIN), Some(3));
        assert_eq!(repeats.admit_at("a", start + AGAIN), None);
        assert_eq!(repeats.admit_at("a", start + 2 * AGAIN), Some(1));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_not_is_reported() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        for n in 0..2 * MOST {
            assert_eq!(repeats.admit_at(&n.to_string(), start), Some(0));
        }
        assert_eq!(repeats.0.lock().len(), MOST);
        assert_eq!(repeats.admit_at("new", start + AGAIN), Some(0));
        assert_eq!(repeats.0.lock().len(), 1);
    }
}

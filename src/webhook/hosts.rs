//! How many deliveries go to one host at once, so that a slow or dead one leaves room for all others.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Attempts at one host at once.
const AT_ONCE: usize = 16;
/// How long an attempt waits for its turn before its task makes room for others.
const PATIENCE: Duration = Duration::from_secs(2);
/// A task that made room comes back after this time, later the more others wait,
const SHORTEST_ABSENCE_MS: u64 = 1000;
/// but not later than this.
const LONGEST_ABSENCE_MS: u64 = 30_000;
/// Above this many hosts those nobody delivers to are forgotten.
const REMEMBERED: usize = 256;

struct Gate {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A turn at a host, for one attempt.
pub(super) struct Turn {
    _turn: OwnedSemaphorePermit,
    _gate: Arc<Gate>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Hosts(Mutex<HashMap<String, Arc<Gate>>>);

impl Hosts {
    /// Waits for a turn at the host.
    ///
    /// # Errors
    /// When too many wait: after how many milliseconds to come back.
    pub(super) async fn enter(&self, authority: &str) -> Result<Turn, u64> {
        let gate = self.gate(authority);
        gate.waiting.fetch_add(1, Relaxed);
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&gate.turns).acquire_owned()).await;
        let waiting = gate.waiting.fetch_sub(1, Relaxed);
        match turn {
            Ok(Ok(turn)) => Ok(Turn { _turn: turn, _gate: gate }),
            _ => Err(absence_ms(waiting, fastrand::f64())),
        }
    }

    fn gate(&self, authority: &str) -> Arc<Gate> {
        let mut gates = self.0.lock();
        if gates.len() > REMEMBERED {
            gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        let new =
            || Arc::new(Gate { turns: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicUsize::new(0) });
        Arc::clone(gates.entry(authority.to_owned()).or_insert_with(new))
    }
}

fn absence_ms(waiting: usize, random: f64) -> u64 {
    let rounds = (waiting / AT_ONCE) as u64;
    let absence = SHORTEST_ABSENCE_MS.saturating_mul(1 + rounds).min(LONGEST_ABSENCE_MS);
    // The cast keeps whole milliseconds.
    absence + (absence as f64 * random / 2.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_host_that_is_busy_turns_others_away_and_another_host_does_not() {
        let hosts = Hosts::default();
        let mut turns = Vec::new();
        for _ in 0..AT_ONCE {
            turns.push(hosts.enter("a:80").await.ok().unwrap());
        }
        assert!(hosts.enter("a:80").await.err().is_some_and(|after| after >= SHORTEST_ABSENCE_MS));
        assert!(hosts.enter("b:80").await.is_ok());
        turns.pop();
        assert!(hosts.enter("a:80").await.is_ok());
    }

    #[tokio::test]
    async fn hosts_nobody_delivers_to_are_forgotten() {
        let hosts = Hosts::default();
        let kept = hosts.enter("kept:80").await.ok().unwrap();
        for number in 0..REMEMBERED * 3 {
            drop(hosts.enter(&format!("host-{number}:80")).await);
        }
        assert!(hosts.0.lock().len() <= REMEMBERED + 2);
        assert!(hosts.0.lock().contains_key("kept:80"));
        drop(kept);
    }

    #[test]
    fn the_more_wait_the_later_a_task_comes_back() {
        assert_eq!(absence_ms(0, 0.0), 1000);
        assert_eq!(absence_ms(AT_ONCE * 4, 0.0), 5000);
        assert_eq!(absence_ms(usize::MAX, 0.0), 30_000);
        assert_eq!(absence_ms(0, 1.0), 1500);
    }
}

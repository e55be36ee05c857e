//! What all deliveries share.

use std::sync::Arc;
use std::time::Duration;

use prometheus::IntCounterVec;
use taskcast_actors::Engine;
use taskcast_actors::domain::Timestamp;
use tokio::sync::{Semaphore, watch};

use super::deliver::Deliverer;
use super::endpoint::Endpoint;
use super::hosts::Hosts;
use super::retry::RetryPolicy;

/// A wait up to this long is sat out while there is room; for a longer one the task is given back.
const SHORT_WAIT: Duration = Duration::from_secs(2);

/// What all deliveries share.
pub(super) struct Courier {
    pub(super) engine: Engine,
    pub(super) deliverer: Deliverer,
    pub(super) hosts: Hosts,
    /// Webhooks for every task.
    pub(super) global: Vec<Arc<Endpoint>>,
    /// What webhooks do not say of retries.
    pub(super) retry: RetryPolicy,
    /// Attempts by outcome.
    pub(super) attempts: IntCounterVec,
    /// Places for tasks in work.
    pub(super) places: Arc<Semaphore>,
    /// Becomes true when the service stops.
    pub(super) stopping: watch::Receiver<bool>,
}

impl Courier {
    pub(super) fn count(&self, outcome: &str) {
        self.attempts.with_label_values(&[outcome]).inc();
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Whether all places are taken, so that other tasks wait.
    pub(super) fn is_crowded(&self) -> bool {
        self.places.available_permits() == 0
    }

    /// Completes when the service stops.
    pub(super) async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // Without a sender nobody is left who could want it to go on.
        let _closed = stopping.wait_for(|stopping| *stopping).await;
    }

    /// Waits until `at` if that is soon. Says whether the time has come.
    pub(super) async fn wait_until(&self, at: Timestamp) -> bool {
        let left = at.0.saturating_sub(self.engine.now().0);
        let Ok(left) = u64::try_from(left) else { return true };
        let left = Duration::from_millis(left);
        if left.is_zero() {
            return true;
        }
        if left > SHORT_WAIT || self.is_crowded() {
            return false;
        }
        tokio::select! {
            () = tokio::time::sleep(left) => true,
            () = self.stopped() => false,
        }
    }
}

//! What the engine counts about itself. Reading it costs the engine nothing.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::domain::TaskStatus;

/// Upper bounds of the commit latency histogram, in microseconds.
pub const LATENCY_BOUNDS_US: [u64; 12] =
    [10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 250_000, 1_000_000];
/// Upper bounds of the batch size histogram, in commands.
pub const BATCH_BOUNDS: [u64; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/// A histogram with fixed bounds; the last bucket takes the rest.
#[derive(Debug)]
pub struct Histogram<const N: usize> {
    bounds: [u64; N],
    buckets: [AtomicU64; N],
    rest: AtomicU64,
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    /// An empty histogram.
    pub const fn new(bounds: [u64; N]) -> Self {
        Self {
            bounds,
            buckets: [const { AtomicU64::new(0) }; N],
            rest: AtomicU64::new(0),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts `value`.
    pub fn record(&self, value: u64) {
        let bucket = self.bounds.iter().position(|bound| value <= *bound);
        bucket.map_or(&self.rest, |bucket| &self.buckets[bucket]).fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// Upper bounds with how many values were at or below them, then the count of all and their sum.
    pub fn cumulative(&self) -> (Vec<(u64, u64)>, u64, u64) {
        let mut seen = 0;
        let below = self.bounds.iter().zip(&self.buckets).map(|(bound, bucket)| {
            seen += bucket.load(Relaxed);
            (*bound, seen)
        });
        let below: Vec<_> = below.collect();
        let count = seen + self.rest.load(Relaxed);
        (below, count, self.sum.load(Relaxed))
    }
}

/// Counters of one engine.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it; all are totals since start unless they say otherwise")]
pub struct Stats {
    pub tasks_created: AtomicU64,
    pub events_published: AtomicU64,
    pub transitions: [AtomicU64; TaskStatus::ALL.len()],
    pub conflicts: AtomicU64,
    pub overloaded: AtomicU64,
    /// Times a reader had to go back to the store because the live window had moved past it.
    pub slow_readers: AtomicU64,
    /// Pages read from the store for readers.
    pub replays: AtomicU64,
    pub actors_restarted: AtomicU64,
    /// Times the bus said that it may have lost something.
    pub bus_gaps: AtomicU64,
    /// Announcements that could not be sent.
    pub bus_errors: AtomicU64,
    /// Times a task was brought up to date from the store because announcements of others were lost or came late.
    pub bus_repairs: AtomicU64,
    /// Task actors alive now.
    pub active_actors: AtomicI64,
    pub commit_latency_us: Histogram<12>,
    /// Commands per commit.
    pub batch_size: Histogram<9>,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            tasks_created: AtomicU64::default(),
            events_published: AtomicU64::default(),
            transitions: Default::default(),
            conflicts: AtomicU64::default(),
            overloaded: AtomicU64::default(),
            slow_readers: AtomicU64::default(),
            replays: AtomicU64::default(),
            actors_restarted: AtomicU64::default(),
            bus_gaps: AtomicU64::default(),
            bus_errors: AtomicU64::default(),
            bus_repairs: AtomicU64::default(),
            active_actors: AtomicI64::default(),
            commit_latency_us: Histogram::new(LATENCY_BOUNDS_US),
            batch_size: Histogram::new(BATCH_BOUNDS),
        }
    }
}

impl Stats {
    /// Counts a transition to `to`.
    pub fn transition(&self, to: TaskStatus) {
        let place = TaskStatus::ALL.iter().position(|status| *status == to);
        if let Some(place) = place {
            self.transitions[place].fetch_add(1, Relaxed);
        }
    }

    /// Counts a commit of `commands` commands that took `took`.
    pub fn commit(&self, commands: usize, took: Duration) {
        self.batch_size.record(commands as u64);
        self.commit_latency_us.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

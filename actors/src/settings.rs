//! What an embedder may set.

use std::time::Duration;

use crate::domain::retention::CleanupRule;
use crate::ring::RingLimits;

/// Bounds and times of an engine. The defaults suit a service with two cores and up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Threads of the engine's own for task actors, at least 1; unused when the embedder lends its own arbiters.
    pub arbiters: usize,
    /// An actor that nobody wrote to or listened to for this long is stopped; the next message starts it again.
    pub idle: Duration,
    /// At most this many commands wait for one task.
    pub queue_commands: usize,
    /// At most this many bytes of commands wait for one task.
    pub queue_bytes: usize,
    /// At most this many commands wait in the whole engine.
    pub total_commands: usize,
    /// At most this many bytes of commands wait in the whole engine.
    pub total_bytes: usize,
    /// How much the live window of one task keeps while somebody reads.
    pub ring: RingLimits,
    /// How much the window over all tasks keeps while somebody reads.
    pub firehose: RingLimits,
    /// How often the store is asked which timers are due.
    pub sweep: Duration,
    /// How long a numbered publish waits for the numbers before it (PROTOCOL §8.5).
    pub seq_hold: Duration,
    /// Cleanup rules for every task.
    pub cleanup: Vec<CleanupRule>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            arbiters: 1,
            idle: Duration::from_secs(30),
            queue_commands: 10_000,
            queue_bytes: 64 << 20,
            total_commands: 100_000,
            total_bytes: 512 << 20,
            ring: RingLimits { items: 1024, bytes: 1 << 20 },
            firehose: RingLimits { items: 65_536, bytes: 32 << 20 },
            sweep: Duration::from_millis(250),
            seq_hold: Duration::from_secs(30),
            cleanup: Vec::new(),
        }
    }
}

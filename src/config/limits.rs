//! How large a request may be, and how long a publish may wait for its turn.

use std::time::Duration;

use super::layers::Layers;
use super::schema::{Key, MAX_COUNT, MAX_INT};

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::int("limits.bodyBytes", 1, MAX_INT, 8_388_608),
    Key::int("limits.importBytes", 1, MAX_INT, 268_435_456),
    Key::int("limits.eventDataBytes", 1, MAX_INT, 1_048_576),
    Key::int("limits.batchItems", 1, MAX_COUNT, 1000),
    Key::millis("publish.seqHoldTimeoutMs", 1, 30_000),
];

/// What a request may ask for; beyond it the answer is `too_large`, or `seq_timeout` for the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of a request body.
    pub body_bytes: usize,
    /// The bytes of an import's body.
    pub import_bytes: usize,
    /// The bytes of one event's data as compact JSON.
    pub event_data_bytes: usize,
    /// The events of one batch.
    pub batch_items: usize,
    /// The time a sequenced publish waits for the ones before it.
    pub seq_hold_timeout: Duration,
}

impl Limits {
    /// The configured ones.
    pub(super) fn new(layers: &Layers) -> Self {
        Self {
            body_bytes: layers.count("limits.bodyBytes"),
            import_bytes: layers.count("limits.importBytes"),
            event_data_bytes: layers.count("limits.eventDataBytes"),
            batch_items: layers.count("limits.batchItems"),
            seq_hold_timeout: layers.millis("publish.seqHoldTimeoutMs"),
        }
    }
}

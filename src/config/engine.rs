//! Sizes and times of the engine.

use std::time::Duration;

use super::layers::Layers;
use super::schema::{Key, MAX_COUNT, MAX_INT};

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::int("engine.arbiters", 1, 1024, 1),
    Key::millis("engine.idleMs", 1, 30_000),
    Key::int("engine.queueCommands", 1, MAX_COUNT, 10_000),
    Key::int("engine.queueBytes", 1, MAX_INT, 67_108_864),
    Key::int("engine.totalCommands", 1, MAX_COUNT, 100_000),
    Key::int("engine.totalBytes", 1, MAX_INT, 536_870_912),
    Key::int("engine.ringEvents", 1, MAX_COUNT, 1024),
    Key::int("engine.ringBytes", 1, MAX_INT, 1_048_576),
    // Deadlines are promised within one second, so the sweep cannot be rarer.
    Key::int("engine.sweepMs", 1, 1000, 250),
];

/// Sizes and times of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSettings {
    /// The threads that task actors are spread over.
    pub arbiters: usize,
    /// The time without readers and writes after which a task's actor stops.
    pub idle: Duration,
    /// The commands that may wait for one task.
    pub queue_commands: usize,
    /// The bytes of commands that may wait for one task.
    pub queue_bytes: usize,
    /// The commands that may wait for all tasks.
    pub total_commands: usize,
    /// The bytes of commands that may wait for all tasks.
    pub total_bytes: usize,
    /// The recent events of a task kept for its live readers.
    pub ring_events: usize,
    /// The bytes of recent events of a task kept for its live readers.
    pub ring_bytes: usize,
    /// The time between two looks at what is due.
    pub sweep: Duration,
}

impl EngineSettings {
    /// The configured ones.
    pub(super) fn new(layers: &Layers) -> Self {
        Self {
            arbiters: layers.count("engine.arbiters"),
            idle: layers.millis("engine.idleMs"),
            queue_commands: layers.count("engine.queueCommands"),
            queue_bytes: layers.count("engine.queueBytes"),
            total_commands: layers.count("engine.totalCommands"),
            total_bytes: layers.count("engine.totalBytes"),
            ring_events: layers.count("engine.ringEvents"),
            ring_bytes: layers.count("engine.ringBytes"),
            sweep: layers.millis("engine.sweepMs"),
        }
    }
}

//! Event streams.

use std::time::Duration;

use super::layers::Layers;
use super::schema::Key;

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[Key::millis("sse.keepaliveMs", 1, 15_000)];

/// The time between two comments on an idle stream.
pub(super) fn keepalive(layers: &Layers) -> Duration {
    layers.millis("sse.keepaliveMs")
}

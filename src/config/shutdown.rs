//! How the server ends.

use std::time::Duration;

use super::layers::Layers;
use super::schema::Key;

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[Key::millis("shutdown.drainMs", 0, 20_000)];

/// The time open streams are given to end.
pub(super) fn drain(layers: &Layers) -> Duration {
    layers.millis("shutdown.drainMs")
}

//! Workers. Read and checked here; `workers.enabled: true` is refused by `unsupported`.

use super::kind::Kind;
use super::schema::{Key, Preset};

const MODES: Kind = Kind::Word(&["external", "pull", "ws-offer", "ws-race"]);
const POLICIES: Kind = Kind::Word(&["reassign", "mark", "fail"]);

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::new("workers.enabled", Kind::Bool).or(Preset::Bool(false)),
    Key::new("workers.defaults.assignMode", MODES),
    Key::millis("workers.defaults.heartbeatIntervalMs", 1, 30_000),
    Key::millis("workers.defaults.heartbeatTimeoutMs", 1, 90_000),
    Key::millis("workers.defaults.offerTimeoutMs", 1, 10_000),
    Key::new("workers.defaults.disconnectPolicy", POLICIES).or(Preset::Text("reassign")),
    Key::millis("workers.defaults.disconnectGraceMs", 0, 30_000),
];

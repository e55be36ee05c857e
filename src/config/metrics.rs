//! Metrics. Read and checked here; `metrics.auth: true` is refused by `unsupported`.

use super::kind::Kind;
use super::schema::{Key, Preset};

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[Key::new("metrics.auth", Kind::Bool).or(Preset::Bool(false))];

//! Who may read metrics; see `auth` for what that means.

use super::kind::Kind;
use super::schema::{Key, Preset};

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[Key::new("metrics.auth", Kind::Bool).or(Preset::Bool(false))];

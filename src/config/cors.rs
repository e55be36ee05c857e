//! Which web origins may call the API.

use serde_json::Value;

use super::kind::Kind;
use super::layers::Layers;
use super::schema::{Key, Preset};

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[Key::new("cors.origins", Kind::Origins).or(Preset::Text("*"))];

/// Which web origins may call the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// All of them.
    Any,
    /// These, in lower case as browsers send them.
    Only(Vec<String>),
    /// No CORS headers at all, and no answer to a preflight.
    Off,
}

/// The configured origins.
pub(super) fn origins(layers: &Layers) -> CorsOrigins {
    match layers.find("cors.origins").map(|found| found.value) {
        Some(Value::Array(items)) => {
            CorsOrigins::Only(items.iter().filter_map(Value::as_str).map(str::to_ascii_lowercase).collect())
        }
        Some(Value::String(_)) => CorsOrigins::Any,
        _ => CorsOrigins::Off,
    }
}

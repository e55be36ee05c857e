//! The cleanup rules for every task. Their meaning belongs to the domain; a misspelt condition is refused here,
//! since a rule without it would match more tasks and delete them.

use serde_json::Value;

use super::kind::Kind;
use super::layers::Layers;
use super::schema::{Key, MAX_INT};

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::new("cleanup.rules", Kind::Maps),
    Key::new("cleanup.rules[].name", Kind::Text),
    Key::new("cleanup.rules[].match.taskTypes", Kind::Texts),
    Key::new("cleanup.rules[].match.status", Kind::Texts),
    Key::new("cleanup.rules[].trigger.afterMs", Kind::Int(0, MAX_INT)),
    Key::new("cleanup.rules[].target", Kind::Word(&["all", "events", "task"])),
    Key::new("cleanup.rules[].eventFilter.types", Kind::Texts),
    Key::new("cleanup.rules[].eventFilter.levels", Kind::Texts),
    Key::new("cleanup.rules[].eventFilter.olderThanMs", Kind::Int(0, MAX_INT)),
    Key::new("cleanup.rules[].eventFilter.seriesMode", Kind::Texts),
];

/// The configured rules.
pub(super) fn rules(layers: &Layers) -> Vec<Value> {
    match layers.find("cleanup.rules").map(|found| found.value) {
        Some(Value::Array(rules)) => rules,
        _ => Vec::new(),
    }
}

//! The four sources of settings, the stronger over the weaker.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::schema::{self, Preset};

/// Values by the path of their key.
pub(super) type Layer = BTreeMap<&'static str, Value>;

/// Everything that was set, checked, still apart by source.
pub(super) struct Layers {
    /// The checked file.
    pub(super) file: Map<String, Value>,
    /// What variables set.
    pub(super) env: Layer,
    /// What flags set.
    pub(super) flags: Layer,
}

/// Who set a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A command-line flag.
    Flag,
    /// This environment variable.
    Variable(&'static str),
    /// The file.
    File,
    /// Nobody.
    Default,
}

/// A value and who set it.
pub(super) struct Found {
    /// The value.
    pub(super) value: Value,
    /// Who set it.
    pub(super) origin: Origin,
}

impl Layers {
    /// The value of the key at `path` from the strongest source that has one.
    pub(super) fn find(&self, path: &str) -> Option<Found> {
        self.explicit(path).or_else(|| default(path))
    }

    /// What the operator set at `path`, which may be a section, if anything.
    pub(super) fn explicit(&self, path: &str) -> Option<Found> {
        if let Some(value) = self.flags.get(path) {
            return Some(Found { value: value.clone(), origin: Origin::Flag });
        }
        if let Some((key, value)) = self.env.iter().find(|(key, _)| within(key, path)) {
            let origin = Origin::Variable(variable_of(key));
            return Some(Found { value: value.clone(), origin });
        }
        let value = in_tree(&self.file, path)?.clone();
        Some(Found { value, origin: Origin::File })
    }

    /// A number with a default.
    pub(super) fn number(&self, path: &str) -> u64 {
        let found = self.find(path).and_then(|found| found.value.as_u64());
        found.expect("the schema gives every number a default and checks it")
    }

    /// A number with a default that counts things in memory.
    pub(super) fn count(&self, path: &str) -> usize {
        usize::try_from(self.number(path)).unwrap_or(usize::MAX)
    }

    /// A time with a default.
    pub(super) fn millis(&self, path: &str) -> Duration {
        Duration::from_millis(self.number(path))
    }

    /// A switch with a default.
    pub(super) fn flag(&self, path: &str) -> bool {
        let found = self.find(path).and_then(|found| found.value.as_bool());
        found.expect("the schema gives this switch a default and checks it")
    }

    /// A text, if there is one.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.find(path)?.value.as_str().map(str::to_owned)
    }

    /// How to name the setting at `path` to the operator.
    pub(super) fn describe(&self, path: &str) -> String {
        match self.find(path).map(|found| found.origin) {
            Some(Origin::Flag) => format!("`{path}` from a flag"),
            Some(Origin::Variable(name)) => format!("environment variable `{name}`"),
            Some(Origin::File) => format!("`{path}` in config"),
            Some(Origin::Default) | None => format!("the default of `{path}`"),
        }
    }
}

fn default(path: &str) -> Option<Found> {
    let value = match schema::find(path)?.default {
        Preset::Unset => return None,
        Preset::Bool(on) => Value::Bool(on),
        Preset::Int(number) => Value::from(number),
        Preset::Text(text) => Value::from(text),
    };
    Some(Found { value, origin: Origin::Default })
}

fn within(key: &str, path: &str) -> bool {
    key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn variable_of(path: &str) -> &'static str {
    let key = schema::keys().find(|key| key.path == path);
    key.and_then(|key| key.variable).unwrap_or_default()
}

fn in_tree<'a>(tree: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut names = path.split('.');
    let first = tree.get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

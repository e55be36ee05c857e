//! Where tasks are kept: `storage`, `dbPath`, and the older way to say it, `adapters`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::error::ConfigError;
use super::flags::Flags;
use super::kind::Kind;
use super::layers::{Layers, Origin};
use super::schema::{Key, Preset};

const STORES: Kind = Kind::Word(&["memory", "sqlite", "redis", "postgres"]);
const BUSES: Kind = Kind::Word(&["memory", "redis"]);
const SHORT_TERM: &str = "adapters.shortTermStore.provider";
const LONG_TERM: &str = "adapters.longTermStore.provider";

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::new("storage", STORES).or(Preset::Text("sqlite")).variable("TASKCAST_STORAGE"),
    Key::new("dbPath", Kind::Text).or(Preset::Text("./taskcast.db")).variable("TASKCAST_DB_PATH"),
    Key::new("adapters.broadcast.provider", BUSES),
    Key::new("adapters.broadcast.url", Kind::Text),
    Key::new(SHORT_TERM, STORES),
    Key::new("adapters.shortTermStore.url", Kind::Text),
    Key::new(LONG_TERM, STORES),
    Key::new("adapters.longTermStore.url", Kind::Text),
    Key::new("storageLifecycle", Kind::Free),
];

/// Where tasks are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In this process; gone when it ends.
    Memory,
    /// In one file; survives the process and the power.
    Sqlite,
}

impl Storage {
    /// The word for this storage in configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
        }
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Storage {
    type Err = ConfigError;

    fn from_str(word: &str) -> Result<Self, ConfigError> {
        [Self::Memory, Self::Sqlite].into_iter().find(|storage| storage.as_str() == word).ok_or_else(|| {
            ConfigError::BadValue {
                setting: "the storage".to_owned(),
                expected: "memory or sqlite".to_owned(),
                found: "another word",
            }
        })
    }
}

/// The storage all settings agree on.
pub(super) fn storage(layers: &Layers) -> Result<Storage, ConfigError> {
    let stated = layers.find("storage").filter(|found| found.origin != Origin::Default);
    let chooser = if stated.is_none() && layers.text(SHORT_TERM).is_some() { SHORT_TERM } else { "storage" };
    let chosen = layers.text(chooser).unwrap_or_default();
    for path in [SHORT_TERM, LONG_TERM] {
        if layers.text(path).is_some_and(|provider| provider != chosen) {
            return Err(ConfigError::Contradiction {
                first: layers.describe(chooser),
                second: layers.describe(path),
            });
        }
    }
    chosen.parse()
}

/// The database file.
pub(super) fn db_path(layers: &Layers, flags: &Flags) -> Result<PathBuf, ConfigError> {
    let Some(path) = flags.db_path.clone() else {
        return Ok(layers.text("dbPath").unwrap_or_default().into());
    };
    if path.as_os_str().is_empty() {
        // SQLite takes an empty name for a temporary database, which would lose everything.
        return Err(ConfigError::BadValue {
            setting: "`dbPath` from a flag".to_owned(),
            expected: Kind::Text.expected(),
            found: "an empty string",
        });
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::resolve::testing::resolved;

    fn file(storage: Option<&str>, short: Option<&str>, long: Option<&str>) -> Value {
        json!({
            "storage": storage,
            "adapters": {"shortTermStore": {"provider": short}, "longTermStore": {"provider": long}},
        })
    }

    #[test]
    fn the_short_term_store_chooses_the_storage_when_nothing_else_does() {
        let table = [
            (file(None, None, None), Storage::Sqlite),
            (file(None, Some("memory"), None), Storage::Memory),
            (file(None, Some("memory"), Some("memory")), Storage::Memory),
            (file(None, None, Some("sqlite")), Storage::Sqlite),
            (file(Some("memory"), None, None), Storage::Memory),
            (file(Some("memory"), Some("memory"), None), Storage::Memory),
        ];
        for (file, storage) in table {
            let config = resolved(file.clone(), &[], &Flags::default()).unwrap();
            assert_eq!(config.storage, storage, "{file}");
        }
    }

    #[test]
    fn stores_that_contradict_each_other_are_an_error_that_names_both() {
        let short = "`adapters.shortTermStore.provider` in config";
        let long = "`adapters.longTermStore.provider` in config";
        let table = [
            (file(Some("memory"), Some("sqlite"), None), "`storage` in config", short),
            (file(Some("sqlite"), None, Some("memory")), "`storage` in config", long),
            (file(None, Some("memory"), Some("sqlite")), short, long),
            (file(None, None, Some("memory")), "the default of `storage`", long),
        ];
        for (file, first, second) in table {
            let error = resolved(file.clone(), &[], &Flags::default()).unwrap_err();
            let message =
                format!("{first} and {second} contradict each other, remove one or make them agree");
            assert_eq!(error.to_string(), message, "{file}");
        }
        let vars = [("TASKCAST_STORAGE", "sqlite")];
        let error = resolved(file(None, Some("memory"), None), &vars, &Flags::default()).unwrap_err();
        assert!(error.to_string().starts_with("environment variable `TASKCAST_STORAGE` and"), "{error}");
    }

    #[test]
    fn an_empty_database_path_is_refused() {
        let flags = Flags { db_path: Some(PathBuf::new()), ..Flags::default() };
        assert_eq!(resolved(json!({}), &[], &flags).unwrap_err().code(), "config_bad_value");
        let error = resolved(json!({"dbPath": ""}), &[], &Flags::default()).unwrap_err();
        assert_eq!(error.code(), "config_bad_value");
    }

    #[test]
    fn a_storage_is_read_from_its_own_word() {
        for storage in [Storage::Memory, Storage::Sqlite] {
            assert_eq!(storage.to_string().parse::<Storage>().unwrap(), storage);
        }
        assert_eq!("redis".parse::<Storage>().unwrap_err().code(), "config_bad_value");
    }
}

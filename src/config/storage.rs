//! Where tasks are kept: `storage`, `dbPath`, `redis`, `postgres`, `storageLifecycle`, and the older way to say it,
//! `adapters`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::error::ConfigError;
use super::flags::Flags;
use super::kind::Kind;
use super::layers::{Layers, Origin};
use super::schema::{Key, MAX_INT, Preset};
use super::secret::Secret;

const STORES: Kind = Kind::Word(&["memory", "sqlite", "redis", "postgres"]);
const BUSES: Kind = Kind::Word(&["memory", "redis"]);
const BUS: &str = "adapters.broadcast.provider";
const BUS_URL: &str = "adapters.broadcast.url";
const SHORT_TERM: &str = "adapters.shortTermStore.provider";
const SHORT_TERM_URL: &str = "adapters.shortTermStore.url";
const LONG_TERM: &str = "adapters.longTermStore.provider";
const LONG_TERM_URL: &str = "adapters.longTermStore.url";
const REDIS_URL: &str = "redis.url";
const POSTGRES_URL: &str = "postgres.url";
const FINISHED: &str = "storageLifecycle.releaseFinishedAfterMs";
const IDLE: &str = "storageLifecycle.releaseIdleAfterMs";

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::new("storage", STORES).variable("TASKCAST_STORAGE"),
    Key::new("dbPath", Kind::Text).or(Preset::Text("./taskcast.db")).variable("TASKCAST_DB_PATH"),
    Key::new(REDIS_URL, Kind::Text).variable("TASKCAST_REDIS_URL"),
    Key::new("redis.prefix", Kind::Text).or(Preset::Text("taskcast")).variable("TASKCAST_REDIS_PREFIX"),
    Key::new(POSTGRES_URL, Kind::Text).variable("TASKCAST_POSTGRES_URL"),
    Key::int("postgres.poolSize", 1, 1000, 8),
    Key::new("postgres.autoMigrate", Kind::Bool).or(Preset::Bool(false)).variable("TASKCAST_AUTO_MIGRATE"),
    Key::new(BUS, BUSES),
    Key::new(BUS_URL, Kind::Text),
    Key::new(SHORT_TERM, STORES),
    Key::new(SHORT_TERM_URL, Kind::Text),
    Key::new(LONG_TERM, STORES),
    Key::new(LONG_TERM_URL, Kind::Text),
    Key::new(FINISHED, Kind::Int(0, MAX_INT)),
    Key::new(IDLE, Kind::Int(0, MAX_INT)),
];

/// Where tasks are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In this process; gone when it ends.
    Memory,
    /// In one file; survives the process and the power.
    Sqlite,
    /// In Redis, which several instances may share; Postgres may be the archive behind it.
    Redis,
    /// In Postgres, which several instances may share.
    Postgres,
}

impl Storage {
    const ALL: [Self; 4] = [Self::Memory, Self::Sqlite, Self::Redis, Self::Postgres];

    /// The word for this storage in configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::Redis => "redis",
            Self::Postgres => "postgres",
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
        Self::ALL.into_iter().find(|storage| storage.as_str() == word).ok_or_else(|| ConfigError::BadValue {
            setting: "the storage".to_owned(),
            expected: "memory, sqlite, redis or postgres".to_owned(),
            found: "another word",
        })
    }
}

/// How Redis is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// Where tasks are.
    pub url: Secret,
    /// Where instances tell each other what happened; usually the same.
    pub bus_url: Secret,
    /// What every key and channel begins with.
    pub prefix: String,
}

/// How Postgres is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    /// Where it is.
    pub url: Secret,
    /// Connections that read.
    pub pool_size: usize,
    /// Whether the schema is brought up to date at start.
    pub auto_migrate: bool,
}

/// After which time without a change a task leaves Redis for the archive; `None` is never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReleaseAfter {
    /// Of tasks that have ended.
    pub finished: Option<Duration>,
    /// Of all others.
    pub idle: Option<Duration>,
}

/// Everything that is said about storage, found to make sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) storage: Storage,
    pub(super) redis: Option<RedisConfig>,
    pub(super) postgres: Option<PostgresConfig>,
    pub(super) release: ReleaseAfter,
    /// Settings that this storage has no use for.
    pub(super) unused: Vec<String>,
}

/// The storage all settings agree on.
pub(super) fn choose(layers: &Layers) -> Result<Chosen, ConfigError> {
    let (storage, chooser) = storage(layers)?;
    let choice = Choice { layers, storage, chooser };
    choice.refuse_other_stores()?;
    let mut chosen = Chosen {
        storage,
        redis: choice.redis()?,
        postgres: choice.postgres()?,
        release: ReleaseAfter { finished: duration(layers, FINISHED), idle: duration(layers, IDLE) },
        unused: Vec::new(),
    };
    choice.refuse_what_needs_an_archive(chosen.postgres.is_some())?;
    for (path, used) in [(REDIS_URL, chosen.redis.is_some()), (POSTGRES_URL, chosen.postgres.is_some())] {
        if !used && layers.explicit(path).is_some() {
            chosen.unused.push(choice.tolerate_unused(path)?);
        }
    }
    Ok(chosen)
}

/// The storage, and the setting that chose it.
fn storage(layers: &Layers) -> Result<(Storage, &'static str), ConfigError> {
    for path in ["storage", SHORT_TERM] {
        if let Some(word) = layers.text(path) {
            return Ok((word.parse()?, path));
        }
    }
    match layers.explicit(REDIS_URL) {
        Some(_) => Ok((Storage::Redis, REDIS_URL)),
        None => Ok((Storage::Sqlite, "storage")),
    }
}

fn duration(layers: &Layers, path: &str) -> Option<Duration> {
    layers.explicit(path)?.value.as_u64().map(Duration::from_millis)
}

/// What was chosen, and by whom.
struct Choice<'a> {
    layers: &'a Layers,
    storage: Storage,
    chooser: &'static str,
}

impl Choice<'_> {
    fn contradicts(&self, path: &str) -> ConfigError {
        ConfigError::Contradiction {
            first: self.layers.describe(self.chooser),
            second: self.layers.describe(path),
        }
    }

    fn needs(&self, key: &'static str, variable: &'static str) -> ConfigError {
        ConfigError::Missing { wanted: self.layers.describe(self.chooser), key, variable }
    }

    /// The first of these settings that is there.
    fn first(&self, paths: &[&str]) -> Option<Secret> {
        paths.iter().find_map(|path| self.layers.text(path)).map(Secret)
    }

    /// Adapters may repeat the choice, name Postgres as the archive of Redis, and nothing else.
    fn refuse_other_stores(&self) -> Result<(), ConfigError> {
        let chosen = self.storage.as_str();
        let archived = |provider: &str| self.storage == Storage::Redis && provider == "postgres";
        if self.layers.text(SHORT_TERM).is_some_and(|provider| provider != chosen) {
            return Err(self.contradicts(SHORT_TERM));
        }
        let long_term = self.layers.text(LONG_TERM);
        if long_term.is_some_and(|provider| provider != chosen && !archived(&provider)) {
            return Err(self.contradicts(LONG_TERM));
        }
        let shared = matches!(self.storage, Storage::Redis | Storage::Postgres);
        match self.layers.text(BUS).as_deref() {
            Some("redis") if !shared => Err(self.contradicts(BUS)),
            Some("memory") if self.storage == Storage::Redis => Err(self.contradicts(BUS)),
            _ => Ok(()),
        }
    }

    fn redis(&self) -> Result<Option<RedisConfig>, ConfigError> {
        let bus = self.layers.text(BUS);
        let url = match self.storage {
            Storage::Memory | Storage::Sqlite => return Ok(None),
            Storage::Redis => self.first(&[REDIS_URL, SHORT_TERM_URL]),
            Storage::Postgres if bus.as_deref() == Some("memory") => return Ok(None),
            Storage::Postgres => self.first(&[BUS_URL, REDIS_URL]),
        };
        let Some(url) = url else {
            let wanted = self.storage == Storage::Redis || bus.is_some();
            let missing = self.needs(REDIS_URL, "TASKCAST_REDIS_URL");
            return if wanted { Err(missing) } else { Ok(None) };
        };
        let bus_url = self.first(&[BUS_URL]).unwrap_or_else(|| url.clone());
        let prefix = self.layers.text("redis.prefix").unwrap_or_default();
        Ok(Some(RedisConfig { url, bus_url, prefix }))
    }

    fn postgres(&self) -> Result<Option<PostgresConfig>, ConfigError> {
        let url = match self.storage {
            Storage::Memory | Storage::Sqlite => return Ok(None),
            Storage::Redis => self.first(&[POSTGRES_URL, LONG_TERM_URL]),
            Storage::Postgres => self.first(&[POSTGRES_URL, SHORT_TERM_URL, LONG_TERM_URL]),
        };
        let Some(url) = url else {
            let wanted = self.storage == Storage::Postgres
                || self.layers.text(LONG_TERM).is_some_and(|provider| provider == "postgres");
            let missing = self.needs(POSTGRES_URL, "TASKCAST_POSTGRES_URL");
            return if wanted { Err(missing) } else { Ok(None) };
        };
        let auto_migrate = self.layers.find("postgres.autoMigrate").and_then(|found| found.value.as_bool());
        Ok(Some(PostgresConfig {
            url,
            pool_size: self.layers.count("postgres.poolSize"),
            auto_migrate: auto_migrate == Some(true),
        }))
    }

    /// Without an archive a task that left Redis would be lost.
    fn refuse_what_needs_an_archive(&self, has_postgres: bool) -> Result<(), ConfigError> {
        let archived = self.storage == Storage::Redis && has_postgres;
        for path in [FINISHED, IDLE] {
            if self.layers.explicit(path).is_some() && !archived {
                return Err(ConfigError::NeedsArchive { setting: self.layers.describe(path) });
            }
        }
        Ok(())
    }

    /// A variable may be set for other programs as well; a file that says two things, or a database that nobody chose
    /// and nobody would use, is a mistake.
    fn tolerate_unused(&self, path: &'static str) -> Result<String, ConfigError> {
        let from_variable =
            self.layers.explicit(path).is_some_and(|found| matches!(found.origin, Origin::Variable(_)));
        let stated = self.layers.explicit(self.chooser).is_some();
        if from_variable && stated { Ok(self.layers.describe(path)) } else { Err(self.contradicts(path)) }
    }
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
#[path = "tests/storage.rs"]
mod tests;

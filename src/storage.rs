//! Opens what the configuration chooses: the store, the bus between instances, and what health reports say of them.

mod dependencies;

use std::sync::Arc;

use taskcast_actors::Hooks;
use taskcast_actors::memory::MemoryStore;
use taskcast_actors::ports::{Bus, ColdTier, StoreError, TaskStore};

use crate::config::{Config, PostgresConfig, RedisConfig, Secret, Storage};
use crate::parts::{Gauge, Parts};
use crate::stores::postgres::{self, PostgresSettings, PostgresStore};
use crate::stores::redis::{ConnectError, RedisBus, RedisSettings, RedisStore};
use crate::stores::sqlite::{OpenError, SqliteSettings, SqliteStore};
use crate::stores::tiered::{ArchiveStats, TieredSettings, TieredStore};

/// The storage cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database file cannot be used.
    #[error("cannot open the database {path}: {error}")]
    Sqlite {
        /// The file.
        path: String,
        /// Why.
        error: OpenError,
    },
    /// The configuration was made by hand and says not where the servers are.
    #[error("storage {0} needs a server that is not configured")]
    Incomplete(Storage),
    /// Tasks of this Redis may be in Postgres only.
    #[error("this Redis has an archive in Postgres, set `postgres.url` or TASKCAST_POSTGRES_URL")]
    ArchiveMissing,
    /// Redis cannot be used.
    #[error(transparent)]
    Redis(#[from] ConnectError),
    /// Postgres cannot be used.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    /// A server does not answer.
    #[error("storage does not work: {0}")]
    Store(#[from] StoreError),
}

/// What an engine is built on.
pub(crate) struct Opened {
    /// Where tasks are.
    pub(crate) store: Arc<dyn TaskStore>,
    /// What other instances hear, if there may be any.
    pub(crate) bus: Option<Arc<dyn Bus>>,
    /// Where tasks may be moved to.
    pub(crate) cold: Option<Arc<dyn ColdTier>>,
    /// What to say of it.
    pub(crate) parts: Parts,
}

/// Opens the storage that `config` chooses. `hooks` are told when what it does in the background fails.
pub(crate) async fn open(config: &Config, hooks: &Hooks) -> Result<Opened, StorageError> {
    // The drivers of Redis and Postgres share one TLS library, which has to know its provider before the first use. An
    // embedder may have chosen one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match (config.storage, &config.redis, &config.postgres) {
        (Storage::Memory, ..) => Ok(alone(Arc::new(MemoryStore::new()), Storage::Memory)),
        (Storage::Sqlite, ..) => {
            let path = &config.db_path;
            let opened = SqliteStore::open(path, SqliteSettings::default());
            let opened =
                opened.map_err(|error| StorageError::Sqlite { path: path.display().to_string(), error })?;
            Ok(alone(Arc::new(opened), Storage::Sqlite))
        }
        (Storage::Redis, Some(redis), None) => open_redis(redis).await,
        (Storage::Redis, Some(redis), Some(postgres)) => open_tiered(config, redis, postgres, hooks).await,
        (Storage::Postgres, redis, Some(postgres)) => open_postgres(redis.as_ref(), postgres).await,
        (storage, ..) => Err(StorageError::Incomplete(storage)),
    }
}

/// A store that no other instance shares.
fn alone(store: Arc<dyn TaskStore>, storage: Storage) -> Opened {
    let provider = storage.as_str();
    let durable = storage == Storage::Sqlite;
    let survives = match durable {
        true => "the end of the process and loss of power",
        false => "nothing: tasks are lost when the process ends",
    };
    let long_term = durable.then_some(provider);
    Opened { store, bus: None, cold: None, parts: parts("memory", provider, long_term, survives) }
}

fn parts(
    broadcast: &'static str,
    short_term: &'static str,
    long_term: Option<&'static str>,
    survives: &'static str,
) -> Parts {
    Parts {
        broadcast,
        short_term,
        long_term,
        survives,
        releases: false,
        dependencies: Vec::new(),
        gauges: Vec::new(),
    }
}

async fn open_redis(config: &RedisConfig) -> Result<Opened, StorageError> {
    let store = RedisStore::connect(settings(config, &config.url)).await?;
    if store.has_archive().await? {
        return Err(StorageError::ArchiveMissing);
    }
    let store = Arc::new(store);
    let bus = Arc::new(bus(config, Some(&store)).await?);
    let survives = "the end of every instance; loss of Redis as far as its persistence is set to";
    let mut parts = parts("redis", "redis", None, survives);
    parts.dependencies = vec![dependencies::redis(&store), dependencies::bus(&bus)];
    Ok(Opened { store, bus: Some(bus), cold: None, parts })
}

async fn open_postgres(redis: Option<&RedisConfig>, config: &PostgresConfig) -> Result<Opened, StorageError> {
    let store = Arc::new(PostgresStore::open(postgres_settings(config)).await?);
    let survives = "the end of every instance, and what a commit in Postgres survives";
    let broadcast = if redis.is_some() { "redis" } else { "memory" };
    let mut parts = parts(broadcast, "postgres", Some("postgres"), survives);
    parts.dependencies = vec![dependencies::postgres(&store, true)];
    let mut opened = Opened { store, bus: None, cold: None, parts };
    if let Some(redis) = redis {
        let bus = Arc::new(bus(redis, None).await?);
        opened.parts.dependencies.extend([dependencies::speaking(&bus), dependencies::bus(&bus)]);
        opened.bus = Some(bus);
    }
    Ok(opened)
}

async fn open_tiered(
    config: &Config,
    redis: &RedisConfig,
    postgres: &PostgresConfig,
    hooks: &Hooks,
) -> Result<Opened, StorageError> {
    let hot = RedisSettings { archived: true, ..settings(redis, &redis.url) };
    let hot = Arc::new(RedisStore::connect(hot).await?);
    let archive = Arc::new(PostgresStore::open(postgres_settings(postgres)).await?);
    let bus = Arc::new(bus(redis, Some(&hot)).await?);
    let survives = "the end of every instance; loss of Redis as far as its persistence is set to, and from \
                    about a second later on as far as Postgres";
    let mut parts = parts("redis", "redis", Some("postgres"), survives);
    parts.dependencies =
        vec![dependencies::redis(&hot), dependencies::bus(&bus), dependencies::postgres(&archive, false)];
    let release =
        TieredSettings { release_finished: config.release.finished, release_idle: config.release.idle };
    let store = Arc::new(TieredStore::start(hot, archive, release, Arc::new(hooks.clone())).await?);
    parts.releases = true;
    parts.gauges = archive_gauges(&store.stats());
    Ok(Opened { store: Arc::clone(&store) as _, bus: Some(bus), cold: Some(store), parts })
}

fn settings(config: &RedisConfig, url: &Secret) -> RedisSettings {
    RedisSettings { url: url.0.clone(), prefix: config.prefix.clone(), ..RedisSettings::default() }
}

fn postgres_settings(config: &PostgresConfig) -> PostgresSettings {
    PostgresSettings {
        pool_size: config.pool_size,
        auto_migrate: config.auto_migrate,
        ..PostgresSettings::new(config.url.0.clone())
    }
}

/// The bus, over the connection of the store where both are on the same server.
async fn bus(config: &RedisConfig, store: Option<&RedisStore>) -> Result<RedisBus, StorageError> {
    Ok(match store.filter(|_| config.bus_url == config.url) {
        Some(store) => RedisBus::beside(store).await?,
        None => RedisBus::connect(&settings(config, &config.bus_url)).await?,
    })
}

type Reading = fn(&ArchiveStats) -> f64;

fn archive_gauges(stats: &Arc<ArchiveStats>) -> Vec<Gauge> {
    let table: [(&str, &str, &str, Reading); 4] = [
        ("taskcast_archive_lag_seconds", "Since when the archive lacks something", "gauge", |stats| {
            stats.lag().as_secs_f64()
        }),
        ("taskcast_archive_tasks_behind", "Tasks the archive lacks something of", "gauge", |stats| {
            stats.tasks_behind() as f64
        }),
        ("taskcast_archive_failures_total", "Attempts to archive that failed", "counter", |stats| {
            stats.failures() as f64
        }),
        ("taskcast_tasks_released_total", "Tasks that left Redis for the archive", "counter", |stats| {
            stats.released() as f64
        }),
    ];
    let gauge = |(name, help, kind, read): (&'static str, &'static str, &'static str, Reading)| {
        let stats = Arc::clone(stats);
        Gauge { name, help, kind, value: Box::new(move || read(&stats)) }
    };
    table.into_iter().map(gauge).collect()
}

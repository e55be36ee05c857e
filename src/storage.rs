//! Opens what the configuration chooses: the store, the bus between instances, and what health reports say of them.

use std::sync::Arc;

use taskcast_actors::memory::MemoryStore;
use taskcast_actors::ports::{Bus, TaskStore};

use crate::app::AppError;
use crate::config::{Config, Storage};
use crate::http::parts::Parts;
use crate::stores::sqlite::{SqliteSettings, SqliteStore};

/// What an engine is built on.
pub(crate) struct Opened {
    /// Where tasks are.
    pub(crate) store: Arc<dyn TaskStore>,
    /// What other instances hear, if there may be any.
    pub(crate) bus: Option<Arc<dyn Bus>>,
    /// What to say of it.
    pub(crate) parts: Parts,
}

/// Opens the storage that `config` chooses.
pub(crate) async fn open(config: &Config) -> Result<Opened, AppError> {
    match config.storage {
        Storage::Memory => Ok(Opened::alone(Arc::new(MemoryStore::new()), Storage::Memory)),
        Storage::Sqlite => {
            let path = &config.db_path;
            let opened = SqliteStore::open(path, SqliteSettings::default());
            let opened =
                opened.map_err(|error| AppError::Open { path: path.display().to_string(), error })?;
            Ok(Opened::alone(Arc::new(opened), Storage::Sqlite))
        }
        Storage::Redis | Storage::Postgres => Err(AppError::NotYet(config.storage)),
    }
}

impl Opened {
    /// A store that no other instance shares.
    fn alone(store: Arc<dyn TaskStore>, storage: Storage) -> Self {
        let provider = storage.as_str();
        let durable = storage == Storage::Sqlite;
        let survives = match durable {
            true => "the end of the process and loss of power",
            false => "nothing: tasks are lost when the process ends",
        };
        let parts = Parts {
            broadcast: "memory",
            short_term: provider,
            long_term: durable.then_some(provider),
            survives,
            releases: false,
            dependencies: Vec::new(),
            gauges: Vec::new(),
        };
        Self { store, bus: None, parts }
    }
}

//! What only the PostgreSQL store promises: about its schema, other instances, and a server that comes and goes.

use std::sync::Arc;

use taskcast::stores::postgres::{PostgresSettings, PostgresStore};

use crate::support::servers::{Database, Postgres};

/// A database of the shared server.
pub(super) async fn database() -> Database {
    Postgres::shared().await.database().await
}

pub(super) fn settings(database: &Database) -> PostgresSettings {
    PostgresSettings { auto_migrate: true, pool_size: 4, ..PostgresSettings::new(database.url.as_str()) }
}

/// A store over `database`, with its schema.
pub(super) async fn open(database: &Database) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(settings(database)).await.expect("the database can be used"))
}

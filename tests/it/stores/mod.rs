//! Every store keeps every promise of the port.

mod postgres;
mod postgres_archive;
mod postgres_plans;
mod sqlite;

use std::sync::Arc;

taskcast_actors::store_suite!(sqlite_suite, {
    let (dir, path) = sqlite::place();
    (Arc::new(sqlite::open(&path)), dir)
});

taskcast_actors::store_suite!(postgres_suite, postgres::open(&postgres::database().await).await);

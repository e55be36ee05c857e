//! Every store keeps every promise of the port.

mod sqlite;

use std::sync::Arc;

taskcast_actors::store_suite!(sqlite_suite, {
    let (dir, path) = sqlite::place();
    (Arc::new(sqlite::open(&path)), dir)
});

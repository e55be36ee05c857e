//! Whether the database works at present.

use taskcast_actors::ports::{ErrorKind, StoreError};

use super::error::{Failure, unavailable};
use super::readers::Readers;

const RECOVERY: &str = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool";
const PROBE: &str = "UPDATE taskcast_migrations SET name = name WHERE version = 1";

/// Asks the database, and writes to it if writing failed lately.
pub(super) async fn check(readers: &Readers, failing: bool) -> Result<(), StoreError> {
    let rows = readers.query(RECOVERY, &[]).await?;
    let read_only = rows.first().map(|row| row.try_get(0)).transpose().map_err(Failure::from)?;
    if read_only == Some(true) {
        return Err(unavailable(ErrorKind::Unavailable, "the database takes no writes at present"));
    }
    if failing {
        readers.query(PROBE, &[]).await?;
    }
    Ok(())
}

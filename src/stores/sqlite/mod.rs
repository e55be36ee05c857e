//! Tasks in one SQLite file: what a commit acknowledged survives a killed process and a power loss.
//!
//! One thread writes, and everything that queued up while it wrote shares its next transaction and fsync. Reads run
//! on threads with connections of their own and see every commit that was acknowledged before they began. No file
//! is ever served by two processes. What is deliberately absent: any knowledge of what a head or a payload means.
//!
//! ## Layout
//! - `connection`, `lock`, `schema`: from a path to connections that may be used
//! - `job`, `writer`, `group`, `write`, `orphans`: the writing side, from the queue to the statements
//! - `readers`: the reading side; `heads`, `page`, `seek`, `list`, `due` are what it runs
//! - `receipts`: by which repeated requests are recognised, on both sides
//! - `head_row`, `event_row`: how heads and events become columns

mod connection;
mod due;
mod error;
mod event_row;
mod group;
mod head_row;
mod heads;
mod job;
mod list;
mod lock;
mod orphans;
mod page;
mod readers;
mod receipts;
mod schema;
mod seek;
mod settings;
mod store;
mod write;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use self::error::OpenError;
use self::lock::FileLock;
use self::readers::Readers;
pub use self::settings::SqliteSettings;
use self::writer::Writer;

/// Keeps tasks in one SQLite file. Dropping it waits until what is queued has been written.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    /// Whether the last write failed for a reason that concerns all writes.
    failing: Arc<AtomicBool>,
    /// Declared last, so that the file is given free after every connection is closed.
    _lock: FileLock,
}

impl SqliteStore {
    /// Opens the file at `path`, or creates it, and brings its schema up to date. This blocks on the disk for some
    /// milliseconds, whatever the file holds.
    ///
    /// # Errors
    /// When the file cannot be used, is in use by another process, or was written by a newer version.
    pub fn open(path: &Path, settings: SqliteSettings) -> Result<Self, OpenError> {
        let path = connection::prepare_file(path)?;
        let lock = FileLock::take(&path)?;
        let mut connection = connection::writing(&path, &settings)?;
        schema::migrate(&mut connection)?;
        let readers = Readers::start(&path, &settings)?;
        let failing = Arc::new(AtomicBool::new(false));
        let writer = Writer::start(connection, &settings, Arc::clone(&failing))?;
        Ok(Self { writer, readers, failing, _lock: lock })
    }
}

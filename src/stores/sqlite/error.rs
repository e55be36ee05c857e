//! What SQLite says, in the words of the port.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use taskcast_actors::ports::{ErrorKind, StoreError};

/// A file cannot serve as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system refuses.
    #[error("cannot open the database file {}: {source}; check that its directory exists and is writable", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Another process, or another store in this one, serves the file.
    #[error("the database file {} is in use by another taskcast; stop it or choose another file", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The schema has steps this program does not know.
    #[error("the database has schema {found}, this program knows {known}; use a newer taskcast")]
    Newer {
        /// The schema of the file.
        found: i64,
        /// The newest schema of this program.
        known: i64,
    },
    /// SQLite refuses the file.
    #[error("cannot use the database file: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A thread cannot be started.
    #[error("cannot start a thread of the store: {0}")]
    Thread(std::io::Error),
}

/// Why a read gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => error,
            ReadError::Sqlite(error) => of_sqlite(&error),
        }
    }
}

/// What `error` means to the engine.
pub(super) fn of_sqlite(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(error.to_string()),
        Some(_) => unavailable(error.to_string()),
        None => StoreError::Corrupt(error.to_string()),
    }
}

/// The store does not work at present.
pub(super) fn unavailable(detail: String) -> StoreError {
    StoreError::Unavailable { dependency: "sqlite", kind: ErrorKind::Unavailable, detail }
}

/// What was stored is not what any version of this program writes.
pub(super) fn corrupt(what: impl std::fmt::Display) -> ReadError {
    ReadError::Store(StoreError::Corrupt(what.to_string()))
}

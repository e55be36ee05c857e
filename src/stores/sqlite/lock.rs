//! One process per file.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::error::OpenError;

/// The right to serve a file. The operating system takes it back when the process ends, however it ends.
///
/// The lock is on a file of its own: closing any handle of the database file would take away the locks that SQLite
/// holds on it (<https://sqlite.org/howtocorrupt.html>, section 2.2).
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the right to serve the file at `path`, which must be canonical.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let mut name = path.as_os_str().to_owned();
        name.push("-lock");
        let lock_path = PathBuf::from(name);
        let io = |source| OpenError::Io { path: lock_path.clone(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let file = file.map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}

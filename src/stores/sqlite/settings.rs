//! What may be chosen about a SQLite store.

/// What may be chosen about a [`super::SqliteStore`]. The default suits one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteSettings {
    /// Threads that read, each with its own connection; at least one is started.
    pub readers: usize,
    /// Writes, and as many reads, that may wait in a queue; more of them wait before it.
    pub queue: usize,
    /// Largest size of the file, in pages of 4096 bytes; `None` is as large as the disk allows.
    pub max_pages: Option<u32>,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        Self { readers: 2, queue: 1024, max_pages: None }
    }
}

//! Tasks in PostgreSQL, for any number of instances: what a commit acknowledged is in the database's own log.
//!
//! One connection writes, and everything that queued up while it wrote shares its next transaction. A commit compares
//! the stamp and appends in one statement, so the database decides which instance was first. Reads are one statement
//! each, over a pool, so each of them is one snapshot. What is deliberately absent: any knowledge of what a head or a
//! payload means, and any lock that one instance could hold while it is not writing.
//!
//! ## Layout
//! - `settings`, `tls`, `connect`, `schema`: from a connection string to connections that may be used
//! - `job`, `writer`, `flight`: the writing side, from the queue to the transaction; `long`: what is too long for it
//! - `readers`: the pool; `heads`, `page`, `seek`, `list`, `due`, `health`, `receipts` are what is asked over it
//! - `head_row`, `event_row`, `event_columns`, `marks`, `json`: how heads and events become columns
//! - `archive/`: the database behind another store
//! - `sql/`: the statements

mod archive;
mod connect;
mod due;
mod error;
mod event_columns;
mod event_row;
mod flight;
mod head_row;
mod heads;
mod health;
mod job;
mod json;
mod list;
mod long;
mod marks;
mod page;
mod readers;
mod receipts;
pub mod schema;
mod seek;
mod settings;
mod store;
mod tls;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32};

pub use self::archive::{ArchiveOutcome, ArchivePiece, Begun, GoneSlot, Holding, PieceWriter, SlotState};
use self::connect::Connector;
pub use self::error::OpenError;
use self::readers::Readers;
pub use self::settings::PostgresSettings;
use self::writer::Writer;
use super::link::LinkState;

/// Keeps tasks in a PostgreSQL database.
pub struct PostgresStore {
    writer: Writer,
    readers: Readers,
    /// Whether the last write failed for a reason that concerns all writes.
    failing: Arc<AtomicBool>,
    link: Arc<LinkState>,
    /// Receipts swapped so far.
    swaps: AtomicU32,
}

impl PostgresStore {
    /// Connects to a database and looks at its schema. From then on connections that are lost are made again.
    ///
    /// All connections live in the runtime this is called in.
    ///
    /// # Errors
    /// When the database cannot be reached, or its schema is not the one this program knows and may not be changed.
    pub async fn open(settings: PostgresSettings) -> Result<Self, OpenError> {
        let connector = Connector::new(settings)?;
        schema::ensure(&connector).await?;
        let link = Arc::clone(&connector.link);
        link.connected();
        let readers = Readers::new(&connector)?;
        let failing = Arc::new(AtomicBool::new(false));
        let writer = Writer::start(connector, Arc::clone(&failing));
        Ok(Self { writer, readers, failing, link, swaps: AtomicU32::default() })
    }

    /// How it stands with the server.
    pub fn link(&self) -> &Arc<LinkState> {
        &self.link
    }
}

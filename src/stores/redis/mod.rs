//! Tasks in Redis, and the bus between instances over its messages.
//!
//! A task is a hash, a stream and a hash of marks; indexes are sorted sets of every partition. One script is one
//! commit: it compares stamps, moves opaque bytes and keeps the indexes in step. All keys of a task and of the indexes
//! it is in share a hash tag. What is deliberately absent: any knowledge of what a head or a payload means, scans over
//! keys, and answers without a bound.
//!
//! With an archive behind it (`RedisSettings::archived`) the scripts also note what the archive lacks, and a task whose
//! archive is complete may be released. How that is used is for the store that is made of both; here are the moves.
//!
//! ## Layout
//! - `settings`, `address`: what may be chosen, and what the client is told of it
//! - `link`, `scripts`: a connection that mends itself, and how it fares
//! - `keys`, `head_fields`, `event_fields`: how heads and events become keys, members and fields; `reply` reads answers
//! - `write`, `stage`; `heads`, `page`, `seek`, `list`, `due`: what `store` promises; `lookup` says what is not here
//! - `receipts`: by which repeated requests are recognised
//! - `tier`: the moves between this store and an archive
//! - `bus`: messages

mod address;
mod bus;
mod due;
mod error;
mod event_fields;
mod head_fields;
mod heads;
mod keys;
mod link;
mod list;
mod lookup;
mod page;
mod receipts;
mod reply;
mod scripts;
mod seek;
mod settings;
mod stage;
mod store;
mod tier;
mod write;

use std::sync::Arc;

pub use self::bus::RedisBus;
pub use self::error::ConnectError;
use self::keys::Keys;
use self::link::Link;
pub use self::lookup::Lookup;
pub use self::settings::RedisSettings;
pub use self::tier::{
    Ahead, Archived, Departures, HotPage, HotSeek, Idle, Lag, PARTITIONS, Restored, Snapshot, Touched,
};

/// Events that may wait for a look at a connection that no messages come in on.
const EVENTS: usize = 64;

/// Keeps tasks in Redis.
pub struct RedisStore {
    link: Arc<Link>,
    keys: Keys,
    settings: RedisSettings,
    /// What this store is called among those that write the same tasks.
    writer: String,
}

impl RedisStore {
    /// Connects to the server of `settings`. From then on the connection mends itself.
    ///
    /// # Errors
    /// When the settings make no sense, or the server cannot be reached, refuses us or is too old.
    pub async fn connect(settings: RedisSettings) -> Result<Self, ConnectError> {
        let keys = Keys::new(&settings.prefix)?;
        let link = Link::connect(address::config(&settings)?, &settings, error::COMMANDS, EVENTS).await?;
        Ok(Self { link: Arc::new(link), keys, settings, writer: format!("{:016x}", fastrand::u64(..)) })
    }

    /// How the connection fares.
    pub fn link(&self) -> Arc<super::link::LinkState> {
        self.link.state()
    }

    fn archived(&self) -> bool {
        self.settings.archived
    }
}

//! The moves between this store and an archive behind it.
//!
//! A task is *ahead* while the archive lacks something of it. `snapshot` says what; once the archive has it,
//! `mark_archived` says so. A task that is not ahead may be `release`d, and `restore`d when it is written to again. A
//! deleted task leaves a tombstone until the archive has forgotten it too, which `bury` says. `over` lists the
//! incarnations the archive may hold of logs that others took the place of.

mod archive;
mod lease;
mod moves;
mod snapshot;
mod types;

pub use self::types::{
    Ahead, Archived, Departures, HotPage, HotSeek, Idle, Lag, Restored, Snapshot, Touched,
};

/// Partitions are numbered from 0 up to this.
pub const PARTITIONS: u8 = super::keys::PARTITIONS;

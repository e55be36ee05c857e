//! Where a reader starts, and what has to be known for that (PROTOCOL §9.3, §9.4).

use super::Timestamp;
use super::change::Stamp;
use super::filter::EventFilter;
use super::state::State;

/// Where a reader starts, with ids and times already turned into indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Everything visible, each accumulate series collapsed into one snapshot.
    #[default]
    Beginning,
    /// Everything visible from a cursor on, uncollapsed.
    After {
        /// The first index that may be sent.
        index: u64,
        /// Only events with a larger rank are sent from the replay.
        rank_above: Option<i64>,
        /// Only later events are sent from the replay.
        later_than: Option<Timestamp>,
    },
    /// A reader that lost its task actor goes on where it was.
    Resume {
        /// The first index that has not been read.
        index: u64,
        /// The number of matching events below it.
        rank: u64,
        /// The log that was being read.
        incarnation: u64,
    },
}

/// Where a reader begins to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The first index to read.
    pub index: u64,
    /// The number of matching events below it.
    pub rank: u64,
    /// The log as it was when the reader joined; what is below its version is replay.
    pub boundary: Stamp,
    /// The number of matching events below the boundary.
    pub rank_at_boundary: u64,
}

impl Plan {
    /// Plans a reader with `filter` from `start` on a task in `state`.
    pub fn new(state: &State, filter: &EventFilter, start: &Start) -> Self {
        let end = state.stamp.version;
        let (index, rank) = match start {
            Start::Beginning => (0, 0),
            Start::After { index, rank_above, .. } => from_cursor(state, filter, *index, *rank_above),
            Start::Resume { index, rank, .. } => (*index, *rank),
        };
        let rank_at_boundary = state.ranks.rank(filter, end);
        Self { index, rank, boundary: state.stamp, rank_at_boundary }
    }
}

fn from_cursor(state: &State, filter: &EventFilter, index: u64, rank_above: Option<i64>) -> (u64, u64) {
    let index = index.min(state.stamp.version);
    let wanted = rank_above.map_or(0, |rank| u64::try_from(rank.saturating_add(1)).unwrap_or(0));
    let selected = state.ranks.select(filter, wanted);
    if selected.0 >= index { selected } else { (index, state.ranks.rank(filter, index)) }
}

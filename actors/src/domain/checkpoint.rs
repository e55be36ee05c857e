//! A state as bytes, so that recovery need not start at the first event.
//!
//! A checkpoint is written when a multiple of what it holds was appended since the last one, so all checkpoints of a
//! log together cost a fraction of the log: the n-th event costs the same whatever n is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::change::Checkpoint;
use super::event::Level;
use super::record::EventRecord;
use super::series::OwnedSeriesParts;
use super::state::State;
use super::task::Head;

/// Fewer appended bytes than this are folded again faster than a checkpoint is read.
const WORTHWHILE: usize = 256 * 1024;

/// A checkpoint is written when this many times its size has been appended: it then costs a fraction of the events.
const APPENDED: usize = 4;

#[derive(Serialize, Deserialize)]
struct Stored {
    last_at: Timestamp,
    kinds: Vec<(String, Level)>,
    runs: Vec<(u32, u32)>,
    series: Vec<StoredSeries>,
    clients: Vec<(Arc<str>, u64)>,
}

#[derive(Serialize, Deserialize)]
struct StoredSeries {
    last: EventRecord,
    running: Option<(EventRecord, Option<String>)>,
    newest_latest: Option<u64>,
    uniform: bool,
}

/// The checkpoint to store with the next commit, if one is worth it.
pub fn due(state: &State) -> Option<Checkpoint> {
    let worth = state.since_checkpoint >= WORTHWHILE
        && state.since_checkpoint >= APPENDED * (state.series.weight() + state.ranks.weight());
    worth.then(|| Checkpoint { version: state.stamp.version, bytes: encode(state).into() })
}

/// The bytes of a checkpoint of `state`.
pub(super) fn encode(state: &State) -> Vec<u8> {
    let (kinds, runs) = state.ranks.runs();
    let series = state.series.parts().map(|parts| StoredSeries {
        last: EventRecord::of(parts.last),
        running: parts.running.map(|(event, text)| (EventRecord::of(event), text.map(str::to_owned))),
        newest_latest: parts.newest_latest,
        uniform: parts.uniform,
    });
    let stored = Stored {
        last_at: state.last_at,
        kinds: kinds.into_iter().map(|(name, level)| (name.to_owned(), level)).collect(),
        runs,
        series: series.collect(),
        clients: state.clients.iter().map(|(id, next)| (Arc::clone(id), *next)).collect(),
    };
    serde_json::to_vec(&stored).expect("a checkpoint serialises")
}

/// The state that `checkpoint` describes, under the present `head`.
///
/// # Errors
/// When the bytes are not a checkpoint; the caller then folds the log from its first event.
pub fn restore(
    head: Arc<Head>,
    stamp: super::change::Stamp,
    checkpoint: &Checkpoint,
) -> Result<State, serde_json::Error> {
    let stored: Stored = serde_json::from_slice(&checkpoint.bytes)?;
    let mut state = State::before_log(head, stamp.incarnation, stamp.revision);
    let kinds: Vec<(Arc<str>, Level)> =
        stored.kinds.into_iter().map(|(name, level)| (name.into(), level)).collect();
    for (kind, count) in stored.runs {
        let (name, level) = &kinds[kind as usize];
        for _ in 0..count {
            state.ranks.push(name, *level);
        }
    }
    let task_id = state.head.task.id.clone();
    for series in stored.series {
        let parts = OwnedSeriesParts {
            last: series.last.into_event(&task_id),
            running: series.running.map(|(event, text)| (event.into_event(&task_id), text)),
            newest_latest: series.newest_latest,
            uniform: series.uniform,
        };
        state.series.restore(parts);
    }
    state.clients = stored.clients.into_iter().collect();
    state.last_at = stored.last_at;
    state.stamp.version = checkpoint.version;
    Ok(state)
}

//! What the only writer of a task holds in memory, and how a change moves it.

use std::collections::HashMap;
use std::sync::Arc;

use super::change::{Change, Stamp};
use super::event::TaskEvent;
use super::ranks::Ranks;
use super::series::{SeriesTable, Superseded};
use super::task::Head;
use super::{Json, Timestamp};

/// Everything that deciding about a task needs. All but the head can be folded again from the log.
#[derive(Clone, Debug)]
pub struct State {
    /// The task and its timers.
    pub head: Arc<Head>,
    /// How far the log is.
    pub stamp: Stamp,
    /// When the newest event was appended; later ones are never earlier.
    pub last_at: Timestamp,
    /// Type and level of every event.
    pub ranks: Ranks,
    /// The newest values of all series.
    pub series: SeriesTable,
    /// The next expected number of each numbering client (PROTOCOL §8.5).
    pub clients: HashMap<Arc<str>, u64>,
    /// Bytes appended since the last checkpoint.
    pub since_checkpoint: usize,
}

impl State {
    /// The state of a task whose log is still to be folded in.
    pub fn before_log(head: Arc<Head>, incarnation: u64, revision: u64) -> Self {
        Self {
            head,
            stamp: Stamp { incarnation, version: 0, revision },
            last_at: Timestamp::default(),
            ranks: Ranks::default(),
            series: SeriesTable::default(),
            clients: HashMap::new(),
            since_checkpoint: 0,
        }
    }

    /// Moves the state over `change`, which was decided on it. The caller keeps the stamp's revision, since one
    /// commit may carry several changes.
    pub fn apply(&mut self, change: &Change) -> Vec<Superseded> {
        if let Some(head) = &change.head {
            self.head = Arc::clone(head);
        }
        let superseded = change.events.iter().filter_map(|event| self.fold(event)).collect();
        if self.head.task.status.is_terminal() {
            self.clients = HashMap::new();
        }
        superseded
    }

    /// Takes the next event of the log in.
    pub fn fold(&mut self, event: &Arc<TaskEvent>) -> Option<Superseded> {
        debug_assert_eq!(event.index, self.stamp.version, "events are folded in index order");
        self.stamp.version = event.index + 1;
        self.last_at = self.last_at.max(event.timestamp);
        self.since_checkpoint += event.weight();
        self.ranks.push(&event.event_type, event.level);
        if let Some(client) = event.client.as_deref() {
            self.expect_after(&client.id, client.seq);
        }
        self.series.apply(event)
    }

    /// Takes the place of an event in whose payload is gone.
    pub fn fold_gone(&mut self, event_type: &Arc<str>, level: super::event::Level) {
        self.stamp.version += 1;
        self.ranks.push(event_type, level);
    }

    fn expect_after(&mut self, client: &Arc<str>, seq: u64) {
        match self.clients.get_mut(client) {
            Some(expected) => *expected = (*expected).max(seq + 1),
            None => {
                self.clients.insert(Arc::clone(client), seq + 1);
            }
        }
    }

    /// The running value at `event`, if `event` is the newest of an accumulate series.
    pub fn running_value(&self, event: &TaskEvent) -> Option<Json> {
        self.series.running_value(event)
    }
}

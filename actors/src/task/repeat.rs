//! What an earlier attempt of a command has written: of one that is tried again, or that another engine may have been
//! given under the same key. No actix in this file.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;

use super::appended::Appended;
use super::order::{Attempt, Bound};
use super::write::{Batch, Written};
use crate::domain::{Change, Command, Entropy, EventId, State};
use crate::error::EngineError;
use crate::ports::{self, StoreError};
use crate::written::{self, Place};

/// Slots looked through at once when searching backwards for what a command wrote.
const SEARCH_PAGE: u64 = 256;

/// What the commands under keys have written so far, read once for a whole batch.
pub(super) type Earlier = Result<HashMap<Entropy, Vec<Place>, RandomState>, StoreError>;

impl Batch<'_> {
    /// Whether a command under a key is meant for another log than that of `state`.
    pub(super) fn doubts(&self, state: &State) -> bool {
        let other = |bound: &Bound| bound.incarnation != state.stamp.incarnation;
        self.attempts.iter().filter_map(|attempt| attempt.bound.as_ref()).any(other)
    }

    /// Reads what the commands under keys may have written since their bounds. Other engines are at work on the same
    /// keys, so this is done in every round; a log that nobody else has moved costs nothing.
    pub(super) async fn earlier(&self, state: &State) -> Earlier {
        let keyed = || self.attempts.iter().filter_map(|attempt| Some((attempt.entropy, attempt.bound?)));
        let Some(from) = keyed().map(|(_, bound)| bound.version).min() else { return Ok(HashMap::default()) };
        let wanted = keyed().map(|(entropy, _)| entropy).collect();
        let log = (self.id, state.stamp.incarnation);
        written::find_all(&*self.shared.store, log, from..state.stamp.version, &wanted).await
    }

    /// What the command of `attempt` has written: in the log, or in `change`, by another attempt in the same batch.
    pub(super) fn written_under_key(
        &self,
        state: &State,
        attempt: &Attempt,
        (bound, earlier): (&Bound, &Earlier),
        change: &Change,
    ) -> Result<Option<Written>, EngineError> {
        if bound.incarnation != state.stamp.incarnation {
            return Err(StoreError::Gone.into());
        }
        let earlier = earlier.as_ref().map_err(Clone::clone)?;
        let logged = earlier.get(&attempt.entropy).into_iter().flatten().cloned();
        let own = change.events.iter().filter(|event| event.id.drawn_from(attempt.entropy));
        let places: Vec<_> = logged.chain(own.map(|event| (event.id.clone(), event.index))).collect();
        if !places.is_empty() {
            let mut written = self.rebuilt(state, attempt, &places)?;
            written.events = written.events.of_somebody_else(!attempt.again);
            return Ok(Some(written));
        }
        if self.shared.now() > bound.deadline {
            return Err(EngineError::Overloaded);
        }
        Ok(None)
    }

    /// What an earlier attempt of the same command wrote, if it did.
    pub(super) async fn written_before(
        &self,
        state: &State,
        attempt: &Attempt,
    ) -> Result<Option<Written>, StoreError> {
        if !attempt.again || !attempt.command.leaves_events() {
            return Ok(None);
        }
        let places = self.find_written(state, attempt).await?;
        if places.is_empty() { Ok(None) } else { self.rebuilt(state, attempt, &places).map(Some) }
    }

    fn rebuilt(&self, state: &State, attempt: &Attempt, places: &[Place]) -> Result<Written, StoreError> {
        let events = match &*attempt.command {
            Command::Publish(events) => written::rebuilt(self.id, events, places)
                .ok_or_else(|| StoreError::Corrupt("the log has other events than were published".into()))?,
            _ => Vec::new(),
        };
        let events = Appended::again(self.id, state.stamp, events);
        let moved = !matches!(*attempt.command, Command::Publish(_));
        Ok(Written { events, head: Arc::clone(&state.head), moved })
    }

    /// Ids and indexes of the events that the command of `attempt` wrote. What it wrote is not older than its
    /// first attempt, so the log is searched backwards only that far.
    async fn find_written(
        &self,
        state: &State,
        attempt: &Attempt,
    ) -> Result<Vec<(EventId, u64)>, StoreError> {
        let mut found = Vec::new();
        let mut end = state.stamp.version;
        while end > 0 {
            let from = end.saturating_sub(SEARCH_PAGE);
            let range =
                ports::Range { max_slots: usize::MAX, max_bytes: usize::MAX, ..ports::Range::new(from, end) };
            let range = ports::Range { deltas: false, ..range };
            let page = self.shared.store.events(self.id, range).await?;
            let ids = page.slots.iter().map(|slot| (slot.id().clone(), slot.index()));
            let mut own: Vec<_> = ids.filter(|(id, _)| id.drawn_from(attempt.entropy)).collect();
            own.append(&mut found);
            found = own;
            let oldest = page.slots.first().and_then(|slot| slot.id().timestamp());
            if oldest.is_none_or(|oldest| oldest < attempt.since) {
                break;
            }
            end = from;
        }
        Ok(found)
    }
}

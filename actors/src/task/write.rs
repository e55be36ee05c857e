//! The write path: decide all → commit → on conflict read again and decide again. No actix in this file.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::order::Attempt;
use super::recover::recover;
use crate::domain::{
    Change, CheckpointChange, Circumstances, Command, EventId, Head, Json, Rejection, State, Superseded,
    TaskEvent, TaskId, checkpoint, decide,
};
use crate::error::EngineError;
use crate::ports::{CommitError, Range, StoreError};
use crate::shared::Shared;

/// After this many lost races in a row a command is given up: somebody else writes all the time.
const MAX_CONFLICTS: usize = 64;
/// How often the log is read to find out whether a commit was made whose answer was lost.
const MAX_LOOKS: u32 = 5;
/// Slots looked through at once when searching for what a command wrote.
const SEARCH_PAGE: u64 = 256;

/// What a command did.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// Its events.
    pub(super) events: Vec<Arc<TaskEvent>>,
    /// The task after it.
    pub(super) head: Arc<Head>,
}

/// What writing a batch came to.
pub(super) struct Outcome {
    /// The state after it; `None` when it has to be read again, or there is no such task.
    pub(super) state: Option<State>,
    /// One result per command.
    pub(super) results: Vec<Result<Written, EngineError>>,
    /// What was committed, with running values where they were wanted.
    pub(super) committed: Vec<(Arc<TaskEvent>, Option<Json>)>,
    /// The commit itself, if there was one.
    pub(super) change: Option<Arc<Change>>,
    /// Whether something may have been committed that is not in `committed`, because the answer was lost.
    pub(super) unseen: bool,
}

impl Outcome {
    /// Nothing was written.
    pub(super) fn nothing() -> Self {
        Self { state: None, results: Vec::new(), committed: Vec::new(), change: None, unseen: false }
    }
}

/// One batch to write.
pub(super) struct Batch<'a> {
    pub(super) shared: &'a Shared,
    pub(super) id: &'a TaskId,
    pub(super) attempts: Vec<Attempt>,
    pub(super) running_wanted: bool,
}

/// All that was decided in one round.
struct Round {
    change: Change,
    results: Vec<Result<Written, EngineError>>,
    running: Vec<Option<Json>>,
}

impl Batch<'_> {
    /// Decides and commits the batch, starting from `state` or from what the store has.
    pub(super) async fn run(mut self, state: Option<State>) -> Outcome {
        let mut unseen = false;
        let outcome = self.run_until_known(state, &mut unseen).await;
        Outcome { unseen, ..outcome }
    }

    async fn run_until_known(&mut self, mut state: Option<State>, unseen: &mut bool) -> Outcome {
        let mut looks = 0;
        for _ in 0..MAX_CONFLICTS {
            let current = match state.take() {
                Some(state) => state,
                None => match self.recover(&mut looks).await {
                    Ok(Some(state)) => state,
                    Ok(None) => return self.failed(&EngineError::NotFound),
                    Err(error) => return self.failed(&error),
                },
            };
            match self.round(current).await {
                Ok(outcome) => return outcome,
                Err(CommitError::Conflict) => {
                    self.shared.stats.conflicts.fetch_add(1, Relaxed);
                }
                Err(CommitError::NotWritten(error)) => return self.failed(&EngineError::Store(error)),
                Err(CommitError::Unknown(error)) => {
                    self.attempts.iter_mut().for_each(|attempt| attempt.again = true);
                    looks = MAX_LOOKS;
                    *unseen = true;
                    tracing::warn!(task = %self.id, %error, "the answer to a commit was lost: reading the log");
                }
            }
        }
        self.failed(&EngineError::Overloaded)
    }

    /// Reads the state again. After a lost answer this is tried a few times, since only the log can tell.
    async fn recover(&self, looks: &mut u32) -> Result<Option<State>, EngineError> {
        loop {
            match recover(&*self.shared.store, self.id).await {
                Ok(state) => return Ok(state),
                Err(error @ StoreError::Unavailable { .. }) if *looks > 0 => {
                    *looks -= 1;
                    if *looks == 0 {
                        return Err(EngineError::Unknown(error));
                    }
                    tokio::time::sleep(Duration::from_millis(20 << (MAX_LOOKS - *looks))).await;
                }
                Err(error) => return Err(EngineError::Store(error)),
            }
        }
    }

    async fn round(&self, mut state: State) -> Result<Outcome, CommitError> {
        let mut round = self.decide_all(&mut state).await.map_err(CommitError::NotWritten)?;
        let mut change = None;
        if !round.change.is_empty() {
            let kept = round.change.checkpoint == CheckpointChange::Keep;
            if let Some(checkpoint) = kept.then(|| checkpoint::due(&state)).flatten() {
                state.since_checkpoint = 0;
                round.change.checkpoint = CheckpointChange::Put(checkpoint);
            }
            let started = Instant::now();
            let committed = Arc::new(round.change);
            self.shared.store.commit(Arc::clone(&committed)).await?;
            self.shared.stats.commit(round.results.len(), started.elapsed());
            state.stamp = committed.next_stamp();
            change = Some(committed);
        }
        let events = change.iter().flat_map(|change| change.events.iter().cloned());
        let committed = events.zip(round.running).collect();
        Ok(Outcome { state: Some(state), results: round.results, committed, change, unseen: false })
    }

    async fn decide_all(&self, state: &mut State) -> Result<Round, StoreError> {
        let change = Change::empty(self.id.clone(), state.stamp);
        let mut round =
            Round { change, results: Vec::with_capacity(self.attempts.len()), running: Vec::new() };
        for attempt in &self.attempts {
            if let Some(written) = self.written_before(state, attempt).await? {
                round.results.push(Ok(written));
                continue;
            }
            let result = self.decide(state, attempt, &mut round);
            round.results.push(result.map_err(EngineError::Rejected));
        }
        Ok(round)
    }

    fn decide(&self, state: &mut State, attempt: &Attempt, round: &mut Round) -> Result<Written, Rejection> {
        let around = Circumstances {
            now: self.shared.now(),
            entropy: attempt.entropy,
            cleanup: &self.shared.settings.cleanup,
        };
        let change = decide(state, &attempt.command, around)?;
        let superseded = self.apply(state, &change, &mut round.running);
        let written = Written { events: change.events.clone(), head: Arc::clone(&state.head) };
        round.change.absorb(change);
        for event in superseded {
            match event {
                Superseded::Drop(index) => round.change.dropped.push(index),
                Superseded::Hide(index) => round.change.hidden.push(index),
            }
        }
        Ok(written)
    }

    /// Applies `change`; running values are made one by one when somebody wants them.
    fn apply(&self, state: &mut State, change: &Change, running: &mut Vec<Option<Json>>) -> Vec<Superseded> {
        if !self.running_wanted {
            running.extend(change.events.iter().map(|_| None));
            return state.apply(change);
        }
        let mut superseded = Vec::new();
        for event in &change.events {
            superseded.extend(state.fold(event));
            running.push(state.running_value(event));
        }
        superseded.extend(state.apply(&Change { events: Vec::new(), ..change.clone() }));
        superseded
    }

    /// What an earlier attempt of the same command wrote, if it did.
    async fn written_before(&self, state: &State, attempt: &Attempt) -> Result<Option<Written>, StoreError> {
        if !attempt.again || matches!(*attempt.command, Command::Erase { .. }) {
            return Ok(None);
        }
        let places = self.find_written(state, attempt).await?;
        if places.is_empty() {
            return Ok(None);
        }
        let events = match &*attempt.command {
            Command::Publish(events) => events
                .iter()
                .zip(places)
                .map(|(event, (id, index))| {
                    let at = id.timestamp().unwrap_or(state.last_at);
                    Arc::new(event.stored(id, self.id.clone(), index, at))
                })
                .collect(),
            _ => Vec::new(),
        };
        Ok(Some(Written { events, head: Arc::clone(&state.head) }))
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
            let range = Range { max_slots: usize::MAX, max_bytes: usize::MAX, ..Range::new(from, end) };
            let range = Range { deltas: false, ..range };
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

    fn failed(&self, error: &EngineError) -> Outcome {
        let results = self.attempts.iter().map(|_| Err(error.clone())).collect();
        Outcome { results, ..Outcome::nothing() }
    }
}

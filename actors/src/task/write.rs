//! The write path: decide all → commit → on conflict read again and decide again. No actix in this file.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::appended::Appended;
use super::order::Attempt;
use super::recover::recover;
use crate::domain::{
    Change, CheckpointChange, Circumstances, Command, EventId, Head, Json, Rejection, Stamp, State,
    Superseded, TaskId, checkpoint, decide,
};
use crate::error::EngineError;
use crate::ports::{self, CommitError, StoreError};
use crate::shared::Shared;

/// After this many lost races in a row a command is given up: somebody else writes all the time.
const MAX_CONFLICTS: usize = 64;
/// After this many lost answers a command is given up: the store is not well.
const MAX_LOST: usize = 5;
/// How often the log is read to find out whether a commit was made whose answer was lost.
const MAX_LOOKS: u32 = 5;
/// Slots looked through at once when searching for what a command wrote.
const SEARCH_PAGE: u64 = 256;

/// What a command did.
#[derive(Debug)]
pub(super) struct Written {
    /// Its events.
    pub(super) events: Appended,
    /// The task after it.
    pub(super) head: Arc<Head>,
}

/// What writing a batch came to.
pub(super) struct Outcome {
    /// The state after it; `None` when it has to be read again, or there is no such task.
    pub(super) state: Option<State>,
    /// One result per command.
    pub(super) results: Vec<Result<Written, EngineError>>,
    /// What was committed.
    pub(super) change: Option<Arc<Change>>,
    /// The running values of its events; empty when nobody wants them.
    pub(super) running: Vec<Option<Json>>,
    /// Whether something may have been committed that is not in `change`, because the answer was lost.
    pub(super) unseen: bool,
}

impl Outcome {
    /// Whether nothing was written and the rules refused something.
    fn is_refusal(&self) -> bool {
        let refused = |result: &Result<Written, EngineError>| matches!(result, Err(EngineError::Rejected(_)));
        self.change.is_none() && self.results.iter().any(refused)
    }

    /// Nothing was written.
    pub(super) fn nothing() -> Self {
        Self { state: None, results: Vec::new(), change: None, running: Vec::new(), unseen: false }
    }
}

/// One batch to write.
pub(super) struct Batch<'a> {
    pub(super) shared: &'a Shared,
    pub(super) id: &'a TaskId,
    pub(super) attempts: Vec<Attempt>,
    pub(super) running_wanted: bool,
}

/// What a command came to, with the place of its events in the change.
enum Decided {
    Made(Range<usize>, Arc<Head>),
    Before(Written),
    Rejected(Rejection),
}

/// All that was decided in one round.
struct Round {
    change: Change,
    decided: Vec<Decided>,
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
        let (mut looks, mut lost) = (0, 0);
        let mut remembered = state.as_ref().map(|state| state.stamp);
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
                Ok(outcome) => match remembered.take().filter(|_| outcome.is_refusal()) {
                    None => return outcome,
                    Some(stamp) => match self.is_still_at(stamp).await {
                        Ok(true) => return outcome,
                        Ok(false) => {}
                        Err(error) => return self.failed(&error.into()),
                    },
                },
                Err(CommitError::Conflict) => {
                    remembered = None;
                    self.shared.stats.conflicts.fetch_add(1, Relaxed);
                }
                Err(CommitError::NotWritten(error)) => return self.failed(&EngineError::Store(error)),
                Err(CommitError::Unknown(error)) if lost == MAX_LOST => {
                    return self.failed(&EngineError::Unknown(error));
                }
                Err(CommitError::Unknown(error)) => {
                    remembered = None;
                    lost += 1;
                    self.attempts.iter_mut().for_each(|attempt| attempt.again = true);
                    looks = MAX_LOOKS;
                    *unseen = true;
                    tracing::warn!(task = %self.id, %error, "the answer to a commit was lost: reading the log");
                }
            }
        }
        self.failed(&EngineError::Overloaded)
    }

    /// Whether the log is exactly there. A commit compares by itself; what the rules refuse was decided on what this
    /// actor remembers, and another instance may have moved the log since.
    async fn is_still_at(&self, stamp: Stamp) -> Result<bool, StoreError> {
        let found = self.shared.store.stamps(std::slice::from_ref(self.id)).await?;
        Ok(found.first() == Some(&Some(stamp)))
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
        if !round.change.is_empty()
            && round.change.checkpoint == CheckpointChange::Keep
            && let Some(checkpoint) = checkpoint::due(&state)
        {
            state.since_checkpoint = 0;
            round.change.checkpoint = CheckpointChange::Put(checkpoint);
        }
        let change = Arc::new(round.change);
        if !change.is_empty() {
            let started = Instant::now();
            self.shared.store.commit(Arc::clone(&change)).await?;
            self.shared.stats.commit(round.decided.len(), started.elapsed());
            state.stamp = change.next_stamp();
        }
        let results = round.decided.into_iter().map(|decided| match decided {
            Decided::Made(place, head) => {
                Ok(Written { events: Appended::new(Arc::clone(&change), place), head })
            }
            Decided::Before(written) => Ok(written),
            Decided::Rejected(rejection) => Err(EngineError::Rejected(rejection)),
        });
        let results = results.collect();
        let change = Some(change).filter(|change| !change.is_empty());
        Ok(Outcome { state: Some(state), results, change, running: round.running, unseen: false })
    }

    async fn decide_all(&self, state: &mut State) -> Result<Round, StoreError> {
        let change = Change::empty(self.id.clone(), state.stamp);
        let mut round =
            Round { change, decided: Vec::with_capacity(self.attempts.len()), running: Vec::new() };
        for attempt in &self.attempts {
            let decided = match self.written_before(state, attempt).await? {
                Some(written) => Decided::Before(written),
                None => self.decide(state, attempt, &mut round),
            };
            round.decided.push(decided);
        }
        Ok(round)
    }

    fn decide(&self, state: &mut State, attempt: &Attempt, round: &mut Round) -> Decided {
        let around = Circumstances {
            now: self.shared.now(),
            entropy: attempt.entropy,
            cleanup: &self.shared.settings.cleanup,
            hooks: self.shared.outboxes.as_ref().map(|outboxes| &*outboxes.global),
        };
        let change = match decide(state, &attempt.command, around) {
            Ok(change) => change,
            Err(rejection) => return Decided::Rejected(rejection),
        };
        let superseded = self.apply(state, &change, &mut round.running);
        let first = round.change.events.len();
        let place = first..first + change.events.len();
        round.change.absorb(change);
        for event in superseded {
            match event {
                Superseded::Drop(index) => round.change.dropped.push(index),
                Superseded::Hide(index) => round.change.hidden.push(index),
            }
        }
        Decided::Made(place, Arc::clone(&state.head))
    }

    /// Applies `change`; running values are made one by one when somebody wants them.
    fn apply(&self, state: &mut State, change: &Change, running: &mut Vec<Option<Json>>) -> Vec<Superseded> {
        if !self.running_wanted {
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
        if !attempt.again || !attempt.command.leaves_events() {
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
        let events = Appended::again(self.id, state.stamp, events);
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

    fn failed(&self, error: &EngineError) -> Outcome {
        let results = self.attempts.iter().map(|_| Err(error.clone())).collect();
        Outcome { results, ..Outcome::nothing() }
    }
}

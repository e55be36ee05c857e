//! The write path: decide all → commit → on conflict read again and decide again. No actix in this file.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use super::appended::Appended;
use super::order::Attempt;
use super::recover::recover;
use crate::domain::{
    Change, CheckpointChange, Circumstances, Command, Head, Json, Stamp, State, Superseded, TaskId,
    checkpoint, decide,
};
use crate::error::EngineError;
use crate::ports::{CommitError, StoreError};
use crate::shared::Shared;

/// After this many lost races in a row a command is given up: somebody else writes all the time.
const MAX_CONFLICTS: usize = 64;
/// After this many lost answers a command is given up: the store is not well.
const MAX_LOST: usize = 5;
/// How often the log is read to find out whether a commit was made whose answer was lost.
const MAX_LOOKS: u32 = 5;

/// What a command did.
#[derive(Debug)]
pub(super) struct Written {
    /// Its events.
    pub(super) events: Appended,
    /// The task after it.
    pub(super) head: Arc<Head>,
    /// Whether the task has another status by it.
    pub(super) moved: bool,
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
    Made { place: Range<usize>, head: Arc<Head>, moved: bool },
    Before(Written),
    Refused(EngineError),
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
        let state = state.filter(|state| !self.doubts(state));
        let mut unseen = false;
        let outcome = self.run_until_known(state, &mut unseen).await;
        Outcome { unseen, ..outcome }
    }

    async fn run_until_known(&mut self, mut state: Option<State>, unseen: &mut bool) -> Outcome {
        let (mut looks, mut lost) = (0, 0);
        for _ in 0..MAX_CONFLICTS {
            let is_read_now = state.is_none();
            let current = match state.take() {
                Some(state) => state,
                None => match self.recover(&mut looks).await {
                    Ok(Some(state)) => state,
                    Ok(None) => return self.failed(&EngineError::NotFound),
                    Err(error) => return self.failed(&error),
                },
            };
            match self.round(current, is_read_now).await {
                Ok(outcome) => return outcome,
                Err(CommitError::Conflict) => {
                    self.shared.stats.conflicts.fetch_add(1, Relaxed);
                }
                Err(CommitError::NotWritten(error)) => return self.failed(&EngineError::Store(error)),
                Err(CommitError::Unknown(error)) if lost == MAX_LOST => {
                    return self.failed(&EngineError::Unknown(error));
                }
                Err(CommitError::Unknown(error)) => {
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

    async fn round(&self, mut state: State, is_read_now: bool) -> Result<Outcome, CommitError> {
        let mut round = self.decide_all(&mut state).await.map_err(CommitError::NotWritten)?;
        if round.change.is_empty() && !is_read_now && !self.attempts.is_empty() {
            self.confirm(round.change.expected).await?;
        }
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
            Decided::Made { place, head, moved } => {
                Ok(Written { events: Appended::new(Arc::clone(&change), place), head, moved })
            }
            Decided::Before(written) => Ok(written),
            Decided::Refused(error) => Err(error),
        });
        let results = results.collect();
        let change = Some(change).filter(|change| !change.is_empty());
        Ok(Outcome { state: Some(state), results, change, running: round.running, unseen: false })
    }

    /// Another engine may have moved the log unheard: a commit would find out, but what changes nothing has none.
    async fn confirm(&self, expected: Stamp) -> Result<(), CommitError> {
        let stamps = self.shared.store.stamps(std::slice::from_ref(self.id)).await;
        let stamp = stamps.map_err(CommitError::NotWritten)?.first().copied().flatten();
        if stamp == Some(expected) { Ok(()) } else { Err(CommitError::Conflict) }
    }

    async fn decide_all(&self, state: &mut State) -> Result<Round, StoreError> {
        let change = Change::empty(self.id.clone(), state.stamp);
        let mut round =
            Round { change, decided: Vec::with_capacity(self.attempts.len()), running: Vec::new() };
        let earlier = self.earlier(state).await;
        for attempt in &self.attempts {
            let before = match &attempt.bound {
                Some(bound) => self.written_under_key(state, attempt, (bound, &earlier), &round.change),
                None => Ok(self.written_before(state, attempt).await?),
            };
            let decided = match before {
                Ok(Some(written)) => Decided::Before(written),
                Ok(None) => self.decide(state, attempt, &mut round),
                Err(error) => Decided::Refused(error),
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
            Err(rejection) => return Decided::Refused(rejection.into()),
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
        let moved = !place.is_empty() && !matches!(*attempt.command, Command::Publish(_));
        Decided::Made { place, head: Arc::clone(&state.head), moved }
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

    fn failed(&self, error: &EngineError) -> Outcome {
        let results = self.attempts.iter().map(|_| Err(error.clone())).collect();
        Outcome { results, ..Outcome::nothing() }
    }
}

//! Take what waits, work on it, answer: one step at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use actix::fut::{ActorFutureExt, WrapFuture, ready, wrap_future};
use actix::{ActorContext, AsyncContext, Context};

use super::TaskActor;
use super::cleanup::{self, Done};
use super::order::{Later, Order};
use super::queue::{Queue, Reply, Step, Work};
use super::recover::recover;
use super::write::{Batch, Outcome, Written};
use crate::domain::{Json, Rejection, State, TaskEvent, TaskId};
use crate::error::EngineError;
use crate::live::LiveEnd;
use crate::ports::TaskHooks as _;
use crate::shared::Shared;
use crate::shared_event::SharedEvent;

const ANSWER_LOST: &str = "the answer to a commit was lost";

/// What a step leaves behind.
enum Finished {
    Nothing(Option<State>),
    Written(Outcome, Vec<(Order, Reply)>),
    Done(Result<Done, EngineError>, Later<Result<(), EngineError>>),
    Loaded(Result<Option<State>, EngineError>, Work),
}

impl TaskActor {
    /// Takes `work` from the mailbox.
    pub(super) fn enqueue(&mut self, work: Work, ctx: &mut Context<Self>) {
        self.queue.push(work);
        self.wake(ctx);
    }

    /// Goes to work if there is anything to do.
    pub(super) fn wake(&mut self, ctx: &mut Context<Self>) {
        if !self.phase.working && !self.queue.is_empty() {
            self.phase.working = true;
            self.step(ctx);
        }
    }

    /// Begins the next step once the mailbox has been emptied, so that everything in it shares the commit.
    fn step(&mut self, ctx: &mut Context<Self>) {
        let work = wrap_future::<_, Self>(ready(())).then(|(), actor, _| {
            let shared = Arc::clone(&actor.shared);
            let id = actor.id.clone();
            let running_wanted = actor.is_running_wanted();
            let state = actor.state.take();
            let step = actor.queue.next();
            async move {
                match step {
                    None => Finished::Nothing(state),
                    Some(Step::Write(batch)) => write(&shared, &id, state, batch, running_wanted).await,
                    Some(Step::One(work)) => single(&shared, &id, state, work).await,
                }
            }
            .into_actor(actor)
        });
        ctx.spawn(work.map(|finished, actor, ctx| actor.finish(finished, ctx)));
    }

    fn finish(&mut self, finished: Finished, ctx: &mut Context<Self>) {
        match finished {
            Finished::Nothing(state) => self.state = state,
            Finished::Written(outcome, batch) => self.written(outcome, batch, ctx),
            Finished::Done(done, reply) => self.done(done, &reply, ctx),
            Finished::Loaded(loaded, work) => self.loaded(loaded, &work, ctx),
        }
        if self.queue.is_empty() {
            self.phase.working = false;
            self.queue.release();
            if self.phase.retiring {
                ctx.stop();
            }
        } else {
            self.step(ctx);
        }
    }

    fn written(&mut self, mut outcome: Outcome, batch: Vec<(Order, Reply)>, ctx: &mut Context<Self>) {
        let results = std::mem::take(&mut outcome.results);
        let missing = results.iter().any(|result| matches!(result, Err(EngineError::NotFound)));
        for ((order, reply), result) in batch.into_iter().zip(results) {
            self.count(&result);
            match result {
                Err(EngineError::Rejected(Rejection::SeqGap { expected, .. })) => {
                    self.hold(order, reply, expected, ctx);
                }
                result => {
                    if let Err(error) = &result {
                        self.shared.not_done(&self.id, &order.attempt.command, error);
                    }
                    reply.answer(result);
                }
            }
        }
        if outcome.unseen {
            self.shared.unseen(ANSWER_LOST);
        }
        match outcome.state.take() {
            Some(state) => self.settle(state, outcome, ctx),
            None if missing => self.leave(LiveEnd::Deleted),
            None => {}
        }
    }

    fn done(
        &mut self,
        done: Result<Done, EngineError>,
        reply: &Later<Result<(), EngineError>>,
        ctx: &mut Context<Self>,
    ) {
        let result = done.as_ref().map_err(Clone::clone).and_then(Done::result);
        match done {
            Ok(Done::Deleted) | Err(EngineError::NotFound) => self.leave(LiveEnd::Deleted),
            Ok(Done::Written(mut outcome)) => {
                std::mem::take(&mut outcome.results).iter().for_each(|result| self.count(result));
                if outcome.unseen {
                    self.shared.unseen(ANSWER_LOST);
                }
                if let Some(state) = outcome.state.take() {
                    self.settle(state, *outcome, ctx);
                }
            }
            Err(_) => {}
        }
        self.tell_of_outbox(true);
        reply.answer(result);
    }

    fn loaded(&mut self, loaded: Result<Option<State>, EngineError>, work: &Work, ctx: &mut Context<Self>) {
        match loaded {
            Ok(Some(state)) => self.joined(state, work, ctx),
            Ok(None) => {
                work.fail(EngineError::NotFound);
                self.leave(LiveEnd::Deleted);
            }
            Err(error) => work.fail(error),
        }
    }

    fn joined(&mut self, state: State, work: &Work, ctx: &mut Context<Self>) {
        self.settle(state, Outcome::nothing(), ctx);
        // Without a state this actor has left; whoever sent the message asks another one.
        let Some(mut state) = self.state.take() else { return };
        match work {
            Work::Subscribe { message, reply } => reply.answer(Ok(self.join(&mut state, message))),
            Work::Rank { message, reply } => reply.answer(Ok(message.within(&state))),
            Work::ExpectedSeq { message, reply } => {
                reply.answer(Ok(state.clients.get(&message.client).copied()));
            }
            _ => {}
        }
        self.state = Some(state);
    }

    /// Takes the committed `state` and lets readers see what is new.
    pub(super) fn settle(&mut self, state: State, outcome: Outcome, ctx: &mut Context<Self>) {
        let replaced = self.incarnation.is_some_and(|known| known != state.stamp.incarnation);
        let written = outcome.change.as_ref().map_or(0, |change| change.events.len() as u64);
        // A store that lost the end of a log has another log than the one that readers have seen.
        if replaced || state.stamp.version - written < self.live.next_position() {
            if outcome.change.is_some() {
                self.shared.unseen("a commit was made on a log that was replaced");
            }
            self.leave(LiveEnd::Replaced);
            return;
        }
        self.incarnation = Some(state.stamp.incarnation);
        match &outcome.change {
            Some(change) => {
                if self.shared.announcer.announce(change) {
                    self.shared.hooks.on_broadcast_error(
                        Some(&self.id),
                        "an announcement was left out: the bus is behind",
                    );
                }
                let open = self.shared.firehose.is_open();
                let shown = self.show(&state, &change.events, outcome.running, open);
                if open {
                    self.shared.firehose.push(change.expected, &shown);
                }
            }
            None => self.live.advance(state.stamp.version),
        }
        if state.head.task.status.is_terminal() {
            self.live.end(LiveEnd::Finished(state.head.task.status));
        }
        self.release_held(&state, ctx);
        self.state = Some(state);
        self.tell_of_outbox(outcome.change.is_some());
    }

    /// Lets readers see `events`, the newest of the log, with their running values if those were made. Gives back
    /// what they share, if there are readers or it is `wanted`.
    pub(super) fn show(
        &self,
        state: &State,
        events: &[Arc<TaskEvent>],
        running: Vec<Option<Json>>,
        wanted: bool,
    ) -> Vec<Arc<SharedEvent>> {
        if events.is_empty() || !(wanted || self.live.readers() > 0) {
            self.live.advance(state.stamp.version);
            return Vec::new();
        }
        let mut running = running.into_iter();
        let share =
            |event: &Arc<TaskEvent>| Arc::new(SharedEvent::new(Arc::clone(event), running.next().flatten()));
        let events: Vec<_> = events.iter().map(share).collect();
        let weighed = events.iter().map(|event| (Arc::clone(event), event.event().weight()));
        self.live.push(state.stamp.version - events.len() as u64, weighed);
        events
    }

    fn count(&self, result: &Result<Written, EngineError>) {
        let Some(written) = result.as_ref().ok().filter(|written| !written.events.is_replayed()) else {
            return;
        };
        if written.moved {
            self.shared.moved(&written.head.task);
        } else {
            self.shared.stats.events_published.fetch_add(written.events.len() as u64, Relaxed);
        }
    }

    /// This actor has nothing more to do for its task: the log is gone or another one.
    fn leave(&mut self, end: LiveEnd) {
        self.live.end(end);
        self.live.leave();
        self.state = None;
        self.phase.retiring = true;
        // What came in meanwhile may be meant for a task that was created since: whoever sent it asks another actor.
        self.queue = Queue::default();
        if end == LiveEnd::Deleted {
            self.fail_held(&EngineError::NotFound);
        }
    }
}

/// Writes a batch. Its permits are given back when it has been written.
async fn write(
    shared: &Shared,
    id: &TaskId,
    state: Option<State>,
    batch: Vec<(Order, Reply)>,
    running_wanted: bool,
) -> Finished {
    let batch: Vec<_> = batch.into_iter().filter(|(_, reply)| !reply.is_abandoned()).collect();
    let attempts = batch.iter().map(|(order, _)| order.attempt.clone()).collect();
    let outcome = Batch { shared, id, attempts, running_wanted }.run(state).await;
    Finished::Written(outcome, batch)
}

async fn single(shared: &Shared, id: &TaskId, state: Option<State>, work: Work) -> Finished {
    match work {
        Work::Due { order, reply } => Finished::Done(cleanup::run(shared, id, state, order).await, reply),
        Work::Delete { message, reply } => {
            let before = message.attempted.load(Relaxed);
            let mut done = delete(shared, id, &message.attempted).await;
            if before && matches!(done, Err(EngineError::NotFound)) {
                done = Ok(Done::Deleted);
            }
            Finished::Done(done, reply)
        }
        work => {
            let state = match state {
                Some(state) if work.doubts(&state) => if_still_there(shared, id, state).await,
                state => state.filter(|state| !work.needs_newer_than(state)),
            };
            let loaded = match state {
                Some(state) => Ok(Some(state)),
                None => recover(&*shared.store, id).await.map_err(EngineError::Store),
            };
            Finished::Loaded(loaded, work)
        }
    }
}

/// The state, if the log is exactly there.
async fn if_still_there(shared: &Shared, id: &TaskId, state: State) -> Option<State> {
    let found = shared.store.head(id).await;
    matches!(found, Ok(Some((_, stamp))) if stamp == state.stamp).then_some(state)
}

async fn delete(shared: &Shared, id: &TaskId, attempted: &AtomicBool) -> Result<Done, EngineError> {
    let Some((_, stamp)) = shared.store.head(id).await? else { return Err(EngineError::NotFound) };
    attempted.store(true, Relaxed);
    cleanup::delete(shared, id, stamp.incarnation).await
}

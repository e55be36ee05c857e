//! Holding: numbered publishes that came before the numbers they follow (PROTOCOL §8.5).

use std::ops::RangeInclusive;
use std::sync::Arc;

use actix::fut::{ActorFutureExt, WrapFuture};
use actix::{AsyncContext, Context, Handler, Message, SpawnHandle};

use super::TaskActor;
use super::order::{Later, Order};
use super::queue::{Reply, Work};
use crate::admission::Permit;
use crate::domain::{Command, Rejection, State};
use crate::error::EngineError;
use crate::watched::PublishMark;

/// One publish that waits for others.
pub(super) struct Held {
    order: Order,
    reply: Reply,
    client: Arc<str>,
    numbers: RangeInclusive<u64>,
    expected: u64,
    timer: SpawnHandle,
    /// Lets the task be compared with the store while this waits.
    _watched: PublishMark,
}

/// The client and the numbers of a publish, if it has any.
fn numbers_of(command: &Command) -> Option<(Arc<str>, RangeInclusive<u64>)> {
    let Command::Publish(events) = command else { return None };
    let mut numbered = events.iter().filter_map(|event| event.client.as_deref());
    let first = numbered.next()?;
    let last = numbered.next_back().unwrap_or(first);
    Some((Arc::clone(&first.id), first.seq..=last.seq))
}

impl TaskActor {
    /// Lets a publish wait until `expected` and what follows it have come, if it wants to.
    pub(super) fn hold(&mut self, order: Order, reply: Reply, expected: u64, ctx: &mut Context<Self>) {
        let Some((client, numbers)) = numbers_of(&order.attempt.command) else { return };
        let received = *numbers.start();
        for gone in self.held.extract_if(.., |held| held.reply.is_abandoned()) {
            ctx.cancel_future(gone.timer);
        }
        let overlaps = |held: &Held| {
            held.client == client
                && held.numbers.start() <= numbers.end()
                && numbers.start() <= held.numbers.end()
        };
        if self.held.iter().any(overlaps) {
            reply.answer(Err(EngineError::SeqDuplicate { expected, received }));
            return;
        }
        if !order.hold {
            reply.answer(Err(Rejection::SeqGap { expected, received }.into()));
            return;
        }
        let patience = tokio::time::sleep(self.shared.settings.seq_hold);
        let mut closing = self.shared.closing.subscribe();
        let wait = async move {
            tokio::select! {
                () = patience => false,
                _ = closing.wait_for(|closing| *closing) => true,
            }
        };
        let (waiting, first) = (Arc::clone(&client), received);
        let give_up = wait.into_actor(self).map(move |closing, actor: &mut Self, _: &mut Context<Self>| {
            actor.give_up(&waiting, first, closing)
        });
        let timer = ctx.spawn(give_up);
        let watched = self.shared.watched.publish(&self.id);
        self.held.push(Held { order, reply, client, numbers, expected, timer, _watched: watched });
    }

    fn give_up(&mut self, client: &str, first: u64, closing: bool) {
        let is_it = |held: &Held| &*held.client == client && *held.numbers.start() == first;
        if let Some(place) = self.held.iter().position(is_it) {
            let held = self.held.swap_remove(place);
            let timeout = EngineError::SeqTimeout { expected: held.expected, received: first };
            let error = if closing { EngineError::Stopping } else { timeout };
            self.shared.not_done(&self.id, &held.order.attempt.command, &error);
            held.reply.answer(Err(error));
        }
    }

    /// Lets go of everything whose turn has come, or for which no turn will come.
    pub(super) fn release_held(&mut self, state: &State, ctx: &mut Context<Self>) {
        if self.held.is_empty() {
            return;
        }
        let finished = state.head.task.status.is_terminal();
        let mut waiting = Vec::new();
        for mut held in std::mem::take(&mut self.held) {
            let expected = state.clients.get(&held.client).copied();
            if finished || expected.is_none_or(|expected| expected >= *held.numbers.start()) {
                ctx.cancel_future(held.timer);
                self.queue.push(Work::Write { order: held.order, reply: held.reply });
            } else {
                held.expected = expected.unwrap_or(held.expected);
                waiting.push(held);
            }
        }
        self.held = waiting;
    }

    /// Answers everything that is held with `error`.
    pub(super) fn fail_held(&mut self, error: &EngineError) {
        self.held.drain(..).for_each(|held| held.reply.answer(Err(error.clone())));
    }
}

/// Which number is expected next of a client?
#[derive(Debug, Message)]
#[rtype(result = "Result<Option<u64>, EngineError>")]
pub(crate) struct ExpectedSeq {
    pub(crate) client: Arc<str>,
    pub(crate) _permit: Option<Permit>,
}

impl Handler<ExpectedSeq> for TaskActor {
    type Result = Later<Result<Option<u64>, EngineError>>;

    fn handle(&mut self, message: ExpectedSeq, ctx: &mut Self::Context) -> Self::Result {
        let later = Later::default();
        self.enqueue(Work::ExpectedSeq { message, reply: later.clone() }, ctx);
        later
    }
}

//! `Tend`: work on what is owed to webhooks. `Rank`: the place of an event among those that a filter wants.

use std::sync::Arc;

use actix::{Handler, Message};

use super::TaskActor;
use super::order::{Later, Order};
use super::queue::{Reply, Work};
use super::write::Written;
use crate::admission::Permit;
use crate::domain::{EventFilter, Head, Stamp, State};
use crate::error::EngineError;

/// A task whose outbox somebody has.
#[derive(Clone, Debug)]
pub struct TakenOutbox {
    /// The task, with its outbox.
    pub head: Arc<Head>,
    /// Where its log is, and which log it is.
    pub stamp: Stamp,
}

impl TakenOutbox {
    pub(super) fn of(written: Written) -> Self {
        Self { stamp: written.events.stamp(), head: written.head }
    }
}

/// One of the commands that change an outbox.
#[derive(Debug, Message)]
#[rtype(result = "Result<TakenOutbox, EngineError>")]
pub(crate) struct Tend(pub(crate) Order);

impl Handler<Tend> for TaskActor {
    type Result = Later<Result<TakenOutbox, EngineError>>;

    fn handle(&mut self, Tend(order): Tend, ctx: &mut Self::Context) -> Self::Result {
        let later = Later::default();
        self.enqueue(Work::Write { order, reply: Reply::Outbox(later.clone()) }, ctx);
        later
    }
}

/// How many of the events below an index match a filter.
#[derive(Debug, Message)]
#[rtype(result = "Result<u64, EngineError>")]
pub(crate) struct Rank {
    pub(crate) filter: Arc<EventFilter>,
    pub(crate) index: u64,
    pub(crate) _permit: Option<Permit>,
}

impl Rank {
    pub(super) fn within(&self, state: &State) -> u64 {
        state.ranks.rank(&self.filter, self.index)
    }
}

impl Handler<Rank> for TaskActor {
    type Result = Later<Result<u64, EngineError>>;

    fn handle(&mut self, message: Rank, ctx: &mut Self::Context) -> Self::Result {
        let later = Later::default();
        self.enqueue(Work::Rank { message, reply: later.clone() }, ctx);
        later
    }
}

impl TaskActor {
    /// Lets whoever delivers know that there is something to deliver. While somebody else has the lease, or the task
    /// waits for its time, nobody is told; the sweep asks again.
    pub(super) fn tell_of_outbox(&self, news: bool) {
        let Some(outboxes) = self.shared.outboxes.as_ref().filter(|_| news) else { return };
        let Some(outbox) = self.state.as_ref().and_then(|state| state.head.outbox.as_deref()) else { return };
        if outbox.is_due(self.shared.now()) || outbox.is_leased_to(outboxes.owner) {
            outboxes.push(&self.id);
        }
    }
}

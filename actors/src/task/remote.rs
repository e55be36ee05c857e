//! `Committed`: another instance moved the log.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use actix::{Context, Handler, Message};

use super::TaskActor;
use super::queue::Work;
use super::write::Outcome;
use crate::domain::{Stamp, TaskEvent};

/// Another instance committed this. It may be old, doubled, or ahead of what this actor knows.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Committed {
    pub(crate) before: Stamp,
    pub(crate) after: Stamp,
    /// Whether the head changed as well; it has to be read then.
    pub(crate) head_changed: bool,
    pub(crate) events: Vec<Arc<TaskEvent>>,
}

impl Handler<Committed> for TaskActor {
    type Result = ();

    fn handle(&mut self, fact: Committed, ctx: &mut Self::Context) {
        let Some(known) = self.state.as_ref().map(|state| state.stamp) else {
            self.enqueue(Work::CatchUp(Some(fact.after.into())), ctx);
            return;
        };
        if known.has_reached(fact.after) {
            return;
        }
        if !self.phase.working && fact.before == known && !fact.head_changed && fact.is_complete() {
            self.follow(fact, ctx);
        } else {
            if fact.before != known {
                self.shared.stats.bus_repairs.fetch_add(1, Relaxed);
            }
            self.enqueue(Work::CatchUp(Some(fact.after.into())), ctx);
        }
    }
}

impl TaskActor {
    fn follow(&mut self, fact: Committed, ctx: &mut Context<Self>) {
        let Some(mut state) = self.state.take() else { return };
        let wanted = self.is_running_wanted();
        let mut running = Vec::new();
        for event in &fact.events {
            state.fold(event);
            running.extend(wanted.then(|| state.running_value(event)));
        }
        state.stamp = fact.after;
        self.show(&state, &fact.events, running, false);
        self.settle(state, Outcome::nothing(), ctx);
        self.tell_of_outbox(true);
        self.wake(ctx);
    }
}

impl Committed {
    /// Whether the events are exactly those between the two stamps.
    fn is_complete(&self) -> bool {
        let expected = self.before.version..self.after.version;
        self.events.iter().map(|event| event.index).eq(expected)
    }
}

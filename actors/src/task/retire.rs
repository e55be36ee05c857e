//! `Retire`: the end of the passivation handshake. `CatchUp`: the log may have moved.
//!
//! The registry takes an idle actor out of the directory while holding its shard, when nothing is on its way to it;
//! only then it sends `Retire`. So a message either reached the mailbox before, and the actor was not idle, or it
//! goes to a fresh actor. What was sent straight to the address is still worked on before the actor stops.

use std::sync::atomic::Ordering::Relaxed;

use actix::{ActorContext, Handler, Message};

use super::TaskActor;
use super::queue::Work;
use crate::domain::Stamp;

/// Stop once everything that waits is done.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Retire;

impl Handler<Retire> for TaskActor {
    type Result = ();

    fn handle(&mut self, _: Retire, ctx: &mut Self::Context) {
        self.live.leave();
        self.phase.retiring = true;
        if !self.phase.working {
            ctx.stop();
        }
    }
}

/// Compare with the store: somebody else may have moved or replaced the log.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct CatchUp {
    /// Where the log is; `None` when only the store can tell.
    pub(crate) to: Option<Stamp>,
}

impl Handler<CatchUp> for TaskActor {
    type Result = ();

    fn handle(&mut self, CatchUp { to }: CatchUp, ctx: &mut Self::Context) {
        let known = self.state.as_ref().map(|state| state.stamp);
        if to.is_some() && to == known {
            return;
        }
        // A log that was seen earlier than this actor is: either it was seen before the last commit, or it has lost
        // its end. A commit that is on its way tells as well.
        if self.phase.working && to.is_some_and(|to| known.is_some_and(|known| known.has_reached(to))) {
            return;
        }
        if to.is_some() && known.is_some() {
            self.shared.stats.bus_repairs.fetch_add(1, Relaxed);
        }
        self.enqueue(Work::CatchUp(to.map(Into::into)), ctx);
    }
}

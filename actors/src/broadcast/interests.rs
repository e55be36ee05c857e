//! What this instance listens for. Task actors that start and stop say so; nobody has to look through the directory.

use std::collections::HashMap;
use std::sync::Arc;

use actix::fut::{ActorFutureExt, WrapFuture};
use actix::{AsyncContext, Context, Handler, Message};

use super::BroadcastActor;
use crate::domain::TaskId;
use crate::ports::{Interest, TaskHooks as _};

/// How it stands with one interest.
#[derive(Default)]
struct Standing {
    wanted: bool,
    /// Whether the bus has it.
    held: bool,
    /// Whether the bus is being asked. Only one question is on its way, so that answers cannot overtake each other.
    asking: bool,
}

/// All interests, wanted or held.
#[derive(Default)]
pub(super) struct Interests {
    standing: HashMap<Interest, Standing>,
}

impl Interests {
    /// Wants `interest` or no longer. Says whether the bus has to be asked.
    fn want(&mut self, interest: &Interest, wanted: bool) -> bool {
        self.standing.entry(interest.clone()).or_default().wanted = wanted;
        self.begin(interest).is_some()
    }

    /// Begins to ask the bus for what is wanted, unless that is so or under way.
    fn begin(&mut self, interest: &Interest) -> Option<bool> {
        let standing = self.standing.get_mut(interest)?;
        if standing.asking {
            return None;
        }
        if standing.wanted == standing.held {
            if !standing.wanted {
                self.standing.remove(interest);
            }
            return None;
        }
        Some(standing.wanted)
    }

    fn asking(&mut self, interest: &Interest) {
        if let Some(standing) = self.standing.get_mut(interest) {
            standing.asking = true;
        }
    }

    /// The bus has answered: it has the interest now, or not.
    fn answered(&mut self, interest: &Interest, held: bool) {
        if let Some(standing) = self.standing.get_mut(interest) {
            *standing = Standing { asking: false, held, ..*standing };
        }
    }

    /// Whether the bus has the interest.
    pub(super) fn holds(&self, interest: &Interest) -> bool {
        self.standing.get(interest).is_some_and(|standing| standing.held && standing.wanted)
    }

    /// Those for which the bus has to be asked again.
    fn unsettled(&self) -> Vec<Interest> {
        let open =
            self.standing.iter().filter(|(_, standing)| !standing.asking && standing.wanted != standing.held);
        open.map(|(interest, _)| interest.clone()).collect()
    }

    /// The tasks with actors.
    pub(super) fn tasks(&self) -> Vec<TaskId> {
        let wanted = self.standing.iter().filter(|(_, standing)| standing.wanted);
        wanted
            .filter_map(|(interest, _)| match interest {
                Interest::Task(id) => Some(id.clone()),
                Interest::AllTasks | Interest::Instances => None,
            })
            .collect()
    }
}

/// A task actor was started: listen for its task.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Listen(pub(crate) TaskId);

impl Handler<Listen> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, Listen(task_id): Listen, ctx: &mut Self::Context) {
        self.want(&Interest::Task(task_id), true, ctx);
    }
}

/// A task has no actor any more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Unlisten(pub(crate) TaskId);

impl Handler<Unlisten> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, Unlisten(task_id): Unlisten, ctx: &mut Self::Context) {
        self.want(&Interest::Task(task_id), false, ctx);
    }
}

impl BroadcastActor {
    /// Wants `interest` from now on, or no longer.
    pub(super) fn want(&mut self, interest: &Interest, wanted: bool, ctx: &mut Context<Self>) {
        if self.interests.want(interest, wanted) {
            self.ask_bus(interest.clone(), ctx);
        }
    }

    /// Asks the bus again where it could not do what was wanted.
    pub(super) fn retry_interests(&mut self, ctx: &mut Context<Self>) {
        for interest in self.interests.unsettled() {
            self.ask_bus(interest, ctx);
        }
    }

    fn ask_bus(&mut self, interest: Interest, ctx: &mut Context<Self>) {
        let Some(wanted) = self.interests.begin(&interest) else { return };
        self.interests.asking(&interest);
        let bus = Arc::clone(&self.bus);
        let asked = interest.clone();
        let ask = async move {
            match wanted {
                true => bus.subscribe(&asked).await,
                false => bus.unsubscribe(&asked).await,
            }
        };
        ctx.spawn(ask.into_actor(self).map(move |answer, actor, ctx| {
            let done = answer.is_ok();
            actor.interests.answered(&interest, wanted == done);
            match answer {
                Ok(()) => {
                    actor.interest_settled(&interest, ctx);
                    actor.ask_bus(interest, ctx);
                }
                Err(error) => {
                    let task = match &interest {
                        Interest::Task(id) => Some(id),
                        Interest::AllTasks | Interest::Instances => None,
                    };
                    actor.shared.hooks.on_broadcast_error(task, &error.to_string());
                }
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bus_is_asked_one_thing_at_a_time_until_it_has_what_is_wanted() {
        let (mut all, task) = (Interests::default(), Interest::AllTasks);
        assert!(all.want(&task, true));
        all.asking(&task);
        assert!(!all.want(&task, false), "it is being asked");
        all.answered(&task, true);
        assert_eq!(all.begin(&task), Some(false));
        all.asking(&task);
        all.answered(&task, false);
        assert_eq!(all.begin(&task), None);
        assert!(all.standing.is_empty());
    }

    #[test]
    fn what_the_bus_refused_is_asked_again() {
        let (mut all, task) = (Interests::default(), Interest::AllTasks);
        all.want(&task, true);
        all.asking(&task);
        assert!(all.unsettled().is_empty());
        all.answered(&task, false);
        assert_eq!((all.unsettled(), all.holds(&task)), (vec![task], false));
    }
}

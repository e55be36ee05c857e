//! The slow comparison: what no announcement told, the store tells.

use std::sync::Arc;

use actix::fut::{ActorFutureExt, WrapFuture};
use actix::{AsyncContext, Context};

use super::BroadcastActor;
use crate::domain::TaskId;
use crate::shared::Shared;
use crate::task::CatchUp;

/// Of so many comparisons one looks at every task with an actor, the others at those somebody waits for.
const ALL_EVERY: u32 = 10;
/// Tasks asked about at once.
const AT_ONCE: usize = 512;

/// When to compare what.
#[derive(Default)]
pub(super) struct Rounds {
    /// Comparisons since all tasks were looked at.
    count: u32,
    /// Whether a look at all tasks is under way.
    looking: bool,
}

impl Rounds {
    /// Something may have been lost: look at all tasks next.
    pub(super) fn hurry(&mut self) {
        self.count = ALL_EVERY;
    }

    /// Whether it is the turn of all tasks.
    fn all(&mut self) -> bool {
        self.count += 1;
        let all = self.count >= ALL_EVERY && !self.looking;
        if all {
            *self = Self { count: 0, looking: true };
        }
        all
    }
}

impl BroadcastActor {
    /// Asks the store where tasks are, and tells their actors.
    pub(super) fn compare(&mut self, ctx: &mut Context<Self>) {
        let all = self.rounds.all();
        let ids = if all { self.interests.tasks() } else { self.shared.watched.tasks() };
        let shared = Arc::clone(&self.shared);
        let compare = async move {
            for part in ids.chunks(AT_ONCE) {
                compare_part(&shared, part).await;
            }
        };
        ctx.spawn(compare.into_actor(self).map(move |(), actor, _| {
            if all {
                actor.rounds.looking = false;
            }
        }));
    }
}

async fn compare_part(shared: &Shared, ids: &[TaskId]) {
    // A store that does not work says so to hooks by itself, and the next round comes soon.
    let Ok(stamps) = shared.store.stamps(ids).await else { return };
    for (id, to) in ids.iter().zip(stamps) {
        shared.directory.with(id, |handle| handle.addr.do_send(CatchUp { to }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenth_comparison_looks_at_all_tasks_and_one_does_so_after_a_gap() {
        let mut rounds = Rounds::default();
        let turns: Vec<_> = (0..20).map(|_| std::mem::take(&mut rounds.looking) | rounds.all()).collect();
        let all: Vec<_> = (0..20).filter(|turn| turns[*turn]).collect();
        assert_eq!(all, [9, 10, 19]);
        rounds.looking = false;
        rounds.hurry();
        assert!(rounds.all());
        rounds.hurry();
        assert!(!rounds.all(), "one is under way");
    }
}

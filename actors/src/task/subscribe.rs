//! `Subscribe`: the boundary between replay and live, and the live side, in one step.

use std::sync::Arc;

use actix::{Handler, Message};

use super::TaskActor;
use super::order::Later;
use super::queue::Work;
use crate::admission::Permit;
use crate::domain::{EventFilter, Plan, Start, State, TaskEvent};
use crate::error::EngineError;
use crate::live::LiveReader;

/// Join the readers of a task.
#[derive(Debug, Message)]
#[rtype(result = "Result<Joined, EngineError>")]
pub(crate) struct Subscribe {
    pub(crate) filter: Arc<EventFilter>,
    pub(crate) start: Start,
    /// Whether live accumulate events are wanted with their running values.
    pub(crate) accumulated: bool,
    pub(crate) _permit: Option<Permit>,
}

impl Subscribe {
    /// Whether the reader has seen more of the log than `state` knows: another instance moved it.
    pub(super) fn starts_behind(&self, state: &State) -> bool {
        match &self.start {
            Start::Beginning => false,
            Start::Resume { index, .. } => *index > state.stamp.version,
            Start::After { index, rank_above, .. } => {
                let behind = rank_above.is_some_and(|rank| {
                    let known = state.ranks.rank(&self.filter, state.stamp.version);
                    u64::try_from(rank).is_ok_and(|rank| rank >= known)
                });
                behind || *index > state.stamp.version
            }
        }
    }
}

/// What a reader begins with.
pub(crate) struct Joined {
    pub(crate) plan: Plan,
    pub(crate) live: LiveReader,
    /// What stands for all deltas below the boundary; `None` when only the log can tell.
    pub(crate) collapsed: Option<Vec<Arc<TaskEvent>>>,
    /// Keeps running values coming while it exists.
    pub(crate) _running: Option<RunningWanted>,
}

/// Somebody wants running values with live events.
pub(crate) struct RunningWanted {
    _count: Arc<()>,
}

impl Handler<Subscribe> for TaskActor {
    type Result = Later<Result<Joined, EngineError>>;

    fn handle(&mut self, message: Subscribe, ctx: &mut Self::Context) -> Self::Result {
        let later = Later::default();
        self.enqueue(Work::Subscribe { message, reply: later.clone() }, ctx);
        later
    }
}

impl TaskActor {
    /// Joins a reader to the committed `state`.
    pub(super) fn join(&self, state: &mut State, wish: &Subscribe) -> Joined {
        let collapsed = match wish.start {
            Start::Beginning => state.series.collapsed(&wish.filter),
            _ => Some(Vec::new()),
        };
        Joined {
            plan: Plan::new(state, &wish.filter, &wish.start),
            live: self.live.join(),
            collapsed,
            _running: wish.accumulated.then(|| RunningWanted { _count: Arc::clone(&self.running_wanted) }),
        }
    }

    /// Whether some reader wants running values.
    pub(super) fn is_running_wanted(&self) -> bool {
        Arc::strong_count(&self.running_wanted) > 1
    }
}

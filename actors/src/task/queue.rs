//! What waits for the task: taken from the mailbox at once, done in order.

use std::collections::VecDeque;

use super::delete::Delete;
use super::hold::ExpectedSeq;
use super::order::{Later, Order};
use super::outbox::{Rank, TakenOutbox};
use super::publish::Published;
use super::subscribe::{Joined, Subscribe};
use super::transition::Moved;
use super::write::Written;
use crate::domain::{Stamp, State};
use crate::error::EngineError;

/// At most this many commands share one commit.
const MAX_BATCH: usize = 1024;

/// Where the answer to a command goes.
pub(super) enum Reply {
    Events(Later<Published>),
    Task(Later<Moved>),
    Outbox(Later<Result<TakenOutbox, EngineError>>),
}

impl Reply {
    pub(super) fn answer(&self, result: Result<Written, EngineError>) {
        match self {
            Self::Events(later) => later.answer(result.map(|written| written.events)),
            Self::Task(later) => later.answer(result.map(|written| written.head)),
            Self::Outbox(later) => later.answer(result.map(TakenOutbox::of)),
        }
    }

    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Events(later) => later.is_abandoned(),
            Self::Task(later) => later.is_abandoned(),
            Self::Outbox(later) => later.is_abandoned(),
        }
    }
}

/// One thing to do.
pub(super) enum Work {
    Write {
        order: Order,
        reply: Reply,
    },
    Due {
        order: Order,
        reply: Later<Result<(), EngineError>>,
    },
    Delete {
        message: Delete,
        reply: Later<Result<(), EngineError>>,
    },
    Subscribe {
        message: Subscribe,
        reply: Later<Result<Joined, EngineError>>,
    },
    ExpectedSeq {
        message: ExpectedSeq,
        reply: Later<Result<Option<u64>, EngineError>>,
    },
    Rank {
        message: Rank,
        reply: Later<Result<u64, EngineError>>,
    },
    /// Read the log again: somebody else may have moved it, to here if that is known.
    CatchUp(Option<Seen>),
}

/// Where a log was seen: one or several stamps of the same log, each as far as those before it or farther.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    first: Stamp,
    last: Stamp,
}

impl From<Stamp> for Seen {
    fn from(stamp: Stamp) -> Self {
        Self { first: stamp, last: stamp }
    }
}

impl Seen {
    /// Takes in what was seen later, if it goes on from here.
    fn absorb(&mut self, later: Self) -> bool {
        let goes_on = later.first.has_reached(self.last);
        if goes_on {
            self.last = later.last;
        }
        goes_on
    }
}

impl Work {
    pub(super) fn fail(&self, error: EngineError) {
        match self {
            Self::Write { reply, .. } => reply.answer(Err(error)),
            Self::Due { reply, .. } | Self::Delete { reply, .. } => reply.answer(Err(error)),
            Self::Subscribe { reply, .. } => reply.answer(Err(error)),
            Self::ExpectedSeq { reply, .. } => reply.answer(Err(error)),
            Self::Rank { reply, .. } => reply.answer(Err(error)),
            Self::CatchUp(_) => {}
        }
    }
}

impl Work {
    /// Whether the store has to be asked if `state` still holds: somebody wants to know it, or the log was seen before its
    /// end, once or still.
    pub(super) fn doubts(&self, state: &State) -> bool {
        match self {
            Self::ExpectedSeq { .. } => true,
            Self::CatchUp(Some(seen)) => seen.first != state.stamp && state.stamp.has_reached(seen.last),
            _ => false,
        }
    }

    fn absorbs(&mut self, later: Seen) -> bool {
        if let Self::CatchUp(Some(seen)) = self { seen.absorb(later) } else { false }
    }

    /// Whether the store has to be asked, since it is ahead of `state`.
    pub(super) fn needs_newer_than(&self, state: &State) -> bool {
        match self {
            Self::CatchUp(None) => true,
            Self::CatchUp(Some(seen)) => !state.stamp.has_reached(seen.last),
            Self::Subscribe { message, .. } => message.starts_behind(state),
            _ => false,
        }
    }
}

/// What one step of the actor works on.
pub(super) enum Step {
    Write(Vec<(Order, Reply)>),
    One(Work),
}

/// The work of one task, first in, first out.
#[derive(Default)]
pub(super) struct Queue(VecDeque<Work>);

impl Queue {
    /// Adds work behind all that waits. What another instance commits while the log waits to be read is read with it:
    /// it may come faster than a log can be read once for each.
    pub(super) fn push(&mut self, work: Work) {
        if let Work::CatchUp(Some(later)) = work
            && self.0.iter_mut().any(|waiting| waiting.absorbs(later))
        {
            return;
        }
        self.0.push_back(work);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives the memory of an empty queue back: most tasks have nothing waiting most of the time.
    pub(super) fn release(&mut self) {
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
    }

    /// The next thing to do: all commands at the front together, anything else alone.
    pub(super) fn next(&mut self) -> Option<Step> {
        let mut batch = Vec::new();
        while let Some(work) = self.0.pop_front() {
            match work {
                Work::Write { order, reply } if batch.len() < MAX_BATCH => batch.push((order, reply)),
                other if batch.is_empty() => return Some(Step::One(other)),
                other => {
                    self.0.push_front(other);
                    break;
                }
            }
        }
        (!batch.is_empty()).then_some(Step::Write(batch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(version: u64) -> Stamp {
        Stamp { incarnation: 7, version, revision: 0 }
    }

    fn seen(queue: &mut Queue) -> Option<Seen> {
        match queue.next() {
            Some(Step::One(Work::CatchUp(seen))) => seen,
            _ => None,
        }
    }

    #[test]
    fn what_is_committed_elsewhere_while_a_log_waits_to_be_read_is_read_with_it() {
        let mut queue = Queue::default();
        for version in 1..1000 {
            queue.push(Work::CatchUp(Some(stamp(version).into())));
        }
        assert_eq!(seen(&mut queue), Some(Seen { first: stamp(1), last: stamp(999) }));
        assert!(queue.is_empty());
    }

    #[test]
    fn another_log_and_one_that_went_back_are_read_again() {
        let mut queue = Queue::default();
        let other = Stamp { incarnation: 8, version: 9, revision: 0 };
        let stamps = [stamp(5), stamp(4), other];
        stamps.iter().for_each(|stamp| queue.push(Work::CatchUp(Some((*stamp).into()))));
        for stamp in stamps {
            assert_eq!(seen(&mut queue), Some(stamp.into()));
        }
    }
}

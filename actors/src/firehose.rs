//! All changes of all tasks as one stream, with a position per consumer.
//!
//! The stream starts where a consumer joins. A consumer that falls behind the window has lost continuity and is
//! told so, for there is no store to read a mix of all tasks from.

use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;

use crate::ring::{Ring, RingLimits, RingRead, RingReader};
use crate::shared_event::SharedEvent;

/// The window over all tasks.
pub(crate) struct Firehose {
    ring: Arc<Ring<Arc<SharedEvent>, ()>>,
    /// Keeps positions and contents in step when several actors push at once.
    order: Mutex<()>,
}

impl Firehose {
    pub(crate) fn new(limits: RingLimits) -> Self {
        Self { ring: Arc::new(Ring::new(limits, 0)), order: Mutex::new(()) }
    }

    /// Whether anybody listens.
    pub(crate) fn is_followed(&self) -> bool {
        self.ring.readers() > 0
    }

    pub(crate) fn push(&self, events: &[Arc<SharedEvent>]) {
        let _order = self.order.lock();
        let weighed = events.iter().map(|event| (Arc::clone(event), event.event().weight()));
        self.ring.push(self.ring.next_position(), weighed);
    }

    /// Something was committed that cannot be shown: every follower is told that it lost continuity.
    pub(crate) fn gap(&self) {
        let _order = self.order.lock();
        self.ring.push(self.ring.next_position() + 1, std::iter::empty());
    }

    pub(crate) fn follow(&self) -> Follower {
        let _order = self.order.lock();
        let reader = self.ring.join();
        Follower { reader, next: self.ring.next_position() }
    }

    pub(crate) fn end(&self) {
        self.ring.end(());
    }
}

/// What a follower of all tasks is given.
#[derive(Debug)]
pub enum Followed {
    /// The next events, in index order per task.
    Events(Vec<Arc<SharedEvent>>),
    /// Events were lost to this follower: it was too slow, or the answer to a commit was lost.
    Lagged,
    /// The engine has stopped.
    Ended,
}

/// One consumer of all changes of all tasks, from the moment it was made.
pub struct Follower {
    reader: RingReader<Arc<SharedEvent>, ()>,
    next: u64,
}

impl Follower {
    /// Waits until there is something to take.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.reader.poll_ready(cx, self.next)
    }

    /// The next events, at most `max`.
    pub fn poll_next(&mut self, cx: &mut Context<'_>, max: usize) -> Poll<Followed> {
        self.reader.poll_read(cx, self.next, max).map(|read| match read {
            RingRead::Items(events) => {
                self.next += events.len() as u64;
                Followed::Events(events)
            }
            RingRead::Behind(_) => Followed::Lagged,
            RingRead::Ended(()) => Followed::Ended,
        })
    }

    /// The next events, at most `max`.
    pub async fn next(&mut self, max: usize) -> Followed {
        std::future::poll_fn(|cx| self.poll_next(cx, max)).await
    }
}

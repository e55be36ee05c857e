//! The live side of one task: its window of recent events, and the runs its readers have made of it.
//!
//! Readers with the same filter that stand at the same place are given the same run, and a run is encoded once. So
//! what a delivery costs, beyond the write to its socket, hardly depends on how many readers there are.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::domain::{EventFilter, TaskEvent, TaskStatus};
use crate::ring::{Ring, RingLimits, RingRead, RingReader};
use crate::shared_event::SharedEvent;

/// Events taken from the window at once.
const MAX_RUN: usize = 256;
/// Runs that are remembered for readers who come to the same place a little later.
const REMEMBERED: usize = 8;

/// Why the live side of a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LiveEnd {
    /// The task is finished and its log complete.
    Finished(TaskStatus),
    /// The task was deleted.
    Deleted,
    /// Another log took its place.
    Replaced,
    /// The actor is gone; another one can be asked.
    Detached,
}

/// Consecutive live events as one filter sees them.
#[derive(Debug)]
pub(crate) struct Run {
    filter: Arc<EventFilter>,
    from: u64,
    first_rank: u64,
    /// The index behind the last event looked at.
    pub(crate) to: u64,
    /// Those that match.
    pub(crate) events: Vec<Arc<SharedEvent>>,
    wire: [OnceLock<Bytes>; 4],
}

impl Run {
    /// Whether every event has the value that readers of running values want.
    pub(crate) fn is_accumulated(&self) -> bool {
        self.events.iter().all(|event| event.accumulated().is_some())
    }

    fn starts(&self, from: u64, rank: u64, filter: &Arc<EventFilter>) -> bool {
        let same = || Arc::ptr_eq(&self.filter, filter) || self.filter == *filter;
        self.from == from && self.first_rank == rank && same()
    }
}

/// Live events for a subscriber, shared with all others at the same place.
#[derive(Clone, Debug)]
pub struct LiveBatch {
    pub(crate) run: Arc<Run>,
    pub(crate) accumulated: bool,
}

impl LiveBatch {
    /// How many events there are, at least one.
    pub fn len(&self) -> usize {
        self.run.events.len()
    }

    /// Never: a batch has events.
    pub fn is_empty(&self) -> bool {
        self.run.events.is_empty()
    }

    /// The events with their ranks, in the form the subscriber wants.
    pub fn events(&self) -> impl Iterator<Item = (u64, Arc<TaskEvent>)> {
        self.shared().map(|(rank, shared)| {
            let accumulated = self.accumulated.then(|| shared.accumulated()).flatten();
            (rank, accumulated.unwrap_or_else(|| Arc::clone(shared.event())))
        })
    }

    /// The events with their ranks, as all readers share them.
    pub fn shared(&self) -> impl Iterator<Item = (u64, &Arc<SharedEvent>)> {
        (self.run.first_rank..).zip(&self.run.events)
    }

    /// Whether accumulate events are wanted with their running values.
    pub fn is_accumulated(&self) -> bool {
        self.accumulated
    }

    /// The bytes that `encode` makes of this batch, made once for all subscribers who want the same: `wrapped` tells
    /// two encodings apart.
    pub fn wire(&self, wrapped: bool, encode: impl FnOnce(&Self) -> Bytes) -> &Bytes {
        let form = usize::from(wrapped) * 2 + usize::from(self.accumulated);
        self.run.wire[form].get_or_init(|| encode(self))
    }
}

/// See the module.
pub(crate) struct Live {
    ring: Arc<Ring<Arc<SharedEvent>, LiveEnd>>,
    runs: Mutex<VecDeque<Arc<Run>>>,
    /// Whether the actor went of its own accord, so that what did not reach it is not its fault.
    left: AtomicBool,
}

impl Live {
    pub(crate) fn new(limits: RingLimits) -> Self {
        Self { ring: Arc::new(Ring::new(limits, 0)), runs: Mutex::default(), left: AtomicBool::new(false) }
    }

    /// The actor goes of its own accord.
    pub(crate) fn leave(&self) {
        self.left.store(true, Release);
    }

    /// Whether the actor went of its own accord.
    pub(crate) fn has_left(&self) -> bool {
        self.left.load(Acquire)
    }

    pub(crate) fn join(self: &Arc<Self>) -> LiveReader {
        LiveReader { reader: self.ring.join(), live: Arc::clone(self) }
    }

    fn find(&self, from: u64, rank: u64, filter: &Arc<EventFilter>) -> Option<Arc<Run>> {
        let runs = self.runs.lock();
        runs.iter().find(|run| run.starts(from, rank, filter)).cloned()
    }

    fn remember(&self, run: &Arc<Run>) {
        let mut runs = self.runs.lock();
        runs.push_front(Arc::clone(run));
        runs.truncate(REMEMBERED);
    }
}

impl Deref for Live {
    type Target = Ring<Arc<SharedEvent>, LiveEnd>;

    fn deref(&self) -> &Self::Target {
        &self.ring
    }
}

/// One reader of the live side. When the last one leaves, nothing is kept.
pub(crate) struct LiveReader {
    reader: RingReader<Arc<SharedEvent>, LiveEnd>,
    live: Arc<Live>,
}

impl LiveReader {
    /// Whether there is anything to read at index `from`; waits otherwise.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>, from: u64) -> Poll<()> {
        self.reader.poll_ready(cx, from)
    }

    /// The run that begins at index `from` and rank `rank` under `filter`, or waits until there is one.
    pub(crate) fn poll_run(
        &mut self,
        cx: &mut Context<'_>,
        (from, rank): (u64, u64),
        filter: &Arc<EventFilter>,
    ) -> Poll<RingRead<Arc<Run>, LiveEnd>> {
        if let Some(run) = self.live.find(from, rank, filter) {
            return Poll::Ready(RingRead::Items(run));
        }
        self.reader.poll_read(cx, from, MAX_RUN).map(|read| match read {
            RingRead::Items(items) => {
                let to = from + items.len() as u64;
                let events = items.into_iter().filter(|event| filter.matches(event.event())).collect();
                let wire = [const { OnceLock::new() }; 4];
                let run =
                    Arc::new(Run { filter: Arc::clone(filter), from, first_rank: rank, to, events, wire });
                self.live.remember(&run);
                RingRead::Items(run)
            }
            RingRead::Behind(to) => RingRead::Behind(to),
            RingRead::Ended(end) => RingRead::Ended(end),
        })
    }
}

impl Drop for LiveReader {
    fn drop(&mut self) {
        if self.live.readers() <= 1 {
            *self.live.runs.lock() = VecDeque::new();
        }
    }
}

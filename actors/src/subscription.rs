//! One task's events from a cursor on, once each, in order: replay, then live, by one rule.
//!
//! A reader owes itself one index. If the live window has it, it comes from there; if the window has moved on, from
//! the store. Late join, slow reader, lost announcement, reconnect and resume are this one case.

mod join;
mod replay;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::domain::{EventFilter, EventId, Start, TaskEvent, TaskId, TaskStatus, Timestamp};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::live::{LiveBatch, LiveEnd, Run};
use crate::ports::{Page, StoreError};
use crate::ring::RingRead;
use crate::task::{Joined, Subscribe};
use crate::watched::ReaderMark;

use self::replay::Replay;

/// How often in a row the actor may die over a reader before the reader gives up.
const MAX_DEATHS: u32 = 20;
/// Pauses before a store that does not answer is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Where a subscription starts. Several cursors at once: an id comes before a time; a rank holds in addition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Behind the event with this id; an unknown id starts at the first event.
    pub id: Option<EventId>,
    /// Later than this; ignored when there is an id.
    pub time: Option<Timestamp>,
    /// Behind the event with this rank under the same filter; -1 is everything.
    pub rank: Option<i64>,
}

impl Cursor {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a subscriber wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscribeRequest {
    /// Which events.
    pub filter: EventFilter,
    /// From where. Without a cursor, each accumulate series is first collapsed into one snapshot.
    pub cursor: Cursor,
    /// Only the last so many events of the replay.
    pub limit: Option<usize>,
    /// Whether accumulate events carry their running values instead of their deltas.
    pub accumulated: bool,
}

/// One event read from the store, in the form the subscriber wants.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The number of matching events before it.
    pub rank: u64,
    /// The event.
    pub event: Arc<TaskEvent>,
}

/// Why a subscription is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The task is finished, and everything has been delivered.
    Finished(TaskStatus),
    /// The task was deleted.
    Deleted,
    /// The log cannot be read on; a new subscription with a cursor may.
    Interrupted,
}

/// What a subscription gives next.
#[derive(Clone, Debug)]
pub enum Batch {
    /// Events from the store in index order, at least one.
    Replayed(Vec<Replayed>),
    /// Events from the live window in index order, at least one.
    Live(LiveBatch),
    /// Nothing follows.
    End(Ending),
}

impl Batch {
    /// The events with their ranks, wherever they come from; none at the end.
    pub fn events(&self) -> Vec<(u64, Arc<TaskEvent>)> {
        match self {
            Self::Replayed(events) => {
                events.iter().map(|read| (read.rank, Arc::clone(&read.event))).collect()
            }
            Self::Live(batch) => batch.events().collect(),
            Self::End(_) => Vec::new(),
        }
    }
}

type StorePage = Pin<Box<dyn Future<Output = Result<Page, StoreError>> + Send>>;
type Rejoin = Pin<Box<dyn Future<Output = Result<Joined, EngineError>> + Send>>;

enum Phase {
    /// At the live window.
    Live,
    /// Waiting for a page of the store.
    Reading(StorePage),
    /// The actor is gone: asking another one.
    Rejoining(Rejoin),
}

/// A reader of one task. It holds no queue; when it is not asked, it costs nothing but its place.
pub struct Subscription {
    engine: Engine,
    id: TaskId,
    filter: Arc<EventFilter>,
    accumulated: bool,
    joined: Joined,
    /// The index this reader needs next.
    next: u64,
    /// The number of matching events below it.
    rank: u64,
    replay: Option<Box<Replay>>,
    phase: Phase,
    /// How often in a row the actor died when it was asked to let this reader join again.
    deaths: u32,
    _counted: ReaderMark,
}

impl Subscription {
    /// The next events or the end. After the end it is not to be asked again.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Batch> {
        loop {
            let step = match &mut self.phase {
                Phase::Live => ready!(self.poll_live(cx)),
                Phase::Reading(page) => {
                    let page = ready!(page.as_mut().poll(cx));
                    self.page_read(page)
                }
                Phase::Rejoining(rejoin) => {
                    let joined = ready!(rejoin.as_mut().poll(cx));
                    self.rejoined(joined)
                }
            };
            if let Some(batch) = step {
                return Poll::Ready(batch);
            }
        }
    }

    /// The next events or the end.
    pub async fn next(&mut self) -> Batch {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Whether this reader is at the live window, where waiting a moment lets more events be delivered at once.
    pub fn is_live(&self) -> bool {
        self.replay.is_none() && matches!(self.phase, Phase::Live)
    }

    /// Waits until there is something to deliver, without taking it.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_live() { self.joined.live.poll_ready(cx, self.next) } else { Poll::Ready(()) }
    }

    fn poll_live(&mut self, cx: &mut Context<'_>) -> Poll<Option<Batch>> {
        if let Some(replay) = &self.replay {
            self.phase = Phase::Reading(self.read_page(replay.at, replay.to, replay.deltas()));
            return Poll::Ready(None);
        }
        let read = ready!(self.joined.live.poll_run(cx, (self.next, self.rank), &self.filter));
        Poll::Ready(match read {
            RingRead::Items(run) => self.take_live(run),
            RingRead::Behind(to) => {
                self.engine.stats().slow_readers.fetch_add(1, Relaxed);
                self.fall_behind(to);
                None
            }
            RingRead::Ended(LiveEnd::Finished(status)) => Some(Batch::End(Ending::Finished(status))),
            RingRead::Ended(LiveEnd::Deleted) => Some(Batch::End(Ending::Deleted)),
            RingRead::Ended(LiveEnd::Replaced) => Some(Batch::End(Ending::Interrupted)),
            RingRead::Ended(LiveEnd::Detached) => {
                self.rejoin(Duration::ZERO);
                None
            }
        })
    }

    fn take_live(&mut self, run: Arc<Run>) -> Option<Batch> {
        if self.accumulated && !run.is_accumulated() {
            self.fall_behind(run.to);
            return None;
        }
        self.next = run.to;
        self.rank += run.events.len() as u64;
        let batch = LiveBatch { run, accumulated: self.accumulated };
        (!batch.is_empty()).then_some(Batch::Live(batch))
    }

    /// Reads on from the store up to `to`.
    fn fall_behind(&mut self, to: u64) {
        self.replay = Some(Box::new(Replay::uncollapsed(self.next, to, self.accumulated)));
    }

    fn read_page(&self, from: u64, to: u64, deltas: bool) -> StorePage {
        let engine = self.engine.clone();
        let id = self.id.clone();
        let incarnation = self.joined.plan.boundary.incarnation;
        engine.stats().replays.fetch_add(1, Relaxed);
        Box::pin(async move { replay::read(&engine, &id, incarnation, (from, to), deltas).await })
    }

    fn page_read(&mut self, page: Result<Page, StoreError>) -> Option<Batch> {
        self.phase = Phase::Live;
        match page {
            Ok(page) if page.slots.is_empty() => {
                self.rejoin(RETRY_PAUSE);
                None
            }
            Ok(page) => self.take_page(&page),
            Err(StoreError::Unavailable { .. }) => {
                self.rejoin(RETRY_PAUSE);
                None
            }
            Err(StoreError::Gone) => {
                self.rejoin(RETRY_PAUSE);
                None
            }
            Err(StoreError::Corrupt(detail)) => {
                tracing::error!(task = %self.id, %detail, "a stream ends: its log cannot be read");
                Some(Batch::End(Ending::Interrupted))
            }
        }
    }

    fn take_page(&mut self, page: &Page) -> Option<Batch> {
        let mut replay = self.replay.take()?;
        let delivered = replay.take(page, &self.filter, (&mut self.next, &mut self.rank));
        if replay.at < replay.to {
            self.replay = Some(replay);
        }
        (!delivered.is_empty()).then_some(Batch::Replayed(delivered))
    }

    /// Asks for another actor after `pause`, from where this reader is.
    fn rejoin(&mut self, pause: Duration) {
        let engine = self.engine.clone();
        let id = self.id.clone();
        let incarnation = self.joined.plan.boundary.incarnation;
        let start = Start::Resume { index: self.next, rank: self.rank, incarnation };
        let (filter, accumulated) = (Arc::clone(&self.filter), self.accumulated);
        self.phase = Phase::Rejoining(Box::pin(async move {
            tokio::time::sleep(pause).await;
            let subscribe = |permit| Subscribe {
                filter: Arc::clone(&filter),
                start: start.clone(),
                accumulated,
                _permit: Some(permit),
            };
            engine.send(&id, 0, |permit, _| subscribe(permit)).await
        }));
    }

    /// Whether it is the same log, with all of it that this reader has seen.
    fn can_go_on_with(&self, joined: &Joined) -> bool {
        let (before, now) = (self.joined.plan.boundary, joined.plan.boundary);
        before.incarnation == now.incarnation && now.version >= self.next
    }

    fn rejoined(&mut self, joined: Result<Joined, EngineError>) -> Option<Batch> {
        match joined {
            Ok(joined) if self.can_go_on_with(&joined) => {
                self.joined = joined;
                self.phase = Phase::Live;
                self.deaths = 0;
                None
            }
            Ok(_) => Some(Batch::End(Ending::Interrupted)),
            Err(EngineError::NotFound) => Some(Batch::End(Ending::Deleted)),
            Err(EngineError::Stopping | EngineError::Rejected(_)) => Some(Batch::End(Ending::Interrupted)),
            Err(EngineError::Panicked) if self.deaths == MAX_DEATHS => Some(Batch::End(Ending::Interrupted)),
            Err(error) => {
                self.deaths += u32::from(error == EngineError::Panicked);
                self.rejoin(RETRY_PAUSE);
                None
            }
        }
    }
}

//! All changes of all tasks as one stream, with a position per consumer.
//!
//! The stream starts where a consumer joins. A consumer that falls behind the window has lost continuity and is
//! told so, for there is no store to read a mix of all tasks from. With other instances, what they announce is put in
//! order with what is committed here; where that cannot be done exactly, every consumer is told as well.

mod feed;
mod order;
mod sequence;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Instant;

use parking_lot::Mutex;

use self::feed::Feed;
pub(crate) use self::feed::{Announced, Reading};
use self::order::Delivery;
use crate::domain::Stamp;
use crate::ring::{Ring, RingLimits, RingRead, RingReader};
use crate::shared_event::SharedEvent;

/// Followers may have missed something, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost(pub(crate) &'static str);

/// What keeps positions and contents in step when several push at once.
struct Order {
    /// What puts local commits and announcements in order; `None` when there are no other instances.
    feed: Option<Feed>,
    /// Whether announcements of all tasks come in.
    fed: bool,
}

/// The window over all tasks.
pub(crate) struct Firehose {
    ring: Arc<Ring<Arc<SharedEvent>, ()>>,
    order: Mutex<Order>,
    /// The same as [`Order::fed`], for who only wants to know.
    fed: AtomicBool,
}

impl Firehose {
    /// A window that takes announcements of other instances if there are `others`.
    pub(crate) fn new(limits: RingLimits, others: bool) -> Self {
        let order = Order { feed: others.then(Feed::default), fed: false };
        Self { ring: Arc::new(Ring::new(limits, 0)), order: Mutex::new(order), fed: AtomicBool::new(false) }
    }

    /// Whether anybody listens.
    pub(crate) fn is_followed(&self) -> bool {
        self.ring.readers() > 0
    }

    /// Whether what is committed here has to be pushed.
    pub(crate) fn is_open(&self) -> bool {
        self.fed.load(Relaxed) || self.is_followed()
    }

    /// Shows what this instance committed on a log that was at `before`.
    pub(crate) fn push(&self, before: Stamp, events: &[Arc<SharedEvent>]) {
        let mut order = self.order.lock();
        let open = order.fed || self.is_followed();
        let Some(feed) = &mut order.feed else { return self.append(events) };
        if open {
            let mut out = Vec::new();
            let taken = feed.committed(before, events, Instant::now(), &mut out);
            self.deliver(feed, &out, taken);
        }
    }

    fn append(&self, events: &[Arc<SharedEvent>]) {
        let weighed = events.iter().map(|event| (Arc::clone(event), event.event().weight()));
        self.ring.push(self.ring.next_position(), weighed);
    }

    fn deliver<T>(&self, feed: &mut Feed, out: &Delivery, taken: Result<T, Lost>) -> Option<T> {
        if !out.is_empty() {
            self.append(out);
        }
        taken.inspect_err(|lost| self.lose(Some(feed), *lost)).ok()
    }

    fn lose(&self, feed: Option<&mut Feed>, Lost(why): Lost) {
        if self.is_followed() {
            tracing::warn!(why, "whoever follows all tasks may have missed something: their streams end");
        }
        self.ring.push(self.ring.next_position() + 1, std::iter::empty());
        if let Some(feed) = feed {
            feed.forget_tasks();
            feed.sequences.forgive();
        }
    }

    /// Something was committed that cannot be shown: every follower is told that it lost continuity.
    pub(crate) fn gap(&self, why: &'static str) {
        let mut order = self.order.lock();
        self.lose(order.feed.as_mut(), Lost(why));
    }

    /// Does something with the feed while announcements of all tasks come in.
    fn with_feed<T>(&self, act: impl FnOnce(&mut Feed, &mut Delivery) -> Result<T, Lost>) -> Option<T> {
        let mut order = self.order.lock();
        let fed = order.fed;
        let feed = order.feed.as_mut().filter(|_| fed)?;
        let mut out = Vec::new();
        let taken = act(feed, &mut out);
        self.deliver(feed, &out, taken)
    }

    /// From now on announcements of all tasks come in; these other instances are asked where they are.
    pub(crate) fn begin_feeding(&self, instances: Vec<u64>) {
        let mut order = self.order.lock();
        order.fed = true;
        self.fed.store(true, Relaxed);
        if let Some(feed) = &mut order.feed {
            feed.sequences.locate(instances);
        }
    }

    /// Whether all instances have said where they are.
    pub(crate) fn is_located(&self) -> bool {
        self.with_feed(|feed, _| Ok(feed.sequences.is_located())).unwrap_or(true)
    }

    /// No further answer of an instance is waited for.
    pub(crate) fn end_locating(&self) {
        self.with_feed(|feed, _| feed.sequences.end_locating());
    }

    /// An instance has said which announcement was its last.
    pub(crate) fn located(&self, instance: u64, last: u64) {
        self.with_feed(|feed, _| {
            feed.sequences.located(instance, last);
            Ok(())
        });
    }

    /// Everything that an instance announced up to `number` should have come.
    pub(crate) fn told(&self, instance: u64, number: u64) {
        self.with_feed(|feed, _| feed.sequences.told(instance, number, Instant::now()));
    }

    /// An instance is gone without a word: what it committed last may never have been announced.
    pub(crate) fn vanished(&self, instance: u64) {
        self.with_feed(|feed, _| {
            feed.sequences.forget(instance);
            Err::<(), _>(Lost("an instance vanished"))
        });
    }

    /// Shows what another instance announced. Says what has to be read for that.
    pub(crate) fn announced(&self, fact: &Announced<'_>) -> Option<Reading> {
        self.with_feed(|feed, out| feed.announced(fact, Instant::now(), out)).flatten()
    }

    /// Shows a part of what was to be read, the last one if `ended`.
    pub(crate) fn read(&self, reading: &Reading, events: &[Arc<SharedEvent>], ended: bool) {
        self.with_feed(|feed, out| feed.read(reading, events, (ended, Instant::now()), out));
    }

    /// What was to be read cannot be shown.
    pub(crate) fn unreadable(&self, reading: &Reading) {
        self.with_feed(|feed, _| feed.unreadable(reading));
    }

    /// Shows what was kept back long enough, and sees whether anything is missing for too long. Says what has to be read.
    pub(crate) fn check(&self) -> Vec<Reading> {
        self.with_feed(|feed, out| feed.check(Instant::now(), out)).unwrap_or_default()
    }

    /// Announcements of all tasks are needed no longer if nobody follows. Says whether that is so.
    pub(crate) fn end_feeding(&self) -> bool {
        let mut order = self.order.lock();
        if self.is_followed() {
            return false;
        }
        order.fed = false;
        self.fed.store(false, Relaxed);
        if let Some(feed) = &mut order.feed {
            feed.stop();
        }
        true
    }

    pub(crate) fn follow(&self) -> Follower {
        let mut order = self.order.lock();
        let fed = order.fed;
        if let Some(feed) = order.feed.as_mut().filter(|_| !fed && !self.is_followed()) {
            feed.forget_tasks();
        }
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
    /// Events were lost to this follower: it was too slow, the answer to a commit was lost, or an announcement of
    /// another instance was.
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

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::domain::{EventId, Json, Level, TaskEvent, TaskId, Timestamp};

    pub(super) fn id(name: &str) -> TaskId {
        TaskId::parse(name).unwrap()
    }

    /// Events of a task with these indexes.
    pub(super) fn events(task: &str, part: Range<u64>) -> Vec<Arc<SharedEvent>> {
        let event = |index| TaskEvent {
            id: EventId::from_text(&format!("e{index}")),
            task_id: id(task),
            index,
            timestamp: Timestamp(index as i64),
            event_type: "note".into(),
            level: Level::Info,
            data: Json::null(),
            series: None,
            client: None,
            snapshot: false,
        };
        part.map(|index| Arc::new(SharedEvent::new(Arc::new(event(index)), None))).collect()
    }

    const LIMITS: RingLimits = RingLimits { items: 100, bytes: 1 << 20 };

    fn stamp(version: u64) -> Stamp {
        Stamp { incarnation: 1, version, revision: 0 }
    }

    async fn taken(follower: &mut Follower) -> Vec<u64> {
        match follower.next(100).await {
            Followed::Events(events) => events.iter().map(|event| event.event().index).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn alone_everything_is_shown_at_once() {
        let all = Firehose::new(LIMITS, false);
        let mut follower = all.follow();
        all.push(stamp(5), &events("t", 5..7));
        assert_eq!(taken(&mut follower).await, [5, 6]);
    }

    #[tokio::test]
    async fn whoever_comes_later_is_not_told_of_what_was_lost_before() {
        let all = Firehose::new(LIMITS, true);
        let mut early = all.follow();
        all.begin_feeding(vec![]);
        all.end_locating();
        all.push(stamp(0), &events("t", 0..1));
        all.vanished(7);
        let mut late = all.follow();
        assert!(matches!(early.next(1).await, Followed::Lagged));
        all.push(stamp(0), &events("u", 0..1));
        assert_eq!(taken(&mut late).await, [0]);
    }

    #[tokio::test]
    async fn when_the_last_follower_has_left_the_feed_ends() {
        let all = Firehose::new(LIMITS, true);
        let follower = all.follow();
        all.begin_feeding(vec![]);
        assert!(!all.end_feeding());
        drop(follower);
        assert!(all.is_open());
        assert!(all.end_feeding());
        assert!(!all.is_open());
        all.push(stamp(0), &events("t", 0..1));
        let mut next = all.follow();
        all.push(stamp(0), &events("t", 0..1));
        assert_eq!(taken(&mut next).await, [0], "what was pushed while nobody listened is forgotten");
    }
}

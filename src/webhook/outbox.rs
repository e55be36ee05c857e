//! The work on one task: all its webhooks at once, none of which waits for another, and settling what they achieve.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use taskcast_actors::EngineError;
use taskcast_actors::domain::outbox::Then;
use taskcast_actors::domain::{Head, Stamp, TaskId};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::courier::Courier;
use super::endpoint::{self, Endpoint};
use super::lane::Lane;
use super::progress::Progress;
use super::repeat::Repeat;

/// How often progress is settled, and whether the task is still there looked up.
const SETTLE: Duration = Duration::from_secs(1);
/// At most this many webhooks of one task are delivered to at once.
const LANES: usize = 64;
/// While other tasks wait, a task is given back after this time.
const TURN: Duration = Duration::from_secs(10);
/// What attempts under way get when the service stops.
const GRACE: Duration = Duration::from_secs(2);

/// While nothing comes of the work, it is tried again after this time.
const PAUSE: Duration = Duration::from_millis(250);

/// What has come to its end: a webhook, by its place, or the repetition of what had failed.
enum Ended {
    Lane(usize),
    Repeat,
}

/// Whether there is more to do with a task.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    GoOn,
    Done,
}

/// Delivers what the task owes, if nobody else does. `news` says that there may be more.
pub(super) async fn work(courier: &Courier, id: &TaskId, news: &Notify) {
    let taken = match courier.engine.take_outbox(id).await {
        Ok(Some(taken)) => taken,
        Ok(None) | Err(EngineError::NotFound | EngineError::Stopping) => return,
        Err(error) => {
            tracing::warn!(task = %id, %error, "what is owed to webhooks cannot be taken: trying again later");
            return;
        }
    };
    let endpoints = endpoint::of_task(&taken.head.task, courier.retry, &courier.global);
    let outbox = taken.head.outbox.as_deref();
    let cursors = endpoints.iter().filter_map(|endpoint| Some(outbox?.cursor(endpoint.hook))).collect();
    let progress = Progress::new(cursors);
    let turn_ends = Instant::now() + TURN;
    let run = Run { courier, id, stamp: taken.stamp, endpoints: &endpoints, progress: &progress, turn_ends };
    run.until_done(&taken.head, news).await;
}

#[derive(Clone, Copy)]
struct Run<'a> {
    courier: &'a Courier,
    id: &'a TaskId,
    /// Which log.
    stamp: Stamp,
    endpoints: &'a [Arc<Endpoint>],
    progress: &'a Progress,
    turn_ends: Instant,
}

/// What is under way, and what is not.
struct Moving<'a> {
    futures: FuturesUnordered<BoxFuture<'a, Ended>>,
    /// Webhooks that are to be delivered to, by their places.
    ready: VecDeque<usize>,
    /// Those that have nothing to do, or have to wait.
    resting: Vec<usize>,
    repeating: bool,
}

impl<'a> Run<'a> {
    async fn until_done(self, head: &Head, news: &Notify) {
        let mut moving = Moving {
            futures: FuturesUnordered::new(),
            ready: (0..self.endpoints.len()).collect(),
            resting: Vec::new(),
            repeating: false,
        };
        self.repeat(&mut moving, head);
        let mut tick = interval(SETTLE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        loop {
            self.start(&mut moving);
            if moving.futures.is_empty() && self.finish(&mut moving).await == Verdict::Done {
                return;
            }
            let verdict = tokio::select! {
                Some(ended) = moving.futures.next() => moving.note(ended),
                _ = tick.tick() => self.look(&mut moving).await,
                () = news.notified() => self.wake(&mut moving),
                () = self.courier.stopped() => self.stop(&mut moving).await,
            };
            if verdict == Verdict::Done || self.progress.is_overdue() {
                return;
            }
        }
    }

    /// Goes on with those who are ready, as far as there is room.
    fn start(self, moving: &mut Moving<'a>) {
        while moving.futures.len() < LANES
            && let Some(place) = moving.ready.pop_front()
        {
            let lane = Lane {
                courier: self.courier,
                id: self.id,
                stamp: self.stamp,
                endpoint: &self.endpoints[place],
                progress: self.progress,
                place,
                turn_ends: self.turn_ends,
            };
            moving.futures.push(Box::pin(async move {
                lane.run().await;
                Ended::Lane(place)
            }));
        }
    }

    /// There may be more for those who rest.
    fn wake(self, moving: &mut Moving<'a>) -> Verdict {
        let now = self.courier.engine.now();
        let awake = moving.resting.extract_if(.., |place| self.progress.cursor(*place).is_awake(now));
        moving.ready.extend(awake);
        Verdict::GoOn
    }

    /// Delivers again what somebody asked for.
    fn repeat(self, moving: &mut Moving<'a>, head: &Head) {
        let Some(outbox) = head.outbox.as_deref().filter(|_| !moving.repeating) else { return };
        let failures = self.progress.to_repeat(outbox);
        if failures.is_empty() {
            return;
        }
        let Self { courier, id, stamp, endpoints, progress, .. } = self;
        moving.repeating = true;
        moving.futures.push(Box::pin(async move {
            Repeat { courier, id, stamp, endpoints, progress }.run(failures).await;
            Ended::Repeat
        }));
    }

    /// Settles what is new, and sees whether the task is still there and ours.
    async fn look(self, moving: &mut Moving<'a>) -> Verdict {
        let head = if self.progress.is_due() {
            match self.settle(Then::GoOn).await {
                Settled::Leased(head) => Some(head),
                Settled::Left => return Verdict::Done,
                Settled::Unknown => None,
            }
        } else {
            match self.courier.engine.get(self.id).await {
                Ok(head) if self.courier.engine.has_lease(&head) => Some(head),
                Ok(_) | Err(EngineError::NotFound) => return Verdict::Done,
                Err(_) => None,
            }
        };
        if let Some(head) = head {
            self.repeat(moving, &head);
        }
        self.wake(moving)
    }

    /// Nothing is under way: gives the task back unless there is more to do.
    async fn finish(self, moving: &mut Moving<'a>) -> Verdict {
        let turn_is_over = self.courier.is_crowded() && Instant::now() > self.turn_ends;
        let then = if turn_is_over || self.courier.is_stopping() { Then::Leave } else { Then::GoOnIfDue };
        let is_new = self.progress.is_due();
        match self.settle(then).await {
            Settled::Leased(head) => {
                if !is_new {
                    tokio::time::sleep(PAUSE).await;
                }
                self.repeat(moving, &head);
                self.wake(moving)
            }
            Settled::Left => Verdict::Done,
            Settled::Unknown => Verdict::GoOn,
        }
    }

    /// Lets attempts under way end, within reason, and gives the task back.
    async fn stop(self, moving: &mut Moving<'a>) -> Verdict {
        let rest = async { while moving.futures.next().await.is_some() {} };
        if timeout(GRACE, rest).await.is_err() {
            tracing::debug!(task = %self.id, "a delivery is cut off: it is made again");
        }
        self.settle(Then::Leave).await;
        Verdict::Done
    }

    async fn settle(self, then: Then) -> Settled {
        let work = self.progress.take(then);
        let began = Instant::now();
        match self.courier.engine.settle_outbox(self.id, work.clone()).await {
            Ok(Some(taken)) if self.courier.engine.has_lease(&taken.head) => {
                self.progress.settled(began);
                Settled::Leased(taken.head)
            }
            Ok(_) | Err(EngineError::NotFound | EngineError::Stopping) => Settled::Left,
            Err(error) => {
                tracing::warn!(task = %self.id, %error, "what was delivered to webhooks cannot be recorded yet");
                self.progress.put_back(work);
                Settled::Unknown
            }
        }
    }
}

/// Where the lease is after a commit.
enum Settled {
    /// Here, and the task is like this.
    Leased(Arc<Head>),
    /// Not here any more, or the task is gone.
    Left,
    /// The store did not answer.
    Unknown,
}

impl Moving<'_> {
    fn note(&mut self, ended: Ended) -> Verdict {
        match ended {
            Ended::Lane(place) => self.resting.push(place),
            Ended::Repeat => self.repeating = false,
        }
        Verdict::GoOn
    }
}

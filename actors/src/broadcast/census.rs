//! Saying what concerns this instance as a whole, and hearing it of others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::fut::WrapFuture;
use actix::{AsyncContext, Context, Handler, Message, ResponseFuture};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;

use super::BroadcastActor;
use super::instances::{Counts, Notice, Says};
use crate::ports::{TaskHooks as _, Topic};

/// Notices that may wait for the bus. More are dropped, and the others ask.
const MAX_WAITING: usize = 256;
/// Counts in one notice.
const PART: usize = 256;
/// How often at most all counts are told.
const TABLE_AGAIN: Duration = Duration::from_secs(1);
/// How long a stopping instance waits for the bus to take its last announcements, and then its goodbye.
const LAST_WORDS: Duration = Duration::from_millis(500);
const LAST_WORDS_POLL: Duration = Duration::from_millis(2);

/// What this instance says of itself.
#[derive(Default)]
pub(super) struct Voice {
    /// Where notices wait; absent before the start and after the goodbye.
    queue: Option<mpsc::Sender<Notice>>,
    /// Notices so far.
    number: u64,
    /// Whether somebody wants all counts.
    wanted: bool,
    /// When all counts were told.
    told: Option<Instant>,
}

impl BroadcastActor {
    /// Puts notices on the bus, one after the other.
    pub(super) fn publish_notices(&mut self, ctx: &mut Context<Self>) {
        let (queue, mut notices) = mpsc::channel(MAX_WAITING);
        self.voice.queue = Some(queue);
        let (bus, shared) = (Arc::clone(&self.bus), Arc::clone(&self.shared));
        let publishing = poll_fn(move |cx| notices.poll_recv(cx)).for_each(move |notice| {
            let (bus, shared) = (Arc::clone(&bus), Arc::clone(&shared));
            async move {
                if let Err(error) = bus.publish(&Topic::Instances, written(&notice)).await {
                    shared.hooks.on_broadcast_error(None, &error.to_string());
                }
            }
        });
        ctx.spawn(publishing.into_actor(self));
    }

    fn next_notice(&mut self, says: Says) -> Notice {
        self.voice.number += 1;
        Notice { from: self.shared.announcer.instance(), number: self.voice.number, says }
    }

    /// Says something to all others. What does not fit into the queue leaves a hole in the numbers.
    pub(super) fn say(&mut self, says: Says) {
        let notice = self.next_notice(says);
        if let Some(queue) = &self.voice.queue
            && queue.try_send(notice).is_err()
        {
            tracing::debug!("the bus is behind: a notice was left out");
        }
    }

    /// Makes this instance known, and asks the others for their counts.
    pub(super) fn greet(&mut self) {
        self.say(Says::Hello { to: None });
    }

    /// Says that this instance lives and what has changed, and asks for what is not known of others.
    pub(super) fn beat(&mut self) {
        if self.voice.queue.is_none() {
            return;
        }
        let now = Instant::now();
        let (silent, ask) = {
            let mut instances = self.shared.instances.lock();
            (instances.forget_silent(now), instances.ask_now(now))
        };
        silent.into_iter().for_each(|instance| self.shared.firehose.vanished(instance));
        ask.into_iter().for_each(|instance| self.say(Says::Hello { to: Some(instance) }));
        let mut changed = self.shared.watched.take_changed();
        loop {
            let rest = changed.split_off(changed.len().min(PART));
            let announced = self.shared.announcer.settled();
            self.say(Says::Alive { announced, changed });
            if rest.is_empty() {
                break;
            }
            changed = rest;
        }
        self.tell_counts(now);
    }

    /// Tells all counts if somebody wants them, unless that was just done.
    fn tell_counts(&mut self, now: Instant) {
        let again = self.voice.told.is_none_or(|told| now.duration_since(told) >= TABLE_AGAIN);
        if !self.voice.wanted || !again {
            return;
        }
        self.voice.wanted = false;
        self.voice.told = Some(now);
        let all = self.shared.watched.all_readers();
        let mut parts: Vec<Counts> = all.chunks(PART).map(<[_]>::to_vec).collect();
        let last_part = parts.pop().unwrap_or_default();
        let alone = parts.is_empty();
        for (place, counts) in parts.into_iter().enumerate() {
            self.say(Says::Table { first: place == 0, last: false, counts });
        }
        self.say(Says::Table { first: alone, last: true, counts: last_part });
    }

    /// Takes in what another instance says.
    pub(super) fn hear(&mut self, message: &[u8], ctx: &mut Context<Self>) {
        let Ok(notice) = serde_json::from_slice::<Notice>(message) else {
            tracing::warn!("a notice of another instance could not be read");
            return;
        };
        let own = self.shared.announcer.instance();
        if notice.from == own {
            return;
        }
        let now = Instant::now();
        self.shared.instances.lock().take(&notice, now);
        match notice.says {
            Says::Alive { announced, .. } | Says::Goodbye { announced } => {
                self.shared.firehose.told(notice.from, announced);
            }
            Says::Hello { to } => {
                if to.is_none_or(|to| to == own) {
                    self.voice.wanted = true;
                    self.tell_counts(now);
                }
            }
            Says::Where => {
                let announced = self.shared.announcer.last();
                self.say(Says::Here { announced });
            }
            Says::Here { announced } => {
                self.shared.firehose.located(notice.from, announced);
                self.end_locating_when_done(ctx);
            }
            Says::Table { .. } => {}
        }
    }
}

fn written(notice: &Notice) -> Bytes {
    Bytes::from(serde_json::to_vec(notice).expect("a notice serialises"))
}

/// This instance stops: its last announcements go out, then its goodbye.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Leave;

impl Handler<Leave> for BroadcastActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Leave, _: &mut Self::Context) -> Self::Result {
        self.voice.queue = None;
        let mut goodbye = self.next_notice(Says::Goodbye { announced: 0 });
        let (bus, shared) = (Arc::clone(&self.bus), Arc::clone(&self.shared));
        Box::pin(async move {
            let out = async {
                while shared.announcer.settled() < shared.announcer.last() {
                    tokio::time::sleep(LAST_WORDS_POLL).await;
                }
            };
            let in_time = tokio::time::timeout(LAST_WORDS, out).await.is_ok();
            goodbye.says = Says::Goodbye { announced: shared.announcer.last() };
            let said = bus.publish(&Topic::Instances, written(&goodbye));
            let said = tokio::time::timeout(LAST_WORDS, said).await;
            if !in_time || !matches!(said, Ok(Ok(()))) {
                tracing::warn!("the bus did not take this instance's last words: others notice later");
                shared.hooks.on_broadcast_error(None, "the bus did not take the last words of this instance");
            }
        })
    }
}

//! What was subscribed to, and the task that keeps the server in step with it.
//!
//! One task does it all, one thing after the other, so that the server never ends up with something else than is
//! remembered here. What comes while it waits for the server is done together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use fred::interfaces::{ClientLike as _, EventInterface as _, PubsubInterface as _};
use taskcast_actors::ports::{BusError, Interest};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::channels::{Channels, Source};
use super::unavailable;
use crate::stores::redis::error::Failure;
use crate::stores::redis::link::{Link, Owned};

/// Wishes that may wait; more of them wait before the queue.
const QUEUE: usize = 1024;

/// Channels in one command.
const CHUNK: usize = 1000;

/// How often the server is asked for a sign of life: without a message nothing else tells that it is gone.
const LOOK: Duration = Duration::from_secs(2);

struct Wish {
    interest: Interest,
    wanted: bool,
    done: oneshot::Sender<Result<(), BusError>>,
}

/// See the module.
pub(super) struct Subscriptions {
    wishes: mpsc::Sender<Wish>,
    _task: Owned<()>,
}

impl Subscriptions {
    pub(super) fn start(link: Arc<Link>, channels: Arc<Channels>, gap: Arc<Notify>) -> Self {
        let (wishes, queue) = mpsc::channel(QUEUE);
        let keeper = Keeper { link, channels, gap, interests: HashSet::new(), behind: false };
        Self { wishes, _task: Owned::spawn(keeper.run(queue)) }
    }

    /// From now on, or from when the connection is there again, `interest` is subscribed to, or not any more.
    pub(super) async fn change(&self, interest: &Interest, wanted: bool) -> Result<(), BusError> {
        let gone = || BusError("the bus has stopped".to_owned());
        let (done, answer) = oneshot::channel();
        let wish = Wish { interest: interest.clone(), wanted, done };
        self.wishes.send(wish).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

struct Keeper {
    link: Arc<Link>,
    channels: Arc<Channels>,
    gap: Arc<Notify>,
    interests: HashSet<Interest>,
    /// Whether the server may not know all of them.
    behind: bool,
}

impl Keeper {
    async fn run(mut self, mut queue: mpsc::Receiver<Wish>) {
        let mut reconnects = self.link.client().reconnect_rx();
        let mut look = interval_at(Instant::now() + LOOK, LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut wishes = Vec::new();
        loop {
            tokio::select! {
                biased;
                again = reconnects.recv() => match again {
                    Ok(_) | Err(RecvError::Lagged(_)) => self.take_up_again().await,
                    Err(RecvError::Closed) => return,
                },
                count = queue.recv_many(&mut wishes, CHUNK) => match count {
                    0 => return,
                    _ => self.fulfil(std::mem::take(&mut wishes)).await,
                },
                _ = look.tick() => {
                    if self.behind {
                        self.take_up_again().await;
                    } else if self.link.client().is_connected() {
                        let _ = self.link.ping().await;
                    }
                }
            }
        }
    }

    /// Subscribes to everything on a new connection. Messages may have been lost since the old one.
    async fn take_up_again(&mut self) {
        let all: Vec<Interest> = self.interests.iter().cloned().collect();
        self.behind = self.send(&all, &[]).await.is_err();
        if !self.behind {
            self.gap.notify_one();
        }
    }

    async fn fulfil(&mut self, wishes: Vec<Wish>) {
        let mut last = HashMap::new();
        for wish in &wishes {
            last.insert(&wish.interest, wish.wanted);
        }
        let pick = |wanted| {
            let changed =
                last.iter().filter(|(one, is)| **is == wanted && self.interests.contains(**one) != wanted);
            changed.map(|(interest, _)| Interest::clone(interest)).collect::<Vec<_>>()
        };
        let (new, old) = (pick(true), pick(false));
        self.interests.extend(new.iter().cloned());
        old.iter().for_each(|interest| {
            self.interests.remove(interest);
        });
        let answer = self.tell(&new, &old).await;
        if answer.is_err() {
            new.iter().for_each(|interest| {
                self.interests.remove(interest);
            });
        }
        for wish in wishes {
            let refused = answer.as_ref().err().filter(|_| new.contains(&wish.interest));
            let _ = wish.done.send(refused.map_or(Ok(()), |failure| Err(unavailable(failure))));
        }
    }

    /// Tells the server what has changed. Without a connection that can wait: the next one begins with everything.
    async fn tell(&mut self, new: &[Interest], old: &[Interest]) -> Result<(), Failure> {
        if new.is_empty() && old.is_empty() || !self.link.client().is_connected() {
            return Ok(());
        }
        let told = self.send(new, old).await;
        match told {
            Err(failure) if failure.is_refusal() => Err(failure),
            told => {
                self.behind |= told.is_err();
                Ok(())
            }
        }
    }

    /// Sends it, and waits until the server has done it: the answer to what is asked last says so.
    async fn send(&self, new: &[Interest], old: &[Interest]) -> Result<(), Failure> {
        let client = self.link.client();
        let failure = |error| self.link.failure(&error);
        let (channels, patterns) = self.sources(new);
        for channels in channels.chunks(CHUNK) {
            client.subscribe(channels.to_vec()).await.map_err(failure)?;
        }
        if !patterns.is_empty() {
            client.psubscribe(patterns).await.map_err(failure)?;
        }
        let (channels, patterns) = self.sources(old);
        for channels in channels.chunks(CHUNK) {
            client.unsubscribe(channels.to_vec()).await.map_err(failure)?;
        }
        if !patterns.is_empty() {
            client.punsubscribe(patterns).await.map_err(failure)?;
        }
        client.ping::<fred::types::Value>(None).await.map(|_| ()).map_err(failure)
    }

    fn sources(&self, interests: &[Interest]) -> (Vec<String>, Vec<String>) {
        let (mut channels, mut patterns) = (Vec::new(), Vec::new());
        for interest in interests {
            match self.channels.source(interest) {
                Source::Channel(channel) => channels.push(channel),
                Source::Pattern(pattern) => patterns.push(pattern),
            }
        }
        (channels, patterns)
    }
}

//! Following all tasks: while somebody does, announcements of all tasks come in.
//!
//! Before the first follower is let in, every other instance says which announcement was its newest. From there on a
//! missing number is seen, so that nothing that is committed elsewhere later is skipped without a word. Where the last
//! announcement of an instance is lost, the word comes with its next heartbeat.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{AsyncContext, Context, Handler, Message, SpawnHandle};
use tokio::sync::{Semaphore, oneshot};

use super::BroadcastActor;
use super::instances::Says;
use crate::ports::Interest;

/// How often events that are kept back are looked at.
const TICK: Duration = Duration::from_millis(25);
/// How long other instances may take to say where they are, and how often they are asked.
const LOCATING: Duration = Duration::from_millis(500);
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// For so long after its start an instance may not know all others.
const YOUNG: Duration = Duration::from_millis(200);
/// Parts of logs read at the same time.
const READING: usize = 8;

enum Phase {
    /// Nobody follows.
    Off,
    /// The bus is asked to bring announcements of all tasks.
    Subscribing,
    /// The other instances are asked where they are.
    Locating { since: Instant, asked: Instant },
    /// Whatever is lost is seen.
    On,
}

/// How it stands with following all tasks.
pub(super) struct Following {
    phase: Phase,
    /// Followers that are not let in yet.
    waiting: Vec<oneshot::Sender<()>>,
    ticking: Option<SpawnHandle>,
    /// When this instance began.
    born: Instant,
    /// Turns at reading what was too large for the bus.
    pub(super) reading: Arc<Semaphore>,
}

impl Default for Following {
    fn default() -> Self {
        let reading = Arc::new(Semaphore::new(READING));
        Self { phase: Phase::Off, waiting: Vec::new(), ticking: None, born: Instant::now(), reading }
    }
}

/// Somebody follows all tasks, and is told when what happens elsewhere comes in.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Follow(pub(crate) oneshot::Sender<()>);

impl Handler<Follow> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, Follow(follower): Follow, ctx: &mut Self::Context) {
        if let Phase::On = self.following.phase {
            let _gone = follower.send(());
            return;
        }
        self.following.waiting.push(follower);
        if let Phase::Off = self.following.phase {
            self.following.phase = Phase::Subscribing;
            self.shared.firehose.begin_feeding(self.shared.instances.lock().ids());
            self.following.ticking = Some(ctx.run_interval(TICK, |actor, ctx| {
                for reading in actor.shared.firehose.check() {
                    actor.read_for_followers(reading, ctx);
                }
                actor.locate_when_heard(ctx);
                actor.end_locating_when_done(ctx);
            }));
            self.want(&Interest::AllTasks, true, ctx);
        }
    }
}

impl BroadcastActor {
    /// Asks all others where they are, once their announcements come in.
    pub(super) fn locate_when_heard(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.following.phase, Phase::Subscribing) && self.interests.holds(&Interest::AllTasks) {
            self.locate(ctx);
        }
    }

    fn locate(&mut self, ctx: &mut Context<Self>) {
        let now = Instant::now();
        self.following.phase = Phase::Locating { since: now, asked: now };
        self.shared.firehose.begin_feeding(self.shared.instances.lock().ids());
        self.say(Says::Where);
        self.end_locating_when_done(ctx);
    }

    /// Lets followers in once all others have said where they are, or have had the time to.
    pub(super) fn end_locating_when_done(&mut self, _: &mut Context<Self>) {
        let Phase::Locating { since, asked } = self.following.phase else { return };
        let now = Instant::now();
        let known = now.duration_since(self.following.born) >= YOUNG && self.shared.firehose.is_located();
        if !known && now.duration_since(since) < LOCATING {
            if now.duration_since(asked) >= ASK_AGAIN {
                self.following.phase = Phase::Locating { since, asked: now };
                self.say(Says::Where);
            }
            return;
        }
        self.following.phase = Phase::On;
        self.shared.firehose.end_locating();
        let told = self.following.waiting.drain(..).map(|follower| follower.send(()));
        if told.filter(Result::is_err).count() > 0 {
            self.shared.firehose.gap("a follower could not wait until other instances were heard");
        }
    }

    /// Messages may have been lost: followers are told, and the others asked again where they are.
    pub(super) fn follow_anew(&mut self, ctx: &mut Context<Self>) {
        if let Phase::Locating { .. } | Phase::On = self.following.phase {
            self.shared.firehose.gap("the bus may have lost announcements");
            self.locate(ctx);
        }
    }

    /// Ceases to listen for all tasks when nobody follows them any more.
    pub(super) fn stop_following_if_nobody_does(&mut self, ctx: &mut Context<Self>) {
        if matches!(self.following.phase, Phase::Off) || !self.shared.firehose.end_feeding() {
            return;
        }
        self.following.phase = Phase::Off;
        self.following.waiting.clear();
        if let Some(ticking) = self.following.ticking.take() {
            ctx.cancel_future(ticking);
        }
        self.want(&Interest::AllTasks, false, ctx);
    }
}

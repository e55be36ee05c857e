//! The broadcast actor: the bridge to other instances, and nothing else.
//!
//! It listens for a task while this instance has an actor for it, and for all tasks while somebody follows them; it
//! hands what comes in to actors and followers, and puts local commits on the bus. The bus is a hint: what is lost,
//! the slow comparison finds in the store, and followers of all tasks are told.
//!
//! - `announce`: local commits on their way out, numbered. `receive`: those of others on their way in.
//! - `interests`: what is listened for. `compare`: the slow comparison.
//! - `instances`: what the others say of themselves, pure; `census`: saying and hearing it.
//! - `follow`: the beginning and end of following all tasks.

mod announce;
mod census;
mod compare;
mod follow;
mod instances;
mod interests;
mod receive;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use actix::fut::WrapFuture;
use actix::{Actor, AsyncContext, Context, StreamHandler};
use futures_util::StreamExt as _;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;

pub(crate) use announce::{Announcer, Outgoing};
pub(crate) use census::Leave;
pub(crate) use follow::Follow;
pub(crate) use instances::Instances;
pub(crate) use interests::{Listen, Unlisten};

use self::announce::MAX_WAITING;
use self::census::Voice;
use self::compare::Rounds;
use self::follow::Following;
use self::interests::Interests;
use crate::ports::{Bus, BusEvent, Interest, TaskHooks as _, Topic};
use crate::shared::Shared;

/// How often every watched task is compared with the store (ENGINE: a lost last message is found within a second).
const SLOW_POLL: Duration = Duration::from_secs(1);
/// How often this instance says that it lives.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// Messages of the bus that may wait for this actor.
const MAX_INCOMING: usize = 4096;
/// Publishes under way at the same time.
const MAX_PUBLISHING: usize = 64;

/// See the module.
pub(crate) struct BroadcastActor {
    /// Directory and store.
    shared: Arc<Shared>,
    /// The bus.
    bus: Arc<dyn Bus>,
    /// What this instance listens for.
    interests: Interests,
    /// Announcements of this instance, until the actor starts.
    outgoing: Option<mpsc::Receiver<Outgoing>>,
    /// What this instance says of itself.
    voice: Voice,
    /// Whether all tasks are followed.
    following: Following,
    /// When to compare what with the store.
    rounds: Rounds,
}

/// The two ends between task actors and the broadcast actor, before either exists.
pub(crate) fn channel() -> (Announcer, mpsc::Receiver<Outgoing>) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    (Announcer::new(sender), receiver)
}

impl BroadcastActor {
    pub(crate) fn new(shared: Arc<Shared>, bus: Arc<dyn Bus>, outgoing: mpsc::Receiver<Outgoing>) -> Self {
        Self {
            shared,
            bus,
            interests: Interests::default(),
            outgoing: Some(outgoing),
            voice: Voice::default(),
            following: Following::default(),
            rounds: Rounds::default(),
        }
    }

    /// Puts announcements on the bus in their order, several at a time.
    fn publish_all(&mut self, ctx: &mut Context<Self>) {
        let Some(mut outgoing) = self.outgoing.take() else { return };
        let bus = Arc::clone(&self.bus);
        let shared = Arc::clone(&self.shared);
        let publishing = poll_fn(move |cx| outgoing.poll_recv(cx))
            .map(move |Outgoing { task_id, number, message }| {
                let bus = Arc::clone(&bus);
                async move {
                    let topic = Topic::Task(task_id.clone());
                    (number, bus.publish(&topic, message).await.map_err(|error| (task_id, error)))
                }
            })
            .buffered(MAX_PUBLISHING)
            .for_each(move |(number, published)| {
                shared.announcer.settle(number);
                if let Err((task_id, error)) = published {
                    shared.stats.bus_errors.fetch_add(1, Relaxed);
                    shared.hooks.on_broadcast_error(Some(&task_id), &error.to_string());
                }
                std::future::ready(())
            });
        ctx.spawn(publishing.into_actor(self));
    }

    /// The bus has begun or ceased to bring what `interest` covers.
    fn interest_settled(&mut self, interest: &Interest, ctx: &mut Context<Self>) {
        match interest {
            Interest::Task(_) => {}
            Interest::AllTasks => self.locate_when_heard(ctx),
            Interest::Instances => self.greet(),
        }
    }
}

impl Actor for BroadcastActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (sender, mut receiver) = mpsc::channel::<BusEvent>(MAX_INCOMING);
        self.bus.connect(sender);
        ctx.add_stream(poll_fn(move |cx| receiver.poll_recv(cx)));
        self.publish_all(ctx);
        self.publish_notices(ctx);
        self.want(&Interest::Instances, true, ctx);
        ctx.run_interval(HEARTBEAT, |actor, _| actor.beat());
        ctx.run_interval(SLOW_POLL, |actor, ctx| {
            actor.retry_interests(ctx);
            actor.compare(ctx);
            actor.stop_following_if_nobody_does(ctx);
        });
    }
}

impl StreamHandler<BusEvent> for BroadcastActor {
    fn handle(&mut self, event: BusEvent, ctx: &mut Self::Context) {
        match event {
            BusEvent::Message(Topic::Task(task_id), message) => self.receive(&task_id, &message, ctx),
            BusEvent::Message(Topic::Instances, message) => self.hear(&message, ctx),
            BusEvent::Gap => {
                self.shared.hooks.on_broadcast_error(None, "the bus may have lost messages");
                self.shared.stats.bus_gaps.fetch_add(1, Relaxed);
                self.rounds.hurry();
                self.compare(ctx);
                self.shared.instances.lock().doubt();
                self.follow_anew(ctx);
            }
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {
        tracing::warn!("the bus has closed its side: only the slow poll is left");
        self.shared.hooks.on_broadcast_error(None, "the bus has closed its side");
    }
}

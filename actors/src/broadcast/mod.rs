//! The broadcast actor: the bridge to other instances, and nothing else.
//!
//! It listens for a task while this instance has an actor for it, hands what comes in to that actor, and puts local
//! commits on the bus. The bus is a hint: what is lost, the slow poll finds in the store.

mod announce;
mod receive;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use actix::fut::WrapFuture;
use actix::{Actor, AsyncContext, Context, StreamHandler};
use futures_util::StreamExt as _;
use futures_util::stream::poll_fn;
use tokio::sync::mpsc;

pub(crate) use announce::{Announcer, Outgoing};
pub(crate) use receive::Listen;

use self::announce::MAX_WAITING;
use crate::domain::TaskId;
use crate::ports::{Bus, BusEvent, Topic};
use crate::shared::Shared;

/// How often every listened task is compared with the store (ENGINE: a lost last message is found within a second).
const SLOW_POLL: Duration = Duration::from_secs(1);
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
    /// Tasks this instance listens for.
    listening: HashSet<TaskId>,
    /// Announcements of this instance, until the actor starts.
    outgoing: Option<mpsc::Receiver<Outgoing>>,
}

/// The two ends between task actors and the broadcast actor, before either exists.
pub(crate) fn channel() -> (Announcer, mpsc::Receiver<Outgoing>) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    (Announcer::new(sender), receiver)
}

impl BroadcastActor {
    pub(crate) fn new(shared: Arc<Shared>, bus: Arc<dyn Bus>, outgoing: mpsc::Receiver<Outgoing>) -> Self {
        Self { shared, bus, listening: HashSet::new(), outgoing: Some(outgoing) }
    }

    /// Puts announcements on the bus in their order, several at a time.
    fn publish_all(&mut self, ctx: &mut Context<Self>) {
        let Some(mut outgoing) = self.outgoing.take() else { return };
        let bus = Arc::clone(&self.bus);
        let shared = Arc::clone(&self.shared);
        let publishing = poll_fn(move |cx| outgoing.poll_recv(cx))
            .map(move |Outgoing { task_id, message }| {
                let bus = Arc::clone(&bus);
                async move {
                    let topic = Topic::Task(task_id.clone());
                    bus.publish(&topic, message).await.map_err(|error| (task_id, error))
                }
            })
            .buffered(MAX_PUBLISHING)
            .for_each(move |published| {
                if let Err((task_id, error)) = published {
                    shared.hooks.on_broadcast_error(Some(&task_id), &error.to_string());
                }
                std::future::ready(())
            });
        ctx.spawn(publishing.into_actor(self));
    }
}

impl Actor for BroadcastActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (sender, mut receiver) = mpsc::channel::<BusEvent>(MAX_INCOMING);
        self.bus.connect(sender);
        ctx.add_stream(poll_fn(move |cx| receiver.poll_recv(cx)));
        self.publish_all(ctx);
        ctx.run_interval(SLOW_POLL, |actor, ctx| {
            actor.follow_directory(ctx);
            actor.compare_with_store(ctx);
        });
    }
}

impl StreamHandler<BusEvent> for BroadcastActor {
    fn handle(&mut self, event: BusEvent, ctx: &mut Self::Context) {
        match event {
            BusEvent::Message(Topic::Task(task_id), message) => self.receive(&task_id, &message),
            BusEvent::Message(Topic::Instances, _) => {}
            BusEvent::Gap => self.compare_with_store(ctx),
        }
    }

    fn finished(&mut self, _: &mut Self::Context) {
        tracing::warn!("the bus has closed its side: only the slow poll is left");
    }
}

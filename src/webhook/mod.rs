//! Webhooks: what happens to tasks is delivered to others, at least once and in order (PROTOCOL §18).
//!
//! **Here:** the dispatcher, which owns every task of this folder; the work on one task (`outbox`), on one of its
//! webhooks (`lane`), and one attempt (`deliver`); which addresses are allowed (`target`), signatures (`sign`), and
//! when to try again (`retry`). What is owed is recorded by the engine with the events themselves, see
//! [`taskcast_actors::domain::outbox`]; this folder only works it off.
//!
//! **Promised:** a receiver that is slow, dead or hostile costs a connection and a few KiB for as long as an attempt
//! may take. It slows no publish, holds up no other webhook of the same task and no other host.
//!
//! **Absent:** a queue of events. Each webhook reads the log at its own pace, a page at a time.

mod courier;
mod deliver;
mod endpoint;
mod hosts;
mod lane;
mod outbox;
mod progress;
mod repeat;
mod retry;
mod sign;
mod target;

use std::collections::HashMap;
use std::sync::Arc;

use prometheus::IntCounterVec;
use taskcast_actors::Engine;
use taskcast_actors::domain::TaskId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};

pub use endpoint::WebhookSettings;
pub use retry::{Backoff, RetryPolicy};
pub use target::is_public;

use self::courier::Courier;
use self::deliver::Deliverer;
use self::hosts::Hosts;

/// At most this many tasks are in work at once.
const AT_ONCE: usize = 512;

/// Deliveries cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The HTTP client cannot be built.
    #[error("webhooks cannot be delivered: {0}")]
    Client(#[from] reqwest::Error),
    /// The TLS library cannot be used.
    #[error("webhooks cannot be delivered: {0}")]
    Tls(#[from] rustls::Error),
}

/// The dispatcher of one engine. It ends with [`Webhooks::stop`].
pub struct Webhooks {
    stop: watch::Sender<bool>,
    dispatcher: JoinHandle<()>,
}

impl Webhooks {
    /// Starts to deliver what the tasks of `engine` owe, on the runtime this is called in. The engine has to be built
    /// with [`WebhookSettings::global_hooks`] of the same settings. `attempts` counts by the label `outcome`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn start(
        engine: Engine,
        settings: &WebhookSettings,
        attempts: IntCounterVec,
    ) -> Result<Self, WebhookError> {
        let (stop, stopping) = watch::channel(false);
        let courier = Courier {
            engine,
            deliverer: Deliverer::new(settings.allow_private)?,
            hosts: Hosts::default(),
            global: settings.ready(),
            retry: settings.retry,
            attempts,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            stopping,
        };
        let dispatcher =
            Dispatcher { courier: Arc::new(courier), runs: JoinSet::new(), working: HashMap::new() };
        Ok(Self { stop, dispatcher: tokio::spawn(dispatcher.run()) })
    }

    /// Lets attempts under way end, for at most two seconds, records what was delivered and gives all tasks back, so
    /// that another instance, or this one after its next start, goes on. The engine has to run until then.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if self.dispatcher.await.is_err() {
            tracing::error!("the dispatcher of webhooks panicked");
        }
    }
}

struct Dispatcher {
    courier: Arc<Courier>,
    runs: JoinSet<TaskId>,
    /// Tasks in work, and how they are told of news.
    working: HashMap<TaskId, (Id, Arc<Notify>)>,
}

impl Dispatcher {
    async fn run(mut self) {
        let courier = Arc::clone(&self.courier);
        loop {
            tokio::select! {
                biased;
                () = courier.stopped() => break,
                Some(ended) = self.runs.join_next_with_id() => self.ended(ended),
                (place, task) = next(&courier) => self.begin(place, task),
            }
        }
        while let Some(ended) = self.runs.join_next_with_id().await {
            self.ended(ended);
        }
    }

    /// Works on the task, or tells those who do that there may be more.
    fn begin(&mut self, place: OwnedSemaphorePermit, task: TaskId) {
        if let Some((_, news)) = self.working.get(&task) {
            news.notify_one();
            return;
        }
        let news = Arc::new(Notify::new());
        let (courier, told, id) = (Arc::clone(&self.courier), Arc::clone(&news), task.clone());
        let run = self.runs.spawn(async move {
            outbox::work(&courier, &id, &told).await;
            drop(place);
            id
        });
        self.working.insert(task, (run.id(), news));
    }

    fn ended(&mut self, ended: Result<(Id, TaskId), JoinError>) {
        match ended {
            Ok((_, task)) => {
                self.working.remove(&task);
            }
            Err(error) => {
                tracing::error!(%error, "the work on a task's webhooks panicked: its lease has to run out");
                self.working.retain(|_, (run, _)| *run != error.id());
            }
        }
    }
}

/// A place, and the next task that owes something.
async fn next(courier: &Courier) -> (OwnedSemaphorePermit, TaskId) {
    match Arc::clone(&courier.places).acquire_owned().await {
        Ok(place) => (place, courier.engine.next_outbox().await),
        Err(_) => std::future::pending().await,
    }
}

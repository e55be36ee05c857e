//! The engine: a cheap handle that finds task actors, sends them messages, and survives their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Arbiter, Handler, Message};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::admission::{Gauge, Permit};
use crate::broadcast::{self, BroadcastActor, Follow, Leave};
use crate::builder::EngineBuilder;
use crate::domain::{Command, TaskId, Timestamp};
use crate::error::EngineError;
use crate::firehose::{Firehose, Follower};
use crate::hooks::Hooks;
use crate::observed::Observed;
use crate::once::Turns;
use crate::outbox::Outboxes;
use crate::ports::{ColdTier, TaskStore};
use crate::registry::{Directory, FindOrStart, ForgetIdle, RegistryActor};
use crate::runtime::{Runtime, StartError};
use crate::shared::Shared;
use crate::stats::Stats;
use crate::task::{Attempt, Order, TaskActor};
use crate::watched::Watched;

/// How often an actor may die over a message before the task counts as unable to handle it.
const MAX_DEATHS: u32 = 6;
/// How often a stopping engine looks whether all is done.
const STOP_POLL: Duration = Duration::from_millis(5);
/// How long a stopping engine waits for hooks to be told what happened.
const LAST_NOTICES: Duration = Duration::from_secs(1);
/// How long a new follower of all tasks waits until what happens on other instances comes in.
const FOLLOW_WAIT: Duration = Duration::from_secs(1);

/// A running engine. Clones are the same engine; it runs until [`Engine::stop`].
///
/// ```
/// use taskcast_actors::domain::{Json, NewEvent, NewTask, TaskStatus, Transition};
/// use taskcast_actors::Engine;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::in_memory()?;
/// let task = engine.create(NewTask::default()).await?.task.id.clone();
/// engine.transition(&task, Transition::to(TaskStatus::Running)).await?;
/// let events = engine.publish(&task, vec![NewEvent::new("note", Json::parse(r#"{"text":"hi"}"#)?)]).await?;
/// assert_eq!(events[0].index, 1);
/// engine.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    registry: Addr<RegistryActor>,
    broadcast: Option<Addr<BroadcastActor>>,
    runtime: Mutex<Runtime>,
    stopping: AtomicBool,
    /// Whether task actors may live on the threads of those who send to them.
    at_home: AtomicBool,
}

impl Engine {
    /// An engine that keeps everything in memory.
    ///
    /// # Errors
    /// When its threads cannot be started.
    pub fn in_memory() -> Result<Self, StartError> {
        EngineBuilder::new(Arc::new(crate::memory::MemoryStore::new())).start()
    }

    /// Describes an engine over `store`.
    pub fn builder(store: Arc<dyn crate::ports::TaskStore>) -> EngineBuilder {
        EngineBuilder::new(store)
    }

    pub(crate) fn start(parts: EngineBuilder) -> Result<Self, StartError> {
        let settings = parts.settings;
        let (announcer, bridge) = match parts.bus {
            Some(bus) => {
                let (announcer, outgoing) = broadcast::channel();
                (announcer, Some((bus, outgoing)))
            }
            None => (broadcast::Announcer::default(), None),
        };
        let (mut store, mut cold) = (parts.store, parts.cold);
        if !parts.hooks.is_nobody() {
            let observe = |tier| Arc::new(Observed::<dyn ColdTier>::new(tier, parts.hooks.clone())) as _;
            store = Arc::new(Observed::<dyn TaskStore>::new(store, parts.hooks.clone()));
            cold = cold.map(observe);
        }
        let shared = Arc::new(Shared {
            store,
            cold,
            clock: parts.clock,
            hooks: parts.hooks,
            stats: Stats::default(),
            directory: Directory::default(),
            firehose: Firehose::new(settings.firehose, announcer.has_bus()),
            watched: Arc::new(Watched::new(announcer.has_bus())),
            instances: Mutex::default(),
            announcer,
            outboxes: parts.hooks_for_all.map(Outboxes::new),
            waiting: Arc::new(Gauge::new(settings.total_commands, settings.total_bytes)),
            turns: Turns::default(),
            closing: watch::Sender::new(false),
            settings,
        });
        let (runtime, registry, broadcast) = Runtime::start(&shared, bridge)?;
        let engine = Self {
            inner: Arc::new(Inner {
                shared,
                registry,
                broadcast,
                runtime: Mutex::new(runtime),
                stopping: AtomicBool::new(false),
                at_home: AtomicBool::new(parts.at_home),
            }),
        };
        engine.inner.runtime.lock().start_sweeper(engine.clone());
        Ok(engine)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    /// What this engine counts about itself.
    pub fn stats(&self) -> &Stats {
        &self.inner.shared.stats
    }

    /// Who is told what goes on, for parts of a service that have something to tell as well: its methods return at once.
    pub fn hooks(&self) -> &Hooks {
        &self.shared().hooks
    }

    /// Commands that wait in the whole engine.
    pub fn waiting(&self) -> usize {
        self.inner.shared.waiting.commands()
    }

    /// The time as this engine sees it.
    pub fn now(&self) -> Timestamp {
        self.inner.shared.now()
    }

    /// The address of the task's actor, started if need be. It may stop when idle, and sends then fail with
    /// [`actix::MailboxError::Closed`]: ask for the address again. The methods of this type do that by themselves.
    ///
    /// ```
    /// # use taskcast_actors::{Engine, Publish, domain::{Json, NewEvent, NewTask}};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let engine = Engine::in_memory()?;
    /// # let task = engine.create(NewTask::default()).await?.task.id.clone();
    /// let address = engine.task(&task).await?;
    /// let events = address.send(Publish::new(vec![NewEvent::new("note", Json::null())])).await??;
    /// assert_eq!(events[0].index, 0);
    /// # engine.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`EngineError::Stopping`] when the engine is being stopped.
    pub async fn task(&self, id: &TaskId) -> Result<Addr<TaskActor>, EngineError> {
        loop {
            let found = self.shared().directory.with(id, |handle| handle.addr.clone());
            match found.filter(Addr::connected) {
                Some(addr) => return Ok(addr),
                None => self.find_or_start(id, None).await?,
            }
        }
    }

    pub(crate) fn refuse_when_stopping(&self) -> Result<(), EngineError> {
        if self.inner.stopping.load(Ordering::Acquire) { Err(EngineError::Stopping) } else { Ok(()) }
    }

    async fn find_or_start(&self, id: &TaskId, died: Option<u64>) -> Result<(), EngineError> {
        self.refuse_when_stopping()?;
        let at_home = self.inner.at_home.load(Ordering::Relaxed);
        let home = at_home.then(Arbiter::try_current).flatten();
        let wish = FindOrStart { id: id.clone(), home, died };
        self.inner.registry.send(wish).await.map_err(|_| EngineError::Stopping)
    }

    /// Sends the message that `make` builds to the task's actor, again if the actor ends before it answers.
    pub(crate) async fn send<M, T>(
        &self,
        id: &TaskId,
        weight: usize,
        make: impl Fn(Permit, bool) -> M,
    ) -> Result<T, EngineError>
    where
        M: Message<Result = Result<T, EngineError>> + Send + 'static,
        T: Send + 'static,
        TaskActor: Handler<M>,
        <TaskActor as Actor>::Context: ToEnvelope<TaskActor, M>,
    {
        self.deliver(id, weight, make).await.flatten()
    }

    /// As [`Engine::send`]; the outer error is that no actor has answered.
    async fn deliver<M, T>(
        &self,
        id: &TaskId,
        weight: usize,
        make: impl Fn(Permit, bool) -> M,
    ) -> Result<Result<T, EngineError>, EngineError>
    where
        M: Message<Result = Result<T, EngineError>> + Send + 'static,
        T: Send + 'static,
        TaskActor: Handler<M>,
        <TaskActor as Actor>::Context: ToEnvelope<TaskActor, M>,
    {
        let (mut again, mut deaths) = (false, 0);
        while deaths < MAX_DEATHS {
            self.refuse_when_stopping()?;
            let now = self.now();
            let sent = self.shared().directory.with(id, |handle| {
                let permit = handle.inbox.admit(weight, now)?;
                Some((handle.serial, Arc::clone(&handle.live), handle.addr.send(make(permit, again))))
            });
            match sent {
                None => self.find_or_start(id, None).await?,
                Some(None) => {
                    self.stats().overloaded.fetch_add(1, Ordering::Relaxed);
                    return Err(EngineError::Overloaded);
                }
                Some(Some((serial, live, answer))) => match answer.await {
                    Ok(answer) => return Ok(answer),
                    Err(_) => {
                        again = true;
                        if !live.has_left() {
                            deaths += 1;
                            self.stats().actors_restarted.fetch_add(1, Ordering::Relaxed);
                        }
                        self.find_or_start(id, Some(serial)).await?;
                    }
                },
            }
        }
        tracing::error!(task = %id, "the task's actor died {MAX_DEATHS} times over one message");
        Err(EngineError::Panicked)
    }

    /// Sends `command` as the message that `wrap` makes of it.
    pub(crate) async fn order<M, T>(
        &self,
        id: &TaskId,
        command: Command,
        wrap: impl Fn(Order) -> M,
    ) -> Result<T, EngineError>
    where
        M: Message<Result = Result<T, EngineError>> + Send + 'static,
        T: Send + 'static,
        TaskActor: Handler<M>,
        <TaskActor as Actor>::Context: ToEnvelope<TaskActor, M>,
    {
        self.order_attempt(id, Attempt::new(command, self.now()), wrap).await
    }

    /// Sends `first`, again if the actor ends before it answers, as the message that `wrap` makes of it.
    pub(crate) async fn order_attempt<M, T>(
        &self,
        id: &TaskId,
        first: Attempt,
        wrap: impl Fn(Order) -> M,
    ) -> Result<T, EngineError>
    where
        M: Message<Result = Result<T, EngineError>> + Send + 'static,
        T: Send + 'static,
        TaskActor: Handler<M>,
        <TaskActor as Actor>::Context: ToEnvelope<TaskActor, M>,
    {
        let weight = first.command.weight();
        let make = |permit, again| {
            let attempt = Attempt { again, ..first.clone() };
            wrap(Order { attempt, _permit: Some(permit), hold: false })
        };
        let delivered = self.deliver(id, weight, make).await;
        // What an actor has answered it has told as well.
        let undelivered = delivered.as_ref().err();
        undelivered.inspect(|error| self.shared().not_done(id, &first.command, error));
        delivered.flatten()
    }

    /// Passivates every idle actor now, as the registry does by itself now and then.
    pub async fn passivate_idle(&self) {
        if self.inner.registry.send(ForgetIdle).await.is_err() {
            tracing::debug!("nothing to passivate: the engine has stopped");
        }
    }

    /// Answers numbered publishes that wait for others with [`EngineError::Stopping`], now and from now on.
    pub fn stop_holding(&self) {
        self.shared().closing.send_replace(true);
    }

    /// All changes of all tasks from now on, on this and on all other instances. While the bus does not work this waits
    /// a second; what was missed by then is told by [`crate::Followed::Lagged`] once it works.
    pub async fn follow(&self) -> Follower {
        let follower = self.shared().firehose.follow();
        if let Some(broadcast) = &self.inner.broadcast {
            let (heard, wait) = oneshot::channel();
            broadcast.do_send(Follow(heard));
            if !matches!(tokio::time::timeout(FOLLOW_WAIT, wait).await, Ok(Ok(()))) {
                tracing::warn!("all tasks are followed before other instances are heard");
            }
        }
        follower
    }

    /// Stops the engine: new commands are refused, accepted ones are finished, what waits for the numbers before it is
    /// refused, then its threads end.
    pub async fn stop(&self) {
        self.inner.stopping.store(true, Ordering::Release);
        self.stop_holding();
        while self.waiting() > 0 {
            tokio::time::sleep(STOP_POLL).await;
        }
        if let Some(broadcast) = &self.inner.broadcast
            && broadcast.send(Leave).await.is_err()
        {
            tracing::debug!("nobody to say goodbye to: the engine has stopped");
        }
        self.shared().firehose.end();
        self.inner.runtime.lock().stop();
        let told = async {
            while !self.hooks().is_idle() {
                tokio::time::sleep(STOP_POLL).await;
            }
        };
        if tokio::time::timeout(LAST_NOTICES, told).await.is_err() {
            tracing::warn!("hooks are too slow: the engine stops before they are told everything");
        }
    }
}

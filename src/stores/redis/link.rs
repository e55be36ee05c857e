//! One connection to Redis, with everything that keeps it alive and bounded.
//!
//! The client takes an array for a message whose first element is a word like `message`, also within another array. So
//! no array of an answer may begin with a text of somebody else's.

use std::sync::Arc;
use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::Error;
use fred::interfaces::{ClientLike, EventInterface as _};
use fred::types::config::{Config, Server};
use fred::types::{ClusterHash, CustomCommand, Value};
use taskcast_actors::ports::ErrorKind;
use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::address;
use super::error::{ConnectError, Failure, distrust, is_no_script, kind_of};
use super::scripts::{Script, Scripts};
use super::settings::RedisSettings;
use crate::stores::link::LinkState;

/// Oldest server that has every command we use.
const OLDEST: (u64, u64) = (6, 2);

/// Pause before a client that has given up is started once more.
const REVIVE: Duration = Duration::from_millis(500);

/// Longest wait for a connection that was asked to be made anew.
const RENEWAL: Duration = Duration::from_secs(30);

/// A task that ends with its owner.
pub(super) struct Owned<T>(JoinHandle<T>);

impl<T: Send + 'static> Owned<T> {
    pub(super) fn spawn(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    pub(super) fn spawn_on(runtime: &Handle, work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(runtime.spawn(work))
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// See the module.
pub(super) struct Link {
    client: WithOptions<Client>,
    scripts: Scripts,
    turns: Semaphore,
    /// Bounds the wait for a turn; what is sent has the same bound of its own.
    patience: Duration,
    dependency: &'static str,
    state: Arc<LinkState>,
    /// Told when a command had no answer in time.
    stalled: Arc<Notify>,
    _tasks: [Owned<()>; 3],
}

impl Link {
    /// Connects, and says clearly why if that fails. `messages` is how many of them may wait inside the client.
    pub(super) async fn connect(
        config: Config,
        settings: &RedisSettings,
        dependency: &'static str,
        messages: usize,
    ) -> Result<Self, ConnectError> {
        let server = address::name(&config);
        let client = Client::new(
            config,
            Some(address::performance(settings, messages)),
            Some(address::connection(settings)),
            Some(address::policy(settings)),
        );
        let state = Arc::new(LinkState::default());
        let stalled = Arc::new(Notify::new());
        // Events between the first connection and the first look at them must not be missed.
        let (errors, reconnects) = (client.error_rx(), client.reconnect_rx());
        let unreachable = |error: &Error| refused(&server, kind_of(error), error.details());
        let handle = timeout(settings.connect_timeout * 2, client.init())
            .await
            .map_err(|_| refused(&server, ErrorKind::Timeout, "no answer in time"))?
            .map_err(|error| unreachable(&error))?;
        let stuck = Arc::new(Notify::new());
        let alive = Owned::spawn(keep_alive(client.clone(), Owned(handle), Arc::clone(&stuck)));
        state.connected();
        check_version(&client, &server)?;
        let scripts = Scripts::load(&client).await.map_err(|error| unreachable(&error))?;
        let watch = Watch { client: client.clone(), state: Arc::clone(&state), dependency };
        let tasks = [
            alive,
            Owned::spawn(watch.run(errors, reconnects)),
            Owned::spawn(renew(client.clone(), Arc::clone(&state), Arc::clone(&stalled), stuck)),
        ];
        Ok(Self {
            client: client.with_options(&address::options(settings)),
            scripts,
            turns: Semaphore::new(settings.in_flight.max(1)),
            patience: settings.command_timeout,
            dependency,
            state,
            stalled,
            _tasks: tasks,
        })
    }

    /// How the connection fares.
    pub(super) fn state(&self) -> Arc<LinkState> {
        Arc::clone(&self.state)
    }

    /// The client, for what only it can do.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Runs `script` on the keys of `key`'s partition.
    pub(super) async fn run(&self, script: Script, key: String, args: Vec<Value>) -> Result<Value, Failure> {
        let _turn = self.turn().await?;
        let loaded = self.scripts.of(script);
        let command = CustomCommand::new_static("EVALSHA", ClusterHash::Offset(2), false);
        let begin = [Value::from(loaded.sha()), Value::from_static_str("1"), Value::from(key)];
        let args: Vec<Value> = begin.into_iter().chain(args).collect();
        let first: Result<Value, Error> = self.client.custom(command.clone(), args.clone()).await;
        let answer = match first {
            Err(error) if is_no_script(&error) => {
                loaded.load(&self.client).await.map_err(|error| self.failure(&error))?;
                self.client.custom(command, args).await
            }
            answer => answer,
        };
        answer.map_err(|error| self.failure(&error))
    }

    /// Does one command, the first of whose arguments is a key.
    pub(super) async fn call(&self, name: &'static str, args: Vec<Value>) -> Result<Value, Failure> {
        let _turn = self.turn().await?;
        self.client.custom(command(name), args).await.map_err(|error| self.failure(&error))
    }

    /// Does many commands in one go, and gives their answers in order.
    pub(super) async fn call_all(
        &self,
        calls: Vec<(&'static str, Vec<Value>)>,
    ) -> Result<Vec<Value>, Failure> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let _turn = self.turn().await?;
        let pipeline = self.client.pipeline().with_options(self.client.options());
        for (name, args) in calls {
            let queued: Result<Value, Error> = pipeline.custom(command(name), args).await;
            queued.map_err(|error| self.failure(&error))?;
        }
        let answers: Result<Vec<Value>, Error> = pipeline.all().await;
        answers.map_err(|error| self.failure(&error))
    }

    /// Publishes `message`.
    pub(super) async fn publish(&self, channel: String, message: bytes::Bytes) -> Result<(), Failure> {
        let args = vec![Value::from(channel), Value::Bytes(message)];
        self.call("PUBLISH", args).await.map(|_| ())
    }

    /// Whether the server answers.
    pub(super) async fn ping(&self) -> Result<(), Failure> {
        let answer: Result<Value, Error> = self.client.ping(None).await;
        answer.map(|_| ()).map_err(|error| self.failure(&error))
    }

    /// What `error` means. A command without an answer is a reason to look after the connection.
    pub(super) fn failure(&self, error: &Error) -> Failure {
        if kind_of(error) == ErrorKind::Timeout {
            self.stalled.notify_one();
        }
        Failure::of(self.dependency, error)
    }

    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Failure> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Ok(turn);
        }
        match timeout(self.patience, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Failure::unsent(
                self.dependency,
                ErrorKind::Timeout,
                "too many commands are on their way",
            )),
        }
    }
}

fn command(name: &'static str) -> CustomCommand {
    CustomCommand::new_static(name, ClusterHash::FirstKey, false)
}

fn refused(server: &str, kind: ErrorKind, detail: &str) -> ConnectError {
    let server = server.to_owned();
    if kind == ErrorKind::Authentication {
        return ConnectError::Refused { server };
    }
    if let Some(reason) = distrust(detail) {
        return ConnectError::Untrusted { server, reason: reason.to_owned() };
    }
    ConnectError::Unreachable { server, kind, detail: detail.to_owned() }
}

/// A server that does not say its version is believed to be new.
fn check_version(client: &Client, server: &str) -> Result<(), ConnectError> {
    match client.server_version() {
        Some(version) if (version.major, version.minor) < OLDEST => {
            Err(ConnectError::TooOld { server: server.to_owned(), found: version.to_string() })
        }
        _ => Ok(()),
    }
}

/// Keeps the client at work: it gives up for ever on some errors, such as an answer it takes for a wrong setting, and it
/// does nothing any more while a write to a silent server does not end.
async fn keep_alive(client: Client, mut work: Owned<Result<(), Error>>, stuck: Arc<Notify>) {
    loop {
        tokio::select! {
            ended = &mut work.0 => tracing::warn!(?ended, "the Redis client has given up and is started once more"),
            () = stuck.notified() => tracing::warn!("the Redis client is stuck and is started once more"),
        }
        drop(work);
        tokio::time::sleep(REVIVE).await;
        work = Owned(client.connect());
    }
}

/// Makes the connection anew when commands have no answers: while others are written, the client itself does not
/// notice.
async fn renew(client: Client, state: Arc<LinkState>, stalled: Arc<Notify>, stuck: Arc<Notify>) {
    loop {
        stalled.notified().await;
        tracing::warn!("Redis does not answer in time: the connection is made anew");
        let before = state.snapshot();
        if timeout(RENEWAL, client.force_reconnection()).await.is_err() && state.snapshot() == before {
            stuck.notify_one();
        }
    }
}

/// Has the client look for the primary at the sentinels that the URL names. On its own it goes by what the last sentinel
/// knew of the others, for ever, also when these are gone or have other addresses.
fn ask_all_sentinels(client: &Client) {
    let nobody = Server::new("", 0);
    client.inner().server_state.write().kind.update_sentinel_nodes(&nobody, Vec::new());
}

/// Keeps the state of a connection up to date.
struct Watch {
    client: Client,
    state: Arc<LinkState>,
    dependency: &'static str,
}

type Events<T> = tokio::sync::broadcast::Receiver<T>;

impl Watch {
    async fn run<S: Clone>(self, mut errors: Events<(Error, Option<S>)>, mut reconnects: Events<S>) {
        loop {
            tokio::select! {
                biased;
                error = errors.recv() => match error {
                    Ok((error, _)) => self.lost(&error),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                again = reconnects.recv() => match again {
                    Ok(_) => self.restored(),
                    Err(RecvError::Lagged(_)) => self.restored(),
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }

    fn lost(&self, error: &Error) {
        ask_all_sentinels(&self.client);
        let kind = kind_of(error);
        self.state.failed(kind);
        let dependency = self.dependency;
        match self.state.snapshot().consecutive_failures {
            1 => tracing::warn!(dependency, %error, "the connection to Redis was lost"),
            failures => tracing::debug!(dependency, %error, failures, "Redis cannot be reached yet"),
        }
    }

    fn restored(&self) {
        let before = self.state.snapshot().reconnects;
        self.state.connected();
        if self.state.snapshot().reconnects > before {
            tracing::info!(dependency = self.dependency, version = ?self.client.server_version(), "Redis is back");
        }
    }
}

//! The Rust SDK: a client that misses nothing, doubles nothing and survives what happens to networks.
//!
//! Feature `client`; with `default-features = false` neither the engine nor the server comes along.
//!
//! - [`Client`]: one method for each endpoint. What is safe to repeat is repeated, with jitter; creations and publishes
//!   carry an `Idempotency-Key`, so that a repeat cannot double them.
//! - [`Client::subscribe`]: the events of a task as a stream that reconnects by itself and ends when the task ends;
//!   [`Subscribe::text`] and [`Subscribe::latest`] fold a series into its current value.
//! - [`Publisher`]: the way to stream many small pieces fast, in order, from one producer.
//! - [`ClientError`]: everything that can go wrong, with a stable code.
//!
//! ```
//! use serde_json::json;
//! use taskcast::client::NewTask;
//!
//! # taskcast::example::with_client(|client| async move {
//! let task = client.create_task(NewTask::of_type("llm.chat")).await?;
//! client.start(&task.id).await?;
//! let publisher = client.publisher(&task.id).text_series("answer").open();
//! for word in ["Nothing ", "is ", "lost."] {
//!     publisher.push(word).await?;
//! }
//! publisher.close().await?;
//! client.complete(&task.id, json!({"words": 3})).await?;
//!
//! let mut answer = client.subscribe(&task.id).text("answer");
//! while let Some(text) = answer.changed().await {
//!     println!("{}", text?);
//! }
//! assert_eq!(answer.current(), "Nothing is lost.");
//! # Ok(()) });
//! ```
//!
//! Deliberately absent: anything of the engine, the server and the command line. What both sides know of tasks and
//! events comes from the domain of the engine, which is pure.

mod answer;
mod archive;
mod builder;
mod error;
mod events;
mod list;
mod model;
mod publisher;
mod retry;
mod send;
mod service;
mod sse;
mod subscribe;
mod tasks;
mod tls;
mod workers;

use std::fmt;
use std::sync::Arc;

use url::Url;

pub use self::builder::ClientBuilder;
pub use self::error::{ClientError, Refusal};
pub use self::model::{
    Adapter, AdminToken, Archive, AuthMode, Cursor, Dependency, Detail, Event, Failure, Failures, Filter,
    Health, HistoryQuery, Imported, NewEvent, NewTask, NewWebhook, NewWorker, Readiness, Released, TaskQuery,
    TaskView, Transition, Worker, WorkerStatus,
};
pub use self::publisher::{Publisher, PublisherBuilder};
pub use self::retry::Backoff;
pub use self::subscribe::{Connection, Ending, Latest, Received, Subscribe, Subscription, Text};
pub use taskcast_actors::domain::{
    AssignMode, BlockedRequest, DisconnectPolicy, Json, Level, SeriesMode, Task, TaskError, TaskStatus,
    Timestamp,
};

use self::builder::{Credential, Settings};

/// A connection pool to one server, with who the caller is. Cheap to clone: clones share everything.
///
/// ```
/// # taskcast::example::with_client(|client| async move {
/// let task = client.create_task(Default::default()).await?;
/// assert_eq!(client.get_task(&task.id).await?.id, task.id);
/// # Ok(()) });
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    base: Url,
    credential: Credential,
    settings: Settings,
}

impl fmt::Debug for Client {
    /// Says nothing of credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.inner.base.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the server at `base`, an http or https URL, without a credential. A path in it is where an embedder
    /// mounted the service.
    ///
    /// ```
    /// let client = taskcast::client::Client::new("http://127.0.0.1:3721")?;
    /// # Ok::<(), taskcast::client::ClientError>(())
    /// ```
    ///
    /// # Errors
    /// When `base` is no such URL.
    pub fn new(base: &str) -> Result<Self, ClientError> {
        Self::builder(base).build()
    }

    /// Sets up a client of the server at `base`.
    pub fn builder(base: &str) -> ClientBuilder {
        ClientBuilder::new(base)
    }

    /// The address of the server.
    pub fn base(&self) -> &Url {
        &self.inner.base
    }

    fn of(http: reqwest::Client, base: Url, credential: Credential, settings: Settings) -> Self {
        Self { inner: Arc::new(Inner { http, base, credential, settings }) }
    }
}

//! Many small pieces, fast and in order, from one producer.
//!
//! Pieces wait a few milliseconds for others and travel together; neighbouring pieces of one text become one. One
//! request is under way at a time, so nothing can overtake anything; while it is, the next batch grows. Every event has
//! a number of the publisher's own (PROTOCOL §8.5): a batch whose answer was lost is sent again, and the server knows it.

mod outlet;
mod worker;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot};

use self::outlet::Outlet;
use self::worker::{Item, Work, Worker};
use super::{Client, ClientError, NewEvent};

/// At most this many pieces wait in a publisher, however small.
const MOST_WAITING: usize = 8192;

/// Sets up a [`Publisher`]. Made by [`Client::publisher`].
///
/// ```
/// # use std::time::Duration;
/// # use taskcast::client::NewTask;
/// # taskcast::example::with_client(|client| async move {
/// let task = client.create_task(NewTask::default()).await?;
/// let publisher = client
///     .publisher(&task.id)
///     .text_series("answer")
///     .event_type("llm.text")
///     .linger(Duration::from_millis(20))
///     .buffer(64 * 1024)
///     .persistence(Duration::from_secs(10))
///     .open();
/// publisher.push("Hello").await?;
/// publisher.flush().await?;
/// let event = client.history(&task.id, &Default::default()).await?.remove(0);
/// assert_eq!((event.event_type.as_str(), event.series_id.as_deref()), ("llm.text", Some("answer")));
/// # Ok(()) });
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PublisherBuilder {
    client: Client,
    task: String,
    series: Option<String>,
    event_type: String,
    linger: Duration,
    persistence: Duration,
    bytes: usize,
}

impl PublisherBuilder {
    pub(super) fn new(client: Client, task: String) -> Self {
        Self {
            client,
            task,
            series: None,
            event_type: "text".to_owned(),
            linger: Duration::from_millis(5),
            persistence: Duration::from_secs(60),
            bytes: 1024 * 1024,
        }
    }

    /// The series that [`Publisher::push`] makes grow.
    pub fn text_series(mut self, series: &str) -> Self {
        self.series = Some(series.to_owned());
        self
    }

    /// The type of the events that [`Publisher::push`] makes. `text` by default.
    pub fn event_type(mut self, event_type: &str) -> Self {
        event_type.clone_into(&mut self.event_type);
        self
    }

    /// How long a piece waits for others. 5 ms by default.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// How long a batch is tried while the server is away, before the publisher stops. 60 s by default; how often does not
    /// matter here.
    pub fn persistence(mut self, persistence: Duration) -> Self {
        self.persistence = persistence;
        self
    }

    /// How many bytes may wait before [`Publisher::push`] waits as well. 1 MiB by default.
    pub fn buffer(mut self, bytes: usize) -> Self {
        self.bytes = bytes.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        self
    }

    /// Starts to publish. Has to be called in a tokio runtime, which is what the publisher works on.
    #[must_use]
    pub fn open(self) -> Publisher {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        let stopped = Arc::new(OnceLock::new());
        let outlet = Outlet::new(self.client, self.task, self.persistence);
        tokio::spawn(Worker::new(outlet, self.linger, receiver, Arc::clone(&stopped)).run());
        Publisher {
            sender,
            room: Arc::new(Semaphore::new(self.bytes)),
            bytes: self.bytes,
            stopped,
            series: self.series.unwrap_or_else(|| "text".to_owned()),
            event_type: self.event_type,
        }
    }
}

/// Publishes to one task, in the order in which it is told, without a round trip for each piece.
///
/// What was pushed is published even when the publisher is dropped, as long as the runtime lives; [`Self::close`] waits
/// for it and says whether it worked. After an error nothing more is published: what follows would have a hole before
/// it.
///
/// ```
/// # use serde_json::json;
/// # use taskcast::client::{NewEvent, NewTask};
/// # taskcast::example::with_client(|client| async move {
/// let task = client.create_task(NewTask::default()).await?;
/// let publisher = client.publisher(&task.id).text_series("answer").open();
/// publisher.push("Let me ").await?;
/// publisher.push("see.").await?;
/// publisher.publish(NewEvent::new("agent.step", json!({"tool": "search"}))).await?;
/// publisher.close().await?;
/// assert_eq!(client.history(&task.id, &Default::default()).await?.len(), 2);
/// # Ok(()) });
/// ```
#[derive(Debug)]
pub struct Publisher {
    sender: mpsc::Sender<Work>,
    /// Bytes that may still wait.
    room: Arc<Semaphore>,
    bytes: usize,
    stopped: Arc<OnceLock<Arc<ClientError>>>,
    series: String,
    event_type: String,
}

impl Publisher {
    /// Adds `piece` to the text of [`PublisherBuilder::text_series`]. Waits while too much is waiting already.
    ///
    /// # Errors
    /// [`ClientError::PublisherStopped`] when something before could not be published.
    pub async fn push(&self, piece: &str) -> Result<(), ClientError> {
        self.append(&self.event_type, &self.series, piece).await
    }

    /// Adds `piece` to the text of any `series`, in events of type `event_type`. Waits as [`Self::push`] does.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub async fn append(&self, event_type: &str, series: &str, piece: &str) -> Result<(), ClientError> {
        self.add(NewEvent::delta(event_type, series, piece), true, piece.len()).await
    }

    /// Publishes `event` after everything before it. Its numbering, if it has one, is replaced by the publisher's.
    ///
    /// # Errors
    /// [`ClientError::PublisherStopped`] when something before could not be published.
    pub async fn publish(&self, event: NewEvent) -> Result<(), ClientError> {
        let size = serde_json::to_vec(&event.data).map_or(0, |text| text.len());
        self.add(event, false, size).await
    }

    /// Waits until everything so far is published.
    ///
    /// ```
    /// # use taskcast::client::NewTask;
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let publisher = client.publisher(&task.id).open();
    /// publisher.push("there ").await?;
    /// publisher.flush().await?;
    /// assert_eq!(client.history(&task.id, &Default::default()).await?.len(), 1);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// [`ClientError::PublisherStopped`] when something could not be.
    pub async fn flush(&self) -> Result<(), ClientError> {
        let (done, wait) = oneshot::channel();
        self.send(Work::Flush(done)).await?;
        wait.await.map_err(|_| self.why())
    }

    /// Publishes what is waiting and stops.
    ///
    /// ```
    /// # use taskcast::client::NewTask;
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let publisher = client.publisher(&task.id).open();
    /// client.cancel(&task.id).await?;
    /// publisher.push("too late").await?;
    /// assert_eq!(publisher.close().await.unwrap_err().code(), "task_terminal");
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub async fn close(self) -> Result<(), ClientError> {
        self.flush().await
    }

    async fn add(&self, event: NewEvent, merges: bool, size: usize) -> Result<(), ClientError> {
        let weight = u32::try_from(size.clamp(1, self.bytes)).unwrap_or(u32::MAX);
        let room = tokio::select! {
            room = Arc::clone(&self.room).acquire_many_owned(weight) => room.map_err(|_| self.why())?,
            () = self.sender.closed() => return Err(self.why()),
        };
        let item = Item { event: Box::new(event), merges, size, _room: room };
        self.send(Work::Publish(item)).await
    }

    async fn send(&self, work: Work) -> Result<(), ClientError> {
        self.sender.send(work).await.map_err(|_| self.why())
    }

    fn why(&self) -> ClientError {
        let gone = || Arc::new(ClientError::InvalidRequest("its runtime has stopped".to_owned()));
        ClientError::PublisherStopped(self.stopped.get().cloned().unwrap_or_else(gone))
    }
}

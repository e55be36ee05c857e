//! The stream that a subscription is.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::StreamExt as _;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;

use super::follow::{Follow, Told};
use super::{Connection, Received, Subscribe};
use crate::client::ClientError;

/// The events of a subscription, as a stream that looks after its connection. Made by [`Subscribe::stream`].
///
/// ```
/// # use futures_util::StreamExt as _;
/// # use taskcast::client::{Connection, NewTask};
/// # taskcast::example::with_client(|client| async move {
/// let task = client.create_task(NewTask::default()).await?;
/// client.cancel(&task.id).await?;
/// let mut stream = client.subscribe(&task.id).stream();
/// assert_eq!(stream.status(), Connection::Connecting);
/// assert!(stream.next().await.is_some());
/// assert_eq!(stream.status(), Connection::Open);
/// while stream.next().await.is_some() {}
/// assert_eq!(stream.status(), Connection::Closed);
/// assert!(stream.trouble().is_none());
/// # Ok(()) });
/// ```
#[must_use]
pub struct Subscription {
    events: Pin<Box<dyn Stream<Item = Result<Received, ClientError>> + Send>>,
    status: watch::Receiver<Connection>,
    trouble: watch::Receiver<Option<Arc<ClientError>>>,
}

impl Subscription {
    pub(super) fn new(wish: Subscribe) -> Self {
        let (told_status, status) = watch::channel(Connection::Connecting);
        let (told_trouble, trouble) = watch::channel(None);
        let follow = Follow::new(wish, Told { status: told_status, trouble: told_trouble });
        let events = stream::unfold(follow, |mut follow| async move {
            let received = follow.next().await?;
            Some((received, follow))
        });
        Self { events: Box::pin(events.fuse()), status, trouble }
    }

    /// What it is doing.
    pub fn status(&self) -> Connection {
        *self.status.borrow()
    }

    /// Why its connection was last lost or did not come about, to be told to whoever waits for it to come back.
    pub fn trouble(&self) -> Option<Arc<ClientError>> {
        self.trouble.borrow().clone()
    }

    /// What it is doing, to wait for changes of it.
    ///
    /// ```
    /// # use futures_util::StreamExt as _;
    /// # use taskcast::client::{Connection, NewTask};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let mut stream = client.subscribe(&task.id).stream();
    /// let mut status = stream.watch_status();
    /// let following = tokio::spawn(async move { while stream.next().await.is_some() {} });
    /// status.wait_for(|status| *status == Connection::Open).await?;
    /// client.cancel(&task.id).await?;
    /// following.await?;
    /// assert_eq!(*status.borrow(), Connection::Closed);
    /// # Ok(()) });
    /// ```
    pub fn watch_status(&self) -> watch::Receiver<Connection> {
        self.status.clone()
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Stream for Subscription {
    type Item = Result<Received, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.as_mut().poll_next(cx)
    }
}

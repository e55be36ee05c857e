//! What a publisher does in the background.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;
use taskcast_actors::domain::DEFAULT_ACC_FIELD;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;

use super::outlet::Outlet;
use crate::client::{ClientError, NewEvent};

/// A request holds at most this many events: half of what the server takes by default (PROTOCOL §1),
const MOST_EVENTS: usize = 500;
/// and is sent once it has this many bytes of data: pieces are worth waiting for only as long as they are few.
const ENOUGH_BYTES: usize = 256 * 1024;
/// Pieces become one up to this many bytes. Escaped, a text may be six times as long, and the server takes 1 MiB.
const MOST_MERGED: usize = 64 * 1024;

/// An event that waits to be published.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) event: Box<NewEvent>,
    /// Whether it may become one with its neighbour.
    pub(super) merges: bool,
    pub(super) size: usize,
    /// What it takes of the publisher's room while it waits.
    pub(super) _room: OwnedSemaphorePermit,
}

/// What a publisher is told.
#[derive(Debug)]
pub(super) enum Work {
    Publish(Item),
    Flush(oneshot::Sender<()>),
}

/// Publishes what it is told until nobody tells it anything, or something cannot be published.
pub(super) struct Worker {
    outlet: Outlet,
    linger: Duration,
    work: mpsc::Receiver<Work>,
    stopped: Arc<OnceLock<Arc<ClientError>>>,
}

/// What is sent together.
#[derive(Default)]
struct Batch {
    items: Vec<Item>,
    bytes: usize,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.items.len() >= MOST_EVENTS || self.bytes >= ENOUGH_BYTES || !self.waiting.is_empty()
    }

    fn add(&mut self, work: Work) {
        match work {
            Work::Flush(waiting) => self.waiting.push(waiting),
            Work::Publish(item) => {
                self.bytes += item.size;
                self.items.push(item);
            }
        }
    }

    /// The events to send: neighbours that merge are one.
    fn events(&self) -> Vec<NewEvent> {
        let mut events: Vec<NewEvent> = Vec::with_capacity(self.items.len());
        let mut merging = false;
        for item in &self.items {
            if merging
                && item.merges
                && let Some(last) = events.last_mut()
                && last.series_id == item.event.series_id
                && last.event_type == item.event.event_type
                && let (Some(text), Some(piece)) = (text_of(&mut last.data), piece_of(&item.event.data))
                && text.len() + piece.len() <= MOST_MERGED
            {
                text.push_str(piece);
                continue;
            }
            merging = item.merges;
            events.push((*item.event).clone());
        }
        events
    }
}

fn text_of(data: &mut Value) -> Option<&mut String> {
    match data.get_mut(DEFAULT_ACC_FIELD) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn piece_of(data: &Value) -> Option<&str> {
    data.get(DEFAULT_ACC_FIELD)?.as_str()
}

impl Worker {
    /// When it stops before its time, it leaves the reason in `stopped`.
    pub(super) fn new(
        outlet: Outlet,
        linger: Duration,
        work: mpsc::Receiver<Work>,
        stopped: Arc<OnceLock<Arc<ClientError>>>,
    ) -> Self {
        Self { outlet, linger, work, stopped }
    }

    pub(super) async fn run(mut self) {
        while let Some(first) = self.work.recv().await {
            let batch = self.gather(first).await;
            if let Err(error) = self.outlet.send(batch.events()).await {
                // Told before the channel closes and the waiting are dropped, so that they find it.
                let _first = self.stopped.set(Arc::new(error));
                return;
            }
            for waiting in batch.waiting {
                let _gone = waiting.send(());
            }
        }
    }

    /// `first` and what comes within the linger time.
    async fn gather(&mut self, first: Work) -> Batch {
        let mut batch = Batch::default();
        batch.add(first);
        let deadline = Instant::now() + self.linger;
        while !batch.is_full() {
            match tokio::time::timeout_at(deadline, self.work.recv()).await {
                Ok(Some(work)) => batch.add(work),
                Ok(None) | Err(_) => break,
            }
        }
        batch
    }
}

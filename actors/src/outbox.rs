//! What somebody who delivers to webhooks asks of an engine: which tasks owe something, the lease of one of them, its
//! events, and to record what became of them. The rules are in [`crate::domain::outbox`].

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::domain::outbox::{Claim, Cursor, Failure, GlobalHook, Settlement, Then};
use crate::domain::{Command, EventFilter, Head, Level, Rejection, Stamp, TaskEvent, TaskId};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{Range, Slot, StoreError, TaskHooks as _};
use crate::task::{Rank, TakenOutbox, Tend};

/// For how many milliseconds a lease is given. An instance that dies is succeeded after this time.
const LEASE_MS: u64 = 15_000;
/// At most this many tasks wait for whoever delivers. Others are found by a later sweep.
const MAX_WAITING: usize = 4096;
/// Slots and bytes of payload read at once.
const PAGE: (usize, usize) = (64, 64 << 10);

/// Tasks that owe something to webhooks, each once.
pub(crate) struct Outboxes {
    /// Webhooks for every task.
    pub(crate) global: Vec<GlobalHook>,
    /// Whose leases this engine's are.
    pub(crate) owner: u64,
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Default)]
struct Waiting {
    order: VecDeque<TaskId>,
    known: HashSet<TaskId>,
}

impl Outboxes {
    pub(crate) fn new(global: Vec<GlobalHook>) -> Self {
        Self { global, owner: fastrand::u64(..), waiting: Mutex::default(), more: Notify::new() }
    }

    /// Adds a task, unless it waits already or too many do.
    pub(crate) fn push(&self, id: &TaskId) {
        let mut waiting = self.waiting.lock();
        if waiting.order.len() < MAX_WAITING && waiting.known.insert(id.clone()) {
            waiting.order.push_back(id.clone());
            self.more.notify_one();
        }
    }

    fn pop(&self) -> Option<TaskId> {
        let mut waiting = self.waiting.lock();
        let id = waiting.order.pop_front()?;
        waiting.known.remove(&id);
        Some(id)
    }

    async fn next(&self) -> TaskId {
        loop {
            if let Some(id) = self.pop() {
                return id;
            }
            self.more.notified().await;
        }
    }
}

/// What somebody achieved who has a lease, see [`Settlement`].
#[derive(Clone, Debug)]
pub struct OutboxWork {
    /// All webhooks there are, with how far they are now.
    pub cursors: Vec<Cursor>,
    /// What failed for good, the first time or again.
    pub failed: Vec<Failure>,
    /// Failures by their ids that were delivered after all.
    pub delivered: Vec<String>,
    /// What becomes of the lease.
    pub then: Then,
}

/// One place of a log, for a webhook.
#[derive(Clone, Debug)]
pub struct OutboxEvent {
    /// The index.
    pub index: u64,
    /// The type.
    pub event_type: Arc<str>,
    /// The level.
    pub level: Level,
    /// The event; `None` when its payload is gone, because it was superseded or cleaned up.
    pub event: Option<Arc<TaskEvent>>,
}

/// Consecutive places of a log.
#[derive(Clone, Debug)]
pub struct OutboxPage {
    /// In index order.
    pub events: Vec<OutboxEvent>,
    /// Whether the log ended behind them.
    pub ended: bool,
}

impl From<Slot> for OutboxEvent {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::Visible(event) | Slot::Hidden(event) => Self {
                index: event.index,
                event_type: Arc::clone(&event.event_type),
                level: event.level,
                event: Some(event),
            },
            Slot::Gone { index, event_type, level, .. } => Self { index, event_type, level, event: None },
        }
    }
}

impl Engine {
    /// The next task that may owe something to webhooks: one of whose events this engine just committed, or one that
    /// nobody works on although it is due. It may come again while somebody is at work on it. Waits for ever unless the
    /// engine was built with [`crate::EngineBuilder::webhooks`].
    ///
    /// Whoever asks should [take](Engine::take_outbox) the task's outbox, read its [events](Engine::outbox_page) from
    /// each cursor on, deliver them, and [settle](Engine::settle_outbox) now and then, at least every ten seconds.
    /// Dropping the future loses no task.
    pub async fn next_outbox(&self) -> TaskId {
        match &self.shared().outboxes {
            Some(outboxes) => outboxes.next().await,
            None => std::future::pending().await,
        }
    }

    fn claim(&self) -> Claim {
        let owner = self.shared().outboxes.as_ref().map_or(0, |outboxes| outboxes.owner);
        Claim { owner, lease_ms: LEASE_MS }
    }

    /// Takes the lease of a task's outbox for fifteen seconds; `None` when nothing is due or another engine has it.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], and when the store cannot write.
    pub async fn take_outbox(&self, id: &TaskId) -> Result<Option<TakenOutbox>, EngineError> {
        granted(self.order(id, Command::TakeOutbox(self.claim()), Tend).await)
    }

    /// Records what was achieved under a lease, and renews it or gives it back. Says where the task is afterwards;
    /// `None` when another engine has the lease and nothing was recorded.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], and when the store cannot write: the lease goes on until it runs out.
    pub async fn settle_outbox(
        &self,
        id: &TaskId,
        work: OutboxWork,
    ) -> Result<Option<TakenOutbox>, EngineError> {
        let failed = work.failed.clone();
        let settlement = Settlement {
            claim: self.claim(),
            cursors: work.cursors,
            failed: work.failed,
            delivered: work.delivered,
            then: work.then,
        };
        let settled = granted(self.order(id, Command::SettleOutbox(settlement), Tend).await)?;
        if settled.is_some() {
            for failure in failed {
                self.shared().hooks.on_webhook_failed(id, &failure.host, &failure.error);
            }
        }
        Ok(settled)
    }

    /// Whether this engine has the lease of the task's outbox.
    pub fn has_lease(&self, head: &Head) -> bool {
        head.outbox.as_ref().is_some_and(|outbox| outbox.is_leased_to(self.claim().owner))
    }

    /// A piece of the log that `stamp` is of, from `from` on, at most 64 events or about 64 KiB.
    ///
    /// # Errors
    /// [`EngineError::NotFound`] when the task is gone or another one under the same id.
    pub async fn outbox_page(&self, id: &TaskId, stamp: Stamp, from: u64) -> Result<OutboxPage, EngineError> {
        let (max_slots, max_bytes) = PAGE;
        let range =
            Range { incarnation: Some(stamp.incarnation), max_slots, max_bytes, ..Range::to_the_end(from) };
        match self.shared().store.events(id, range).await {
            Ok(page) => {
                let ended = range.is_ended_by(&page);
                Ok(OutboxPage { events: page.slots.into_iter().map(Into::into).collect(), ended })
            }
            Err(StoreError::Gone) => Err(EngineError::NotFound),
            Err(error) => Err(error.into()),
        }
    }

    /// How many of the task's events below `index` match `filter`: the rank of the event there (PROTOCOL §8.4).
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn rank(&self, id: &TaskId, filter: EventFilter, index: u64) -> Result<u64, EngineError> {
        let filter = Arc::new(filter);
        let message = |permit, _| Rank { filter: Arc::clone(&filter), index, _permit: Some(permit) };
        self.send(id, 0, message).await
    }

    /// Has failed deliveries tried once more, those with these ids or all of the task. Says how many there are.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn redeliver(&self, id: &TaskId, ids: Option<Vec<String>>) -> Result<usize, EngineError> {
        let command = Command::Redeliver { ids: ids.clone() };
        let Some(taken) = granted(self.order(id, command, Tend).await)? else { return Ok(0) };
        let failures = taken.head.outbox.iter().flat_map(|outbox| &outbox.failures);
        let named = |failure: &&Failure| ids.as_ref().is_none_or(|ids| ids.contains(&failure.id()));
        Ok(failures.filter(named).count())
    }
}

/// What was asked for, or `None` when the rules refuse it.
fn granted(answer: Result<TakenOutbox, EngineError>) -> Result<Option<TakenOutbox>, EngineError> {
    match answer {
        Ok(taken) => Ok(Some(taken)),
        Err(EngineError::Rejected(Rejection::NothingDue | Rejection::OutboxTaken)) => Ok(None),
        Err(error) => Err(error),
    }
}

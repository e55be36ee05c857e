//! What can be done with an engine: one method per verb. Reads that the store can answer go to the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use crate::domain::archive::{Archive, Collector};
use crate::domain::{
    self, BlockedRequest, Command, Head, Json, NewEvent, NewTask, SeriesTable, Superseded, TaskEvent, TaskId,
    TaskStatus,
};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{CreateError, Listing, NewLog, Range, Slot, StoreError, TaskHooks as _, TaskQuery};
use crate::sweep::sweep_once;
use crate::task::{CatchUp, Delete, Due, ExpectedSeq, Order, Publish, Published, Transition};

/// How often a creation whose answer was lost is looked for in the store.
const MAX_LOOKS: usize = 3;
/// How often the head is read again for an archive until it is the head of the events that were read.
const MAX_CHASES: usize = 100;

impl Engine {
    /// Creates a pending task; no actor is started for it.
    ///
    /// # Errors
    /// [`EngineError::Exists`] when the id is taken.
    pub async fn create(&self, task: NewTask) -> Result<Arc<Head>, EngineError> {
        self.refuse_when_stopping()?;
        let now = self.now();
        let fresh = task.id.is_none();
        let id = task.id.clone().unwrap_or_else(|| TaskId::generate(now, fastrand::u128(..)));
        let head = Arc::new(task.into_head(id, now));
        let log = NewLog {
            head: Arc::clone(&head),
            incarnation: fastrand::u64(..),
            events: Vec::new(),
            hidden: Vec::new(),
            replace: false,
            fresh,
        };
        self.create_log(log).await?;
        self.count_created();
        Ok(head)
    }

    pub(crate) fn count_created(&self) {
        self.stats().tasks_created.fetch_add(1, Relaxed);
    }

    /// Creates `log`. When the answer is lost, the incarnation in the store tells whether it was ours.
    pub(crate) async fn create_log(&self, log: NewLog) -> Result<bool, EngineError> {
        let (id, incarnation) = (log.head.task.id.clone(), log.incarnation);
        let error = match self.shared().store.create(log).await {
            Ok(created) => return Ok(created.replaced),
            Err(CreateError::Exists) => return Err(EngineError::Exists),
            Err(CreateError::NotWritten(error)) => return Err(EngineError::Store(error)),
            Err(CreateError::Unknown(error)) => error,
        };
        for _ in 0..MAX_LOOKS {
            match self.shared().store.head(&id).await {
                Ok(Some((_, stamp))) if stamp.incarnation == incarnation => return Ok(false),
                Ok(_) => return Err(EngineError::Store(error)),
                Err(_) => tokio::task::yield_now().await,
            }
        }
        Err(EngineError::Unknown(error))
    }

    /// The task as it is now.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn get(&self, id: &TaskId) -> Result<Arc<Head>, EngineError> {
        let found = self.shared().store.head(id).await?;
        found.map(|(head, _)| head).ok_or(EngineError::NotFound)
    }

    /// Tasks in creation order.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn list(&self, query: &TaskQuery) -> Result<Listing, EngineError> {
        Ok(self.shared().store.list(query).await?)
    }

    /// How many subscriptions to the task are open in this engine.
    pub fn readers(&self, id: &TaskId) -> u64 {
        self.shared().watched.readers(id)
    }

    /// How many subscriptions to the task are open in this and all other engines on the bus; what changed elsewhere
    /// is known within a second.
    pub fn subscriber_count(&self, id: &TaskId) -> u64 {
        self.readers(id) + self.shared().instances.lock().readers(id)
    }

    /// How many engines are on the bus, this one included.
    pub fn live_instances(&self) -> usize {
        1 + self.shared().instances.lock().len()
    }

    /// Appends events, all with consecutive indexes or none. Numbered events with missing numbers before them are
    /// refused; [`Engine::publish_in_sequence`] waits.
    ///
    /// # Errors
    /// [`domain::Rejection::Terminal`] and the other rules of PROTOCOL §8.1 and §8.5.
    pub async fn publish(&self, id: &TaskId, events: Vec<NewEvent>) -> Published {
        self.publish_as(id, events, Publish).await
    }

    /// As [`Engine::publish`], but waits for the numbers that are missing before those of `events`.
    ///
    /// # Errors
    /// [`EngineError::SeqTimeout`] when they do not come, [`EngineError::SeqDuplicate`] when these wait already.
    pub async fn publish_in_sequence(&self, id: &TaskId, events: Vec<NewEvent>) -> Published {
        self.publish_as(id, events, |order| Publish(Order { hold: true, ..order })).await
    }

    async fn publish_as(
        &self,
        id: &TaskId,
        events: Vec<NewEvent>,
        wrap: impl Fn(Order) -> Publish,
    ) -> Published {
        let started = self.hooks().wants_publishes().then(Instant::now);
        let published = self.order(id, Command::Publish(events), wrap).await;
        if let (Some(started), Ok(events)) = (started, &published) {
            self.hooks().on_publish(id, events.len(), started.elapsed());
        }
        published
    }

    /// The number that is expected next of a numbering client, or `None` if the task does not know it.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn expected_seq(&self, id: &TaskId, client: &str) -> Result<Option<u64>, EngineError> {
        self.send(id, 0, |permit, _| ExpectedSeq { client: client.into(), _permit: Some(permit) }).await
    }

    /// Moves the task to another status. Of several concurrent moves to a terminal status exactly one succeeds.
    ///
    /// # Errors
    /// [`domain::Rejection::InvalidTransition`] when the table does not allow it or another was faster.
    pub async fn transition(&self, id: &TaskId, wish: domain::Transition) -> Result<Arc<Head>, EngineError> {
        self.order(id, Command::Transition(wish), Transition).await
    }

    /// Answers the request of a blocked task and lets it run.
    ///
    /// # Errors
    /// [`domain::Rejection::NotBlocked`].
    pub async fn resolve(&self, id: &TaskId, data: Option<Json>) -> Result<Arc<Head>, EngineError> {
        self.order(id, Command::Resolve { data }, Transition).await
    }

    /// What a blocked task asks for, or `None` when it does not.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn request(&self, id: &TaskId) -> Result<Option<BlockedRequest>, EngineError> {
        let head = self.get(id).await?;
        let request = head.task.blocked_request.as_deref().cloned();
        Ok(request.filter(|_| head.task.status == TaskStatus::Blocked))
    }

    /// Removes the task with its log, in any status. Its streams end.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn delete(&self, id: &TaskId) -> Result<(), EngineError> {
        let attempted = Arc::<AtomicBool>::default();
        let message = |permit| Delete { _permit: Some(permit), attempted: Arc::clone(&attempted) };
        self.send(id, 0, |permit, _| message(permit)).await
    }

    pub(crate) async fn fire_due(&self, id: &TaskId) -> Result<(), EngineError> {
        self.order(id, Command::Due, Due).await
    }

    /// Does now whatever timers are due, as the sweeper does by itself. Says for how many tasks.
    ///
    /// # Errors
    /// When the store cannot say what is due.
    pub async fn sweep(&self) -> Result<usize, EngineError> {
        Ok(sweep_once(self).await?)
    }

    /// Whether the store works at present.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn health(&self) -> Result<(), StoreError> {
        self.shared().store.health().await
    }

    /// The task and its events in the form of an archive (PROTOCOL §14).
    ///
    /// # Errors
    /// [`EngineError::NotFound`]; [`EngineError::Overloaded`] when the task changes faster than it can be read.
    pub async fn export(&self, id: &TaskId) -> Result<(Arc<Head>, Vec<TaskEvent>), EngineError> {
        let store = &self.shared().store;
        let (_, stamp) = store.head(id).await?.ok_or(EngineError::NotFound)?;
        let mut collector = Collector::default();
        let mut from = 0;
        for _ in 0..MAX_CHASES {
            from = self.collect(&mut collector, id, stamp.incarnation, from).await?;
            let (head, now) = store.head(id).await?.ok_or(EngineError::NotFound)?;
            if now.version == from && now.incarnation == stamp.incarnation {
                return Ok((head, collector.finish()));
            }
        }
        Err(EngineError::Overloaded)
    }

    /// Collects the log `incarnation` from `from` to its end, and says where that is.
    async fn collect(
        &self,
        collector: &mut Collector,
        id: &TaskId,
        incarnation: u64,
        mut from: u64,
    ) -> Result<u64, StoreError> {
        loop {
            let range = Range { incarnation: Some(incarnation), ..Range::to_the_end(from) };
            let page = self.shared().store.events(id, range).await?;
            from = page.next;
            for slot in &page.slots {
                match slot {
                    Slot::Visible(event) | Slot::Hidden(event) => collector.event(event),
                    Slot::Gone { series: Some(series), .. } => collector.gone(series),
                    Slot::Gone { series: None, .. } => {}
                }
            }
            if range.is_ended_by(&page) {
                return Ok(from);
            }
        }
    }

    /// Puts an archived task in place, over an existing one if `overwrite` says so. Says whether there was one.
    ///
    /// # Errors
    /// [`EngineError::Exists`].
    pub async fn import(&self, archive: Archive, overwrite: bool) -> Result<bool, EngineError> {
        self.refuse_when_stopping()?;
        let id = archive.task.id.clone();
        let mut series = SeriesTable::default();
        let hidden =
            archive.events.iter().filter_map(|event| series.apply(event)).map(
                |superseded| match superseded {
                    Superseded::Drop(index) | Superseded::Hide(index) => index,
                },
            );
        let log = NewLog {
            hidden: hidden.collect(),
            head: Arc::new(archive.head()),
            incarnation: fastrand::u64(..),
            events: archive.events,
            replace: overwrite,
            fresh: false,
        };
        let replaced = self.create_log(log).await?;
        self.shared().directory.with(&id, |handle| handle.addr.do_send(CatchUp { to: None }));
        Ok(replaced)
    }
}

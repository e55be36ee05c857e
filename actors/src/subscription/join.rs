//! Joining: from a request to the place where reading begins.

use std::collections::HashSet;
use std::sync::Arc;

use super::replay::{self, Deltas, Replay};
use super::{Phase, SubscribeRequest, Subscription};
use crate::domain::{Collapser, EventFilter, Start, TaskEvent, TaskId};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{Seek, Slot};
use crate::task::{Joined, Subscribe};

/// Slots read at once when looking backwards for where the last few events begin.
const BACKWARD_PAGE: u64 = 256;

impl Engine {
    /// Joins the readers of a task. Nothing that matches is missed from the cursor on, and nothing comes twice.
    ///
    /// ```
    /// use taskcast_actors::domain::{Json, NewEvent, NewTask, TaskStatus, Transition};
    /// use taskcast_actors::{Batch, Ending, Engine, SubscribeRequest};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let engine = Engine::in_memory()?;
    /// let task = engine.create(NewTask::default()).await?.task.id.clone();
    /// let mut reader = engine.subscribe(&task, SubscribeRequest::default()).await?;
    /// engine.publish(&task, vec![NewEvent::new("note", Json::null())]).await?;
    /// engine.transition(&task, Transition::to(TaskStatus::Cancelled)).await?;
    /// let mut seen = 0;
    /// let ending = loop {
    ///     match reader.next().await {
    ///         Batch::End(ending) => break ending,
    ///         batch => seen += batch.events().len(),
    ///     }
    /// };
    /// assert_eq!((seen, ending), (2, Ending::Finished(TaskStatus::Cancelled)));
    /// # engine.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn subscribe(
        &self,
        id: &TaskId,
        request: SubscribeRequest,
    ) -> Result<Subscription, EngineError> {
        let start = self.start_of(id, &request).await?;
        let filter = Arc::new(request.filter.clone());
        let message = |permit| Subscribe {
            filter: Arc::clone(&filter),
            start: start.clone(),
            accumulated: request.accumulated,
            _permit: Some(permit),
        };
        let mut joined = self.send(id, 0, |permit, _| message(permit)).await?;
        let shown = self.shown(id, &request, &mut joined).await?;
        let mut subscription = Subscription {
            engine: self.clone(),
            id: id.clone(),
            next: joined.plan.index,
            rank: joined.plan.rank,
            filter,
            accumulated: request.accumulated,
            joined,
            replay: None,
            phase: Phase::Live,
            deaths: 0,
            _counted: self.shared().watched.reader(id),
        };
        let at = if matches!(shown, Deltas::Folded(_)) { 0 } else { subscription.next };
        let to = subscription.joined.plan.boundary.version;
        let later_than = match start {
            Start::After { later_than, .. } => later_than,
            _ => None,
        };
        let replay = Replay { at, to, shown, later_than };
        if let Some(limit) = request.limit {
            subscription.skip_to_last(limit, &replay).await?;
        }
        if subscription.next < to {
            let at = if matches!(replay.shown, Deltas::Folded(_)) { 0 } else { subscription.next };
            subscription.replay = Some(Box::new(Replay { at, ..replay }));
        }
        Ok(subscription)
    }

    /// Turns ids and times into indexes.
    async fn start_of(&self, id: &TaskId, request: &SubscribeRequest) -> Result<Start, EngineError> {
        let cursor = &request.cursor;
        if cursor.is_none() {
            return Ok(Start::Beginning);
        }
        let store = &self.shared().store;
        let (index, later_than) = match (&cursor.id, cursor.time) {
            (Some(event), _) => {
                let found = store.seek(id, Seek::Id(event.clone())).await?;
                (found.map_or(0, |index| index + 1), None)
            }
            (None, Some(time)) => (store.seek(id, Seek::After(time)).await?.unwrap_or(0), Some(time)),
            (None, None) => (0, None),
        };
        Ok(Start::After { index, rank_above: cursor.rank, later_than })
    }

    async fn shown(
        &self,
        id: &TaskId,
        request: &SubscribeRequest,
        joined: &mut Joined,
    ) -> Result<Deltas, EngineError> {
        if !request.cursor.is_none() {
            let replay = Replay::uncollapsed(0, 0, request.accumulated);
            return Ok(replay.shown);
        }
        let snapshots = match joined.collapsed.take() {
            Some(snapshots) => snapshots,
            None => self.scan_snapshots(id, &request.filter, joined).await?,
        };
        Ok(Deltas::Collapsed(snapshots.into()))
    }

    /// Finds the newest listed event of each accumulate series in the log itself.
    async fn scan_snapshots(
        &self,
        id: &TaskId,
        filter: &EventFilter,
        joined: &Joined,
    ) -> Result<Vec<Arc<TaskEvent>>, EngineError> {
        let boundary = joined.plan.boundary;
        let mut collapser = Collapser::default();
        let mut at = 0;
        while at < boundary.version {
            let page = replay::read(self, id, boundary.incarnation, (at, boundary.version), true).await?;
            if page.slots.is_empty() {
                break;
            }
            at = page.next;
            for slot in &page.slots {
                if let Slot::Visible(event) | Slot::Hidden(event) = slot {
                    collapser.take(event, event.accumulates().is_some() && filter.matches(event));
                }
            }
        }
        Ok(collapser.finish())
    }
}

impl Subscription {
    /// Moves the start forward so that only the last `limit` events of the replay are left.
    async fn skip_to_last(&mut self, limit: usize, replay: &Replay) -> Result<(), EngineError> {
        let plan = self.joined.plan;
        let candidates = plan.rank_at_boundary - self.rank;
        if candidates <= limit as u64 {
            return Ok(());
        }
        if limit == 0 {
            (self.next, self.rank) = (plan.boundary.version, plan.rank_at_boundary);
            return Ok(());
        }
        let snapshots: HashSet<u64> = match &replay.shown {
            Deltas::Collapsed(snapshots) => snapshots.iter().map(|event| event.index).collect(),
            _ => HashSet::new(),
        };
        let collapsed = matches!(replay.shown, Deltas::Collapsed(_));
        let listed = |slot: &Slot| match slot {
            Slot::Visible(event) => {
                let shown = !collapsed || event.accumulates().is_none();
                shown && replay.later_than.is_none_or(|time| event.timestamp > time)
            }
            _ => false,
        };
        let (mut end, mut found, mut rank) = (plan.boundary.version, 0, plan.rank_at_boundary);
        while end > self.next {
            let from = end.saturating_sub(BACKWARD_PAGE).max(self.next);
            let Some(slots) = self.slots((from, end), !collapsed).await? else { return Ok(()) };
            for slot in slots.iter().rev() {
                if !replay::wants(&self.filter, slot) {
                    continue;
                }
                rank -= 1;
                found += usize::from(listed(slot) || snapshots.contains(&slot.index()));
                if found == limit {
                    (self.next, self.rank) = (slot.index(), rank);
                    return Ok(());
                }
            }
            end = from;
        }
        Ok(())
    }

    /// All slots between two indexes, or `None` if the log has become shorter.
    async fn slots(
        &mut self,
        (from, end): (u64, u64),
        deltas: bool,
    ) -> Result<Option<Vec<Slot>>, EngineError> {
        let incarnation = self.joined.plan.boundary.incarnation;
        let mut slots = Vec::new();
        let mut at = from;
        while at < end {
            let page = replay::read(&self.engine, &self.id, incarnation, (at, end), deltas).await?;
            if page.slots.is_empty() {
                return Ok(None);
            }
            at = page.next;
            slots.extend(page.slots);
        }
        Ok(Some(slots))
    }
}

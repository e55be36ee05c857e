//! The history of a task in one answer (PROTOCOL §8.7), read from the store without its actor.

use std::sync::Arc;

use crate::domain::{Collapser, EventFilter, EventId, TaskEvent, TaskId, Timestamp};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{Range, Seek, Slot};

/// Where a history begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryCursor {
    /// Behind the event with this id; an unknown id does not cut.
    Id(EventId),
    /// Behind this index.
    Index(i64),
    /// Later than this.
    Time(Timestamp),
}

/// Which part of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryRequest {
    /// Which events.
    pub filter: EventFilter,
    /// From where; everything when absent.
    pub cursor: Option<HistoryCursor>,
    /// At most this many, the first ones.
    pub limit: Option<usize>,
    /// Whether accumulate series are collapsed into their running values.
    pub accumulated: bool,
}

/// A history being read, page by page, so that a long one need not be held at once.
pub struct History {
    engine: Engine,
    id: TaskId,
    request: HistoryRequest,
    incarnation: u64,
    from: u64,
    at: u64,
    left: usize,
    ended: bool,
}

impl History {
    /// The next events, or `None` when there are no more.
    ///
    /// # Errors
    /// When the store cannot answer, or the task was replaced meanwhile.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Arc<TaskEvent>>>, EngineError> {
        if self.request.accumulated {
            return self.collapsed().await;
        }
        let mut events = Vec::new();
        while events.is_empty() {
            let Some(slots) = self.read().await? else { return Ok(None) };
            for slot in &slots {
                if let Slot::Visible(event) = slot
                    && self.wants(event)
                {
                    self.left -= 1;
                    events.push(Arc::clone(event));
                }
            }
        }
        Ok(Some(events))
    }

    async fn collapsed(&mut self) -> Result<Option<Vec<Arc<TaskEvent>>>, EngineError> {
        let mut collapser = Collapser::default();
        let mut any = false;
        while let Some(slots) = self.read().await? {
            any = true;
            for slot in &slots {
                let (event, visible) = match slot {
                    Slot::Visible(event) => (event, true),
                    Slot::Hidden(event) => (event, false),
                    Slot::Gone { .. } => continue,
                };
                let listed = visible && self.wants(event);
                self.left -= usize::from(listed);
                collapser.take(event, listed);
                if self.left == 0 {
                    break;
                }
            }
        }
        Ok(any.then(|| collapser.finish()))
    }

    fn wants(&self, event: &TaskEvent) -> bool {
        let late_enough = match self.request.cursor {
            Some(HistoryCursor::Time(time)) => event.timestamp > time,
            _ => true,
        };
        self.left > 0 && event.index >= self.from && late_enough && self.request.filter.matches(event)
    }

    async fn read(&mut self) -> Result<Option<Vec<Slot>>, EngineError> {
        if self.ended || self.left == 0 {
            return Ok(None);
        }
        let range = Range::to_the_end(self.at);
        let max_slots = self.left.clamp(16, range.max_slots);
        let range = Range { incarnation: Some(self.incarnation), max_slots, ..range };
        let page = self.engine.shared().store.events(&self.id, range).await?;
        self.at = page.next;
        self.ended = range.is_ended_by(&page);
        Ok((!page.slots.is_empty()).then_some(page.slots))
    }
}

impl Engine {
    /// Begins to read the visible events that `request` asks for, in index order.
    ///
    /// # Errors
    /// [`EngineError::NotFound`].
    pub async fn history(&self, id: &TaskId, request: HistoryRequest) -> Result<History, EngineError> {
        let (_, stamp) = self.shared().store.head(id).await?.ok_or(EngineError::NotFound)?;
        let from = self.history_start(id, request.cursor.as_ref()).await?;
        let at = if request.accumulated { 0 } else { from };
        let left = request.limit.unwrap_or(usize::MAX);
        let (engine, id, incarnation) = (self.clone(), id.clone(), stamp.incarnation);
        Ok(History { engine, id, request, incarnation, from, at, left, ended: false })
    }

    async fn history_start(&self, id: &TaskId, cursor: Option<&HistoryCursor>) -> Result<u64, EngineError> {
        let store = &self.shared().store;
        Ok(match cursor {
            None => 0,
            Some(HistoryCursor::Id(event)) => {
                store.seek(id, Seek::Id(event.clone())).await?.map_or(0, |index| index + 1)
            }
            Some(HistoryCursor::Index(index)) => u64::try_from(index.saturating_add(1)).unwrap_or(0),
            Some(HistoryCursor::Time(time)) => store.seek(id, Seek::After(*time)).await?.unwrap_or(0),
        })
    }
}

//! Finding in a log what a command wrote, by the random bits in the ids of its events.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use ahash::RandomState;

use crate::domain::{Entropy, EventId, NewEvent, TaskEvent, TaskId};
use crate::ports::{self, StoreError, TaskStore};

/// Where an event is.
pub(crate) type Place = (EventId, u64);

/// What a log shows of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Its events.
    At(Vec<Place>),
    /// Nothing so far: its events, if there will be any, have this index at least.
    NotBelow(u64),
}

/// Finds what the command that drew `entropy` wrote to this log at or behind `from`. The events of a command are next
/// to each other, so the search ends with them.
pub(crate) async fn find(
    store: &dyn TaskStore,
    (id, incarnation): (&TaskId, u64),
    from: u64,
    entropy: Entropy,
) -> Result<Written, StoreError> {
    let range = ports::Range { incarnation: Some(incarnation), ..ports::Range::to_the_end(from) };
    let mut range = ports::Range { deltas: false, ..range };
    let mut found = Vec::new();
    loop {
        let page = store.events(id, range).await?;
        let own = page.slots.iter().filter(|slot| slot.id().drawn_from(entropy));
        found.extend(own.map(|slot| (slot.id().clone(), slot.index())));
        let goes_on = page.slots.last().is_some_and(|last| last.id().drawn_from(entropy));
        if range.is_ended_by(&page) || !(found.is_empty() || goes_on) {
            return Ok(if found.is_empty() { Written::NotBelow(page.next) } else { Written::At(found) });
        }
        range.from = page.next;
    }
}

/// What each of the commands that drew `wanted` wrote to this log within `range`.
pub(crate) async fn find_all(
    store: &dyn TaskStore,
    (id, incarnation): (&TaskId, u64),
    indexes: Range<u64>,
    wanted: &HashSet<Entropy, RandomState>,
) -> Result<HashMap<Entropy, Vec<Place>, RandomState>, StoreError> {
    let mut found = HashMap::<_, Vec<_>, _>::default();
    let mut range = ports::Range {
        incarnation: Some(incarnation),
        deltas: false,
        ..ports::Range::new(indexes.start, indexes.end)
    };
    while range.from < range.to {
        let page = store.events(id, range).await?;
        for slot in &page.slots {
            if let Some(entropy) = slot.id().entropy().filter(|entropy| wanted.contains(entropy)) {
                found.entry(entropy).or_default().push((slot.id().clone(), slot.index()));
            }
        }
        if page.slots.is_empty() {
            break;
        }
        range.from = page.next;
    }
    Ok(found)
}

/// The events at `places` as they were stored, from what was asked for; `None` if they cannot be these.
pub(crate) fn rebuilt(id: &TaskId, events: &[NewEvent], places: &[Place]) -> Option<Vec<Arc<TaskEvent>>> {
    let stored = events.iter().zip(places).map(|(event, (event_id, index))| {
        let at = event_id.timestamp()?;
        Some(Arc::new(event.stored(event_id.clone(), id.clone(), *index, at)))
    });
    if events.len() == places.len() { stored.collect() } else { None }
}

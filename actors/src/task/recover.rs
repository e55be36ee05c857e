//! Recovery: from what the store keeps to the state of the only writer. No actix in this file.

use std::sync::Arc;

use crate::domain::{State, TaskId, checkpoint};
use crate::ports::{Loaded, Range, Slot, StoreError, TaskStore};

/// The state of the task, folded from its newest checkpoint and the log behind it; `None` if there is no such task.
pub(super) async fn recover(store: &dyn TaskStore, id: &TaskId) -> Result<Option<State>, StoreError> {
    let Some(loaded) = store.load(id).await? else { return Ok(None) };
    let mut state = restored(&loaded);
    while state.stamp.version < loaded.stamp.version {
        let range = Range {
            incarnation: Some(loaded.stamp.incarnation),
            ..Range::new(state.stamp.version, loaded.stamp.version)
        };
        let page = match store.events(id, range).await {
            Err(StoreError::Gone) => return Box::pin(recover(store, id)).await,
            page => page?,
        };
        if page.slots.is_empty() {
            return Err(StoreError::Corrupt(format!("event {} is missing", state.stamp.version)));
        }
        page.slots.iter().for_each(|slot| fold(&mut state, slot));
    }
    if state.head.task.status.is_terminal() {
        state.clients.clear();
    }
    Ok(Some(state))
}

fn restored(loaded: &Loaded) -> State {
    let stored = loaded.checkpoint.as_ref().filter(|checkpoint| checkpoint.version <= loaded.stamp.version);
    stored
        .and_then(|stored| {
            checkpoint::restore(Arc::clone(&loaded.head), loaded.stamp, stored)
                .inspect_err(
                    |error| tracing::warn!(%error, "a checkpoint cannot be read: folding the whole log"),
                )
                .ok()
        })
        .unwrap_or_else(|| {
            State::before_log(Arc::clone(&loaded.head), loaded.stamp.incarnation, loaded.stamp.revision)
        })
}

/// Takes one place of the log into `state`.
pub(super) fn fold(state: &mut State, slot: &Slot) {
    match slot {
        Slot::Visible(event) | Slot::Hidden(event) => {
            state.fold(event);
        }
        Slot::Gone { event_type, level, .. } => state.fold_gone(event_type, *level),
    }
}

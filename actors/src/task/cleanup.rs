//! What a due timer asks for: expire, resume, or clean up. No actix in this file.

use super::order::{Attempt, Order};
use super::recover::recover;
use super::write::{Batch, Outcome};
use crate::domain::retention::{CleanupRule, CleanupTarget, due_rule};
use crate::domain::{Command, State, TaskId};
use crate::error::EngineError;
use crate::ports::{CommitError, Range, Slot, StoreError};
use crate::shared::Shared;

/// What doing the due thing came to.
pub(super) enum Done {
    /// A command was written, or found to have nothing to do.
    Written(Box<Outcome>),
    /// The task is gone.
    Deleted,
}

/// Does what is due first on the task.
pub(super) async fn run(
    shared: &Shared,
    id: &TaskId,
    state: Option<State>,
    order: Order,
) -> Result<Done, EngineError> {
    let state = match state {
        Some(state) => Some(state),
        None => recover(&*shared.store, id).await?,
    };
    let Some(state) = state else { return Err(EngineError::NotFound) };
    let rule = due_rule(&state.head, &shared.settings.cleanup, shared.now()).cloned();
    let attempt = match rule {
        None => order.attempt,
        Some(rule) if rule.target == CleanupTarget::Events => erase(shared, id, &state, &rule).await?,
        Some(_) => return delete(shared, id, state.stamp.incarnation).await,
    };
    let erases = matches!(*attempt.command, Command::Erase { .. });
    let batch = Batch { shared, id, attempts: vec![attempt], running_wanted: false };
    let mut outcome = batch.run(Some(state)).await;
    if erases {
        outcome.state = None;
    }
    Ok(Done::Written(Box::new(outcome)))
}

/// Removes the task from the store.
pub(super) async fn delete(shared: &Shared, id: &TaskId, incarnation: u64) -> Result<Done, EngineError> {
    match shared.store.delete(id, incarnation).await {
        Ok(true) => Ok(Done::Deleted),
        Ok(false) | Err(CommitError::Conflict) => Err(EngineError::NotFound),
        Err(CommitError::NotWritten(error)) => Err(EngineError::Store(error)),
        Err(CommitError::Unknown(error)) => Err(EngineError::Unknown(error)),
    }
}

/// The command that removes what `rule` says.
async fn erase(
    shared: &Shared,
    id: &TaskId,
    state: &State,
    rule: &CleanupRule,
) -> Result<Attempt, StoreError> {
    let mut indexes = Vec::new();
    let mut from = 0;
    while from < state.stamp.version {
        let page = shared.store.events(id, Range::new(from, state.stamp.version)).await?;
        if page.slots.is_empty() {
            break;
        }
        from = page.next;
        indexes.extend(page.slots.iter().filter_map(|slot| match slot {
            Slot::Visible(event) | Slot::Hidden(event) => {
                rule.removes(&state.head.task, event).then_some(event.index)
            }
            Slot::Gone { .. } => None,
        }));
    }
    let command = Command::Erase { fingerprint: rule.fingerprint(), indexes, stamp: state.stamp };
    Ok(Attempt::new(command, shared.now()))
}

impl Done {
    /// The answer to whoever asked.
    pub(super) fn result(&self) -> Result<(), EngineError> {
        match self {
            Self::Deleted => Ok(()),
            Self::Written(outcome) => outcome
                .results
                .iter()
                .find_map(|result| result.as_ref().err())
                .map_or(Ok(()), |error| Err(error.clone())),
        }
    }
}

//! The task and the events in an archive (PROTOCOL §14).

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::value::RawValue;
use taskcast_actors::domain::{EventId, Level, MAX_ID_BYTES, Task, TaskEvent, TaskId, TaskStatus};

use super::BodyError;
use super::events::{client, series};
use super::fields::Fields;
use super::path::Path;
use super::shape::{self, AUTH_CONFIG, CLEANUP};
use super::transition::{blocked_request, task_error};
use super::values::{any, cost, each, moment, natural, object, one_of, string, strings, task_id, text, ttl};
use super::webhook::webhooks;
use super::words::{ASSIGN_MODES, DISCONNECT_POLICIES, LEVELS, STATUSES};

const TASK_FIELDS: [&str; 22] = [
    "id",
    "status",
    "createdAt",
    "updatedAt",
    "type",
    "params",
    "metadata",
    "result",
    "error",
    "completedAt",
    "ttl",
    "tags",
    "assignMode",
    "cost",
    "assignedWorker",
    "disconnectPolicy",
    "reason",
    "resumeAt",
    "blockedRequest",
    "webhooks",
    "cleanup",
    "authConfig",
];

const EVENT_FIELDS: [&str; 14] = [
    "id",
    "taskId",
    "index",
    "timestamp",
    "type",
    "level",
    "data",
    "seriesId",
    "seriesMode",
    "seriesAccField",
    "clientId",
    "clientSeq",
    "seriesSnapshot",
    "_accumulatedData",
];

/// The task of an archive.
pub(super) fn task(raw: &RawValue, at: &Path<'_>) -> Result<Task, BodyError> {
    let fields = Fields::of(raw, at, TASK_FIELDS.into_iter())?;
    Ok(Task {
        id: fields.need("id", task_id)?,
        status: fields.need("status", one_of::<TaskStatus>(STATUSES))?,
        created_at: fields.need("createdAt", moment)?,
        updated_at: fields.need("updatedAt", moment)?,
        task_type: fields.get("type", string)?,
        params: fields.get("params", object)?,
        metadata: fields.get("metadata", object)?,
        result: fields.get("result", object)?,
        error: fields.get("error", task_error)?.map(Box::new),
        completed_at: fields.get("completedAt", moment)?,
        ttl: fields.get("ttl", ttl)?,
        tags: fields.get("tags", strings)?,
        assign_mode: fields.get("assignMode", one_of(ASSIGN_MODES))?,
        cost: fields.get("cost", cost)?,
        assigned_worker: fields.get("assignedWorker", string)?,
        disconnect_policy: fields.get("disconnectPolicy", one_of(DISCONNECT_POLICIES))?,
        reason: fields.get("reason", string)?,
        resume_at: fields.get("resumeAt", moment)?,
        blocked_request: fields.get("blockedRequest", blocked_request)?.map(Box::new),
        webhooks: fields.get("webhooks", webhooks)?,
        cleanup: fields.get("cleanup", |raw, at| shape::read(raw, at, &CLEANUP))?,
        auth_config: fields.get("authConfig", |raw, at| shape::read(raw, at, &AUTH_CONFIG))?,
    })
}

/// The events of an archive, in index order whatever order they were sent in.
pub(super) fn events(
    raw: &RawValue,
    at: &Path<'_>,
    task_id: &TaskId,
) -> Result<Vec<Arc<TaskEvent>>, BodyError> {
    let mut events: Vec<Arc<TaskEvent>> = Vec::new();
    let (mut ids, mut indexes) = (HashSet::new(), HashSet::new());
    each(raw, at, |place, raw| {
        let at = at.item(place);
        let event = event(raw, &at, task_id)?;
        if !ids.insert(event.id.clone()) {
            return Err(at.field("id").refuse("must be unique"));
        }
        if !indexes.insert(event.index) {
            return Err(at.field("index").refuse("must be unique"));
        }
        events.push(Arc::new(event));
        Ok(())
    })?;
    events.sort_unstable_by_key(|event| event.index);
    check_order(&events)?;
    Ok(events)
}

fn check_order(events: &[Arc<TaskEvent>]) -> Result<(), BodyError> {
    let mut numbered = (0u64..).zip(events);
    match numbered.find(|(expected, event)| event.index != *expected) {
        None => Ok(()),
        Some((expected, event)) => Err(BodyError::Invalid(format!(
            "Archive events must have contiguous indexes from 0; expected {expected}, got {}",
            event.index
        ))),
    }
}

fn event(raw: &RawValue, at: &Path<'_>, task: &TaskId) -> Result<TaskEvent, BodyError> {
    let fields = Fields::of(raw, at, EVENT_FIELDS.into_iter())?;
    let event = TaskEvent {
        id: fields.need("id", event_id)?,
        task_id: fields.need("taskId", |raw, at| same_task(raw, at, task))?,
        index: fields.need("index", natural)?,
        timestamp: fields.need("timestamp", moment)?,
        event_type: fields.need("type", |raw, at| Ok((*text(raw, at)?).into()))?,
        level: fields.need("level", one_of::<Level>(LEVELS))?,
        data: match fields.find("data") {
            Some((_, raw)) => any(raw, &at.field("data"))?,
            None => return Err(at.field("data").refuse("is required")),
        },
        series: series(&fields)?,
        client: client(&fields)?,
        snapshot: false,
    };
    for name in ["seriesSnapshot", "_accumulatedData"] {
        if fields.raw(name).is_some() {
            return Err(at.field(name).refuse("must not be in an archive"));
        }
    }
    Ok(event)
}

fn event_id(raw: &RawValue, at: &Path<'_>) -> Result<EventId, BodyError> {
    let id = text(raw, at)?;
    if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
        return Err(at.refuse("must be 1 to 256 bytes without control characters"));
    }
    Ok(EventId::from_text(&id))
}

fn same_task(raw: &RawValue, at: &Path<'_>, task: &TaskId) -> Result<TaskId, BodyError> {
    if text(raw, at)? != task.as_str() {
        return Err(at.refuse("must be the id of the archive's task"));
    }
    Ok(task.clone())
}

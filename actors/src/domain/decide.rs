//! The rules: what a command changes. Pure, so that the same command on the same state gives the same change.

use std::sync::Arc;

use serde::Serialize;

use super::change::{Change, CheckpointChange};
use super::command::{Command, Transition};
use super::event::{BLOCKED_TYPE, NewEvent, RESERVED_PREFIX, RESOLVED_TYPE, STATUS_TYPE};
use super::id::{Entropy, EventId};
use super::outbox::{self, GlobalHook, Outbox};
use super::rejection::Rejection;
use super::retention::{self, CleanupRule};
use super::state::State;
use super::task::{BlockedRequest, Head, Task, TaskError};
use super::{Json, TaskStatus, Timestamp, ttl};

/// What a decision may depend on beside state and command.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The time of the decision.
    pub now: Timestamp,
    /// The random bits of the command.
    pub entropy: Entropy,
    /// Cleanup rules that hold for every task.
    pub cleanup: &'a [CleanupRule],
    /// Webhooks for every task; `None` when nobody delivers to webhooks.
    pub hooks: Option<&'a [GlobalHook]>,
}

/// What `command` changes on a task in `state`.
///
/// # Errors
/// The [`Rejection`] that the rules of PROTOCOL §6 to §8 ask for; nothing is changed then.
pub fn decide(state: &State, command: &Command, around: Circumstances<'_>) -> Result<Change, Rejection> {
    let draft = Draft::new(state, around);
    let mut change = match command {
        Command::Publish(events) => publish(draft, events),
        Command::Transition(transition) => draft.transition(transition),
        Command::Resolve { data } => resolve(draft, data.as_ref()),
        Command::Due => due(draft),
        Command::Erase { stamp, .. } if *stamp != state.stamp => Err(Rejection::NothingDue),
        Command::Erase { fingerprint, indexes, .. } => Ok(draft.erase(*fingerprint, indexes)),
        Command::TakeOutbox(_) | Command::SettleOutbox(_) | Command::Redeliver { .. } => {
            return draft.tend_outbox(command);
        }
    }?;
    mark_outbox(&mut change, state, around);
    Ok(change)
}

/// Says in the same commit that webhooks are owed the events of `change`.
fn mark_outbox(change: &mut Change, state: &State, around: Circumstances<'_>) {
    let Some(hooks) = around.hooks.filter(|_| !change.events.is_empty()) else { return };
    let head = change.head.as_ref().unwrap_or(&state.head);
    let at = (state.stamp.version, around.now);
    if let Some(marked) = outbox::marked(head, &change.events, at, hooks) {
        change.head = Some(Arc::new(with_outbox(head, Some(marked))));
    }
}

fn with_outbox(head: &Head, outbox: Option<Outbox>) -> Head {
    Head { outbox: outbox.map(Box::new), ..head.clone() }
}

/// A change being put together.
struct Draft<'a> {
    state: &'a State,
    around: Circumstances<'a>,
    now: Timestamp,
    change: Change,
}

impl<'a> Draft<'a> {
    fn new(state: &'a State, around: Circumstances<'a>) -> Self {
        let change = Change::empty(state.head.task.id.clone(), state.stamp);
        let now = around.now.max(state.last_at);
        Self { state, around, now, change }
    }

    fn status(&self) -> TaskStatus {
        self.state.head.task.status
    }

    fn append(&mut self, event: &NewEvent) {
        let index = self.state.stamp.version + self.change.events.len() as u64;
        let id = EventId::compose(self.now, index, self.around.entropy);
        let mut stored = event.stored(id, self.change.task_id.clone(), index, self.now);
        stored.event_type = self.state.ranks.shared_type(&event.event_type);
        self.change.events.push(Arc::new(stored));
    }

    fn append_internal(&mut self, event_type: &str, data: &impl Serialize) {
        self.append(&NewEvent::new(event_type, Json::of(data)));
    }

    fn transition(self, wish: &Transition) -> Result<Change, Rejection> {
        let from = self.status();
        if !from.allows(wish.to) {
            return Err(Rejection::InvalidTransition { from, to: wish.to });
        }
        Ok(self.moved(wish))
    }

    /// PROTOCOL §6.2, the effects in their order.
    fn moved(mut self, wish: &Transition) -> Change {
        let before = &self.state.head;
        let mut head = Head::clone(before);
        head.deadline = ttl::deadline_after(before, wish, self.now);
        apply_to_task(&mut head.task, wish, self.now);
        head.resume = head.task.resume_at.filter(|_| head.task.status == TaskStatus::Blocked);
        head.cleanup_at = retention::next_due(&head, self.around.cleanup);
        let task = &head.task;
        self.append_internal(STATUS_TYPE, &StatusData::of(task));
        match (&before.task.blocked_request, &task.blocked_request) {
            (_, Some(request)) if task.status == TaskStatus::Blocked => {
                let data = BlockedData { reason: task.reason.as_deref(), request };
                self.append_internal(BLOCKED_TYPE, &data);
            }
            (Some(_), _) if is_answer(before.task.status, task.status) => {
                let data = ResolvedData { resolution: wish.result.as_ref() };
                self.append_internal(RESOLVED_TYPE, &data);
            }
            _ => {}
        }
        self.change.head = Some(Arc::new(head));
        self.change
    }

    /// PROTOCOL §13: unlike a requested transition to `timeout`, its event carries the status alone.
    fn expired(mut self) -> Change {
        let mut head = Head::clone(&self.state.head);
        head.deadline = None;
        head.resume = None;
        apply_to_task(&mut head.task, &Transition::to(TaskStatus::Timeout), self.now);
        head.task.assigned_worker = None;
        head.cleanup_at = retention::next_due(&head, self.around.cleanup);
        let data = StatusData { status: TaskStatus::Timeout, result: None, error: None };
        self.append_internal(STATUS_TYPE, &data);
        self.change.head = Some(Arc::new(head));
        self.change
    }

    /// Rules for all tasks may have changed since the task ended.
    fn reschedule(mut self) -> Option<Change> {
        let cleanup_at = retention::next_due(&self.state.head, self.around.cleanup);
        if cleanup_at == self.state.head.cleanup_at {
            return None;
        }
        self.change.head = Some(Arc::new(Head { cleanup_at, ..Head::clone(&self.state.head) }));
        Some(self.change)
    }

    fn tend_outbox(mut self, command: &Command) -> Result<Change, Rejection> {
        let head = &self.state.head;
        let (outbox, now) = (head.outbox.as_deref(), self.around.now);
        let at = (self.state.stamp.version, now);
        let outbox = match command {
            Command::TakeOutbox(claim) => Some(outbox::taken(outbox, *claim, now)?),
            Command::SettleOutbox(settlement) => outbox::settled(outbox, settlement, at)?,
            Command::Redeliver { ids } => Some(outbox::again(outbox, ids.as_deref(), at)?),
            _ => return Err(Rejection::NothingDue),
        };
        self.change.head = Some(Arc::new(with_outbox(head, outbox)));
        Ok(self.change)
    }

    fn erase(mut self, fingerprint: u64, indexes: &[u64]) -> Change {
        let mut head = Head::clone(&self.state.head);
        head.cleaned.push(fingerprint);
        head.cleanup_at = retention::next_due(&head, self.around.cleanup);
        self.change.head = Some(Arc::new(head));
        self.change.erased = indexes.to_vec();
        self.change.checkpoint = CheckpointChange::Remove;
        self.change
    }
}

fn is_answer(from: TaskStatus, to: TaskStatus) -> bool {
    from == TaskStatus::Blocked && to == TaskStatus::Running
}

fn apply_to_task(task: &mut Task, wish: &Transition, now: Timestamp) {
    task.status = wish.to;
    task.updated_at = now;
    if wish.to.is_terminal() {
        task.completed_at = Some(now);
    }
    if wish.to == TaskStatus::Pending {
        task.assigned_worker = None;
    }
    task.result = wish.result.clone().or(task.result.take());
    task.error = wish.error.clone().map(Box::new).or(task.error.take());
    task.ttl = wish.ttl.or(task.ttl);
    suspend(task, wish, now);
}

/// PROTOCOL §6.3.
fn suspend(task: &mut Task, wish: &Transition, now: Timestamp) {
    if !wish.to.is_suspended() {
        task.reason = None;
        task.blocked_request = None;
        task.resume_at = None;
        return;
    }
    task.reason = wish.reason.clone().or(task.reason.take());
    if wish.to == TaskStatus::Blocked {
        let request = wish.blocked_request.clone().map(Box::new);
        task.blocked_request = request.or(task.blocked_request.take());
        let resume_at = wish.resume_after_ms.map(|after| now.plus_millis(after));
        task.resume_at = resume_at.or(task.resume_at);
    }
}

fn publish(mut draft: Draft<'_>, events: &[NewEvent]) -> Result<Change, Rejection> {
    if draft.status().is_terminal() {
        return Err(Rejection::Terminal(draft.status()));
    }
    if let Some(event) = events.iter().find(|event| event.event_type.starts_with(RESERVED_PREFIX)) {
        return Err(Rejection::ReservedType(event.event_type.to_string()));
    }
    check_sequence(draft.state, events)?;
    for event in events {
        draft.append(event);
    }
    Ok(draft.change)
}

/// PROTOCOL §8.5: a batch is judged by its first numbered event; the door has checked that the rest follows it.
fn check_sequence(state: &State, events: &[NewEvent]) -> Result<(), Rejection> {
    let Some(first) = events.iter().find_map(|event| event.client.as_deref()) else {
        return Ok(());
    };
    let Some(expected) = state.clients.get(&first.id).copied() else {
        return Ok(());
    };
    match first.seq.cmp(&expected) {
        std::cmp::Ordering::Less => Err(Rejection::SeqStale { expected, received: first.seq }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Rejection::SeqGap { expected, received: first.seq }),
    }
}

fn resolve(draft: Draft<'_>, data: Option<&Json>) -> Result<Change, Rejection> {
    if draft.status() != TaskStatus::Blocked {
        return Err(Rejection::NotBlocked);
    }
    let result = match data {
        Some(object) if object.is_object() => object.clone(),
        other => {
            let null = Json::null();
            let resolution = other.unwrap_or(&null);
            Json::of(&ResolvedData { resolution: Some(resolution) })
        }
    };
    draft.transition(&Transition { result: Some(result), ..Transition::to(TaskStatus::Running) })
}

fn due(draft: Draft<'_>) -> Result<Change, Rejection> {
    let head = &draft.state.head;
    if ttl::is_expired(head, draft.around.now) {
        return Ok(draft.expired());
    }
    if head.resume.is_some_and(|at| at <= draft.around.now) {
        return draft.transition(&Transition::to(TaskStatus::Running));
    }
    draft.reschedule().ok_or(Rejection::NothingDue)
}

#[derive(Serialize)]
struct StatusData<'a> {
    status: TaskStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a TaskError>,
}

impl<'a> StatusData<'a> {
    fn of(task: &'a Task) -> Self {
        Self { status: task.status, result: task.result.as_ref(), error: task.error.as_deref() }
    }
}

#[derive(Serialize)]
struct BlockedData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    request: &'a BlockedRequest,
}

#[derive(Serialize)]
struct ResolvedData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<&'a Json>,
}

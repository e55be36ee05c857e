//! Transitions: what PROTOCOL §6.2, §6.3 and §13 say happens, said again without looking at `decide`.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::generate::{life, transition};
use super::ledger::Ledger;
use crate::domain::{Command, Json, NewTask, Rejection, TaskStatus, Timestamp, Transition};
use crate::testing::model::data_of;

fn tree(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).expect("it serialises")
}

fn put(object: &mut Value, key: &str, value: Option<Value>) {
    let object = object.as_object_mut().expect("an object");
    match value {
        Some(value) => drop(object.insert(key.to_owned(), value)),
        None => drop(object.remove(key)),
    }
}

/// The task and the events that a legal transition leads to.
fn expected(before: &Value, wish: &Transition, now: i64) -> (Value, Vec<(String, Value)>) {
    let mut after = before.clone();
    let old = |key: &str| before.get(key).cloned();
    put(&mut after, "status", Some(tree(&wish.to)));
    put(&mut after, "updatedAt", Some(json!(now)));
    if ["completed", "failed", "timeout", "cancelled"].contains(&wish.to.as_str()) {
        put(&mut after, "completedAt", Some(json!(now)));
    }
    put(&mut after, "result", wish.result.as_ref().map(tree).or(old("result")));
    put(&mut after, "error", wish.error.as_ref().map(tree).or(old("error")));
    put(&mut after, "ttl", wish.ttl.map(|ttl| json!(ttl)).or(old("ttl")));
    let blocked = wish.to == TaskStatus::Blocked;
    let suspended = blocked || wish.to == TaskStatus::Paused;
    let kept = |key: &str| old(key).filter(|_| suspended);
    let given = |value: Option<Value>, used: bool| value.filter(|_| used);
    let reason = given(wish.reason.as_ref().map(tree), suspended).or(kept("reason"));
    put(&mut after, "reason", reason.clone());
    let request = given(wish.blocked_request.as_ref().map(tree), blocked).or(kept("blockedRequest"));
    put(&mut after, "blockedRequest", request.clone());
    let resume = wish.resume_after_ms.map(|after| json!(now + after as i64));
    put(&mut after, "resumeAt", given(resume, blocked).or(kept("resumeAt")));

    let mut data = json!({ "status": tree(&wish.to) });
    for key in ["result", "error"] {
        put(&mut data, key, after.get(key).cloned());
    }
    let mut events = vec![("taskcast:status".to_owned(), data)];
    if let Some(request) = request.filter(|_| blocked) {
        let mut data = json!({ "request": request });
        put(&mut data, "reason", reason);
        events.push(("taskcast:blocked".to_owned(), data));
    }
    let answered = before["status"] == "blocked" && wish.to == TaskStatus::Running;
    if answered && before.get("blockedRequest").is_some() {
        let mut data = json!({});
        put(&mut data, "resolution", wish.result.as_ref().map(tree));
        events.push(("taskcast:resolved".to_owned(), data));
    }
    (after, events)
}

/// When the task runs out of time after a transition.
fn deadline(ledger: &Ledger, wish: &Transition, now: Timestamp) -> Option<Timestamp> {
    let head = &ledger.state.head;
    let stopped = wish.to.is_terminal() || wish.to == TaskStatus::Paused;
    let full = wish.ttl.or(head.task.ttl).map(|ttl| Timestamp(now.0 + i64::from(ttl) * 1000));
    match (stopped, wish.ttl.is_some(), head.task.status) {
        (true, ..) => None,
        (_, true, _) | (_, _, TaskStatus::Paused) => full,
        _ => head.deadline,
    }
}

fn data_and_types(events: &[std::sync::Arc<crate::domain::TaskEvent>]) -> Vec<(String, Value)> {
    events.iter().map(|event| (event.event_type.to_string(), data_of(event))).collect()
}

proptest! {
    #[test]
    fn a_transition_does_what_the_protocol_says(life in life(), wish in transition()) {
        let mut ledger = Ledger::lived(&life);
        let before = tree(&ledger.state.head.task);
        let from = ledger.state.head.task.status;
        let now = ledger.now.max(ledger.state.last_at);
        let until = deadline(&ledger, &wish, now);
        match ledger.ask(&Command::Transition(wish.clone())) {
            Err(refused) => {
                prop_assert!(!from.allows(wish.to));
                prop_assert_eq!(refused, Rejection::InvalidTransition { from, to: wish.to });
                prop_assert_eq!(tree(&ledger.state.head.task), before);
            }
            Ok(change) => {
                let (task, events) = expected(&before, &wish, now.0);
                prop_assert_eq!(tree(&ledger.state.head.task), task);
                prop_assert_eq!(data_and_types(&change.events), events);
                prop_assert_eq!(ledger.state.head.deadline, until);
            }
        }
    }

    #[test]
    fn resolving_is_blocked_to_running_with_a_result(life in life(), answer in "[0-9]{0,1}", object in any::<bool>()) {
        let mut ledger = Ledger::lived(&life);
        let before = tree(&ledger.state.head.task);
        let data = (!answer.is_empty()).then(|| match object {
            true => Json::parse(&format!(r#"{{"n":{answer}}}"#)).unwrap(),
            false => Json::parse(&answer).unwrap(),
        });
        let now = ledger.now.max(ledger.state.last_at);
        let result = match &data {
            Some(data) if object => tree(data),
            Some(data) => json!({ "resolution": tree(data) }),
            None => json!({ "resolution": null }),
        };
        match ledger.ask(&Command::Resolve { data }) {
            Err(refused) => {
                prop_assert_eq!(refused, Rejection::NotBlocked);
                prop_assert!(before["status"] != "blocked");
            }
            Ok(change) => {
                let result = Some(Json::parse(&result.to_string()).unwrap());
                let wish = Transition { result, ..Transition::to(TaskStatus::Running) };
                let (task, events) = expected(&before, &wish, now.0);
                prop_assert_eq!(tree(&ledger.state.head.task), task);
                prop_assert_eq!(data_and_types(&change.events), events);
            }
        }
    }

    #[test]
    fn timers_fire_when_they_are_due_and_never_before(life in life(), later in 0i64..5000) {
        let mut ledger = Ledger::lived(&life);
        ledger.now.0 += later;
        let head = std::sync::Arc::clone(&ledger.state.head);
        let before = tree(&head.task);
        let expired = head.deadline.is_some_and(|at| at <= ledger.now) && !head.task.status.is_terminal();
        let resumes = head.task.status == TaskStatus::Blocked && head.task.resume_at.is_some_and(|at| at <= ledger.now);
        let now = ledger.now.max(ledger.state.last_at);
        prop_assert_eq!(head.due_at().is_some_and(|at| at <= ledger.now), expired || resumes);
        match ledger.ask(&Command::Due) {
            Err(refused) => {
                prop_assert_eq!(refused, Rejection::NothingDue);
                prop_assert!(!expired && !resumes);
            }
            Ok(change) if expired => {
                let (mut task, _) = expected(&before, &Transition::to(TaskStatus::Timeout), now.0);
                put(&mut task, "assignedWorker", None);
                prop_assert_eq!(tree(&ledger.state.head.task), task);
                let only = vec![("taskcast:status".to_owned(), json!({ "status": "timeout" }))];
                prop_assert_eq!(data_and_types(&change.events), only);
                prop_assert_eq!(ledger.state.head.due_at(), None);
            }
            Ok(change) => {
                prop_assert!(resumes);
                let (task, events) = expected(&before, &Transition::to(TaskStatus::Running), now.0);
                prop_assert_eq!(tree(&ledger.state.head.task), task);
                prop_assert_eq!(data_and_types(&change.events), events);
                prop_assert_eq!(ledger.state.head.deadline, head.deadline);
            }
        }
    }
}

#[test]
fn paused_stops_the_clock_blocked_does_not_and_leaving_paused_restarts_the_full_time() {
    let mut ledger = Ledger::of(NewTask { ttl: Some(60), ..NewTask::default() }, Vec::new());
    let start = ledger.now.0;
    let mut go = |by: i64, to: TaskStatus| {
        ledger.now.0 += by;
        ledger.ask(&Command::Transition(Transition::to(to))).unwrap();
        ledger.state.head.deadline.map(|at| at.0 - start)
    };
    assert_eq!(go(10_000, TaskStatus::Running), Some(60_000));
    assert_eq!(go(10_000, TaskStatus::Blocked), Some(60_000));
    assert_eq!(go(10_000, TaskStatus::Paused), None);
    assert_eq!(go(500_000, TaskStatus::Blocked), Some(530_000 + 60_000));
    assert_eq!(go(1_000, TaskStatus::Running), Some(590_000));
    assert_eq!(go(1_000, TaskStatus::Cancelled), None);
}

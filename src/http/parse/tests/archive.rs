//! `POST /tasks/import`.

use serde_json::{Value, json};
use taskcast_actors::domain::archive::Archive;
use taskcast_actors::domain::{TaskStatus, Timestamp};

use super::super::BodyError;
use super::super::archive::{parse, preview};

fn event(index: u64) -> Value {
    json!({"id": format!("e{index}"), "taskId": "t", "index": index, "timestamp": 5, "type": "a", "level": "info",
        "data": null})
}

fn body() -> Value {
    json!({"archive": {"schema": "taskcast.taskArchive", "version": 1, "exportedAt": 1,
        "task": {"id": "t", "status": "running", "createdAt": 1, "updatedAt": 2},
        "events": [event(0), event(1)]}})
}

/// The body with the value at `pointer` replaced, or removed by `Value::Null` behind a `-`.
fn with(pointer: &str, value: Value) -> Value {
    let mut body = body();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(&format!("/archive{parent}")).unwrap();
    match (parent, name.strip_prefix('-')) {
        (Value::Object(members), Some(name)) => drop(members.remove(name)),
        (Value::Object(members), None) => drop(members.insert(name.to_owned(), value)),
        (Value::Array(items), _) => items[name.parse::<usize>().unwrap()] = value,
        _ => unreachable!(),
    }
    body
}

fn read(body: &Value) -> Result<(Archive, bool), BodyError> {
    parse(body.to_string().as_bytes())
}

#[test]
fn a_plain_archive_arrives() {
    let (archive, overwrite) = read(&body()).unwrap();
    assert_eq!((archive.task.id.as_str(), archive.task.status), ("t", TaskStatus::Running));
    assert_eq!((archive.task.created_at, archive.task.updated_at), (Timestamp(1), Timestamp(2)));
    assert_eq!((archive.events.len(), overwrite), (2, false));
    let mut body = body();
    body["overwrite"] = json!(true);
    assert!(read(&body).unwrap().1);
    body["overwrite"] = Value::Null;
    assert!(!read(&body).unwrap().1);
    body["overwrite"] = json!("true");
    assert_eq!(read(&body).unwrap_err().to_string(), "overwrite must be a boolean");
}

#[test]
fn all_fields_of_the_task_arrive_and_unknown_ones_are_dropped() {
    let task = json!({"id": "t", "status": "blocked", "createdAt": 1, "updatedAt": 2, "type": "y",
        "params": {"p": 1.0}, "metadata": {"m": []}, "result": {"r": null},
        "error": {"message": "m", "details": {"d": 1}}, "completedAt": 3, "ttl": 4, "tags": ["g"],
        "assignMode": "pull", "cost": 5, "assignedWorker": "w", "disconnectPolicy": "fail", "reason": "why",
        "resumeAt": 6, "blockedRequest": {"type": "q", "data": 7}, "webhooks": [{"url": "http://a"}],
        "cleanup": {"rules": [{"trigger": {}, "target": "all"}]},
        "authConfig": {"rules": [{"match": {"scope": ["*"]}, "require": {}}]}});
    let mut sent = task.clone();
    sent["hot"] = json!(true);
    sent["subscriberCount"] = json!("many");
    sent["webhooks"][0]["secret"] = json!("s");
    let (archive, _) = read(&with("/task", sent)).unwrap();
    assert_eq!(serde_json::to_value(&archive.task).unwrap(), task);
    assert_eq!(archive.task.webhooks.unwrap()[0].secret.as_ref().unwrap().0, "s");
}

#[test]
fn all_fields_of_an_event_arrive() {
    let event = json!({"id": "e / 0", "taskId": "t", "index": 0, "timestamp": 5, "type": "taskcast:status",
        "level": "error", "data": {"x": 0.10}, "seriesId": "", "seriesMode": "latest", "seriesAccField": "f",
        "clientId": "c", "clientSeq": 9});
    let mut sent = event.clone();
    sent["unknown"] = json!(1);
    sent["seriesSnapshot"] = Value::Null;
    let (archive, _) = read(&with("/events", json!([sent]))).unwrap();
    let mut raw = Vec::new();
    archive.events[0].write_raw(&mut raw);
    assert_eq!(serde_json::from_slice::<Value>(&raw).unwrap(), event);
}

#[test]
fn fractional_timestamps_are_cut() {
    let cases = [("1.9", 1), ("-1.9", -1), ("1e3", 1000), ("1.5E+2", 150), ("0.0", 0), ("-0", 0), ("7", 7)];
    for (number, expected) in cases {
        let number: Value = serde_json::from_str(number).unwrap();
        for name in ["createdAt", "updatedAt", "completedAt", "resumeAt"] {
            let (archive, _) = read(&with(&format!("/task/{name}"), number.clone())).unwrap();
            let task = serde_json::to_value(&archive.task).unwrap();
            assert_eq!(task[name], json!(expected), "{name} {number}");
        }
        let (archive, _) = read(&with("/events/0/timestamp", number)).unwrap();
        assert_eq!(archive.events[0].timestamp, Timestamp(expected));
    }
}

#[test]
fn events_are_sorted_by_index() {
    let (archive, _) = read(&with("/events", json!([event(2), event(0), event(1)]))).unwrap();
    let indexes: Vec<u64> = archive.events.iter().map(|event| event.index).collect();
    assert_eq!(indexes, [0, 1, 2]);
    assert!(read(&with("/events", json!([]))).unwrap().0.events.is_empty());
}

#[test]
fn indexes_have_no_gap_and_do_not_begin_above_0() {
    let text = "Archive events must have contiguous indexes from 0; expected";
    let cases = [(json!([event(1)]), "0, got 1"), (json!([event(3), event(0), event(1)]), "2, got 3")];
    for (events, expected) in cases {
        assert_eq!(read(&with("/events", events)).unwrap_err().to_string(), format!("{text} {expected}"));
    }
}

#[test]
fn unknown_forms_are_refused_with_their_name() {
    let cases = [
        ("/schema", json!("x"), "Unsupported archive schema: x"),
        ("/schema", json!(1), "Unsupported archive schema: 1"),
        ("/-schema", Value::Null, "Unsupported archive schema: undefined"),
        ("/version", json!(2), "Unsupported archive version: 2"),
        ("/version", json!("1"), "Unsupported archive version: 1"),
        ("/version", json!(1.0), "Unsupported archive version: 1.0"),
        ("/-version", Value::Null, "Unsupported archive version: undefined"),
    ];
    for (pointer, value, expected) in cases {
        let error = read(&with(pointer, value)).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.code()), (expected, "invalid_body"), "{pointer}");
    }
}

#[test]
fn archives_follow_their_rules() {
    let infinite: Value = serde_json::from_str("1e999").unwrap();
    let long = "x".repeat(257);
    let cases = [
        ("/exportedAt", json!("1"), "exportedAt must be a finite number"),
        ("/exportedAt", infinite.clone(), "exportedAt must be a finite number"),
        ("/-exportedAt", Value::Null, "exportedAt is required"),
        ("/task", json!([]), "task must be an object"),
        ("/-task", Value::Null, "task is required"),
        ("/events", json!({}), "events must be an array"),
        ("/-events", Value::Null, "events is required"),
        ("/task/id", json!("a/b"), "task.id must be 1 to 256 bytes"),
        ("/task/status", json!("done"), "task.status must be one of"),
        ("/task/createdAt", Value::Null, "task.createdAt is required"),
        ("/task/createdAt", json!(true), "task.createdAt must be a finite number"),
        ("/task/updatedAt", infinite, "task.updatedAt must be a finite number"),
        ("/task/completedAt", json!("x"), "task.completedAt must be a finite number"),
        ("/task/result", json!(1), "task.result must be an object"),
        ("/task/ttl", json!(0), "Invalid TTL: 0."),
        ("/task/assignedWorker", json!(1), "task.assignedWorker must be a string"),
        ("/task/blockedRequest", json!({}), "task.blockedRequest.type is required"),
        ("/task/webhooks", json!([{}]), "task.webhooks[0].url is required"),
        ("/events/1", json!(1), "events[1] must be an object"),
        ("/events/1/id", json!(""), "events[1].id must be 1 to 256 bytes"),
        ("/events/1/id", json!(long), "events[1].id must be 1 to 256 bytes"),
        ("/events/1/id", json!("a\u{7f}"), "events[1].id must be 1 to 256 bytes"),
        ("/events/1/id", json!("e0"), "events[1].id must be unique"),
        ("/events/1/index", json!(0), "events[1].index must be unique"),
        ("/events/1/index", json!(-1), "events[1].index must be at least 0"),
        ("/events/1/index", json!(1.0), "events[1].index must be an integer"),
        ("/events/1/taskId", json!("u"), "events[1].taskId must be the id of the archive's task"),
        ("/events/1/timestamp", json!("5"), "events[1].timestamp must be a finite number"),
        ("/events/1/type", json!(5), "events[1].type must be a string"),
        ("/events/1/level", Value::Null, "events[1].level is required"),
        ("/events/1/-data", Value::Null, "events[1].data is required"),
        ("/events/1/seriesMode", json!("x"), "events[1].seriesMode must be one of"),
        ("/events/1/seriesId", json!(1), "events[1].seriesId must be a string"),
        ("/events/1/clientId", json!("c"), "events[1].clientSeq is required"),
        ("/events/1/seriesSnapshot", json!(false), "events[1].seriesSnapshot must not be"),
        ("/events/1/_accumulatedData", json!({}), "events[1]._accumulatedData must not be"),
    ];
    for (pointer, value, expected) in cases {
        let error = read(&with(pointer, value)).unwrap_err().to_string();
        let shown = error.strip_prefix("archive.").unwrap_or(&error);
        assert!(shown.starts_with(expected), "{pointer}: {error}");
    }
    assert_eq!(parse(b"{}").unwrap_err().to_string(), "archive is required");
}

#[test]
fn a_preview_finds_the_task_in_a_body_that_need_not_be_valid() {
    let body = r#"{"archive":{"task":{"id":"a/b","webhooks":[1]},"events":7}}"#;
    let seen = preview(body.as_bytes()).unwrap();
    assert_eq!((seen.id.as_deref(), seen.has_webhooks), (Some("a/b"), true));
    for body in ["1", "{}", r#"{"archive":{}}"#, r#"{"archive":{"task":[]}}"#] {
        assert_eq!(preview(body.as_bytes()).unwrap(), Default::default(), "{body}");
    }
    assert_eq!(preview(b"{\"archive\":"), Err(BodyError::Malformed));
}

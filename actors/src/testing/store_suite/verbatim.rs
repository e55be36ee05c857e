//! What came in comes back, byte for byte.

use std::sync::Arc;

use super::fixtures::*;
use crate::domain::retention::Cleanup;
use crate::domain::{
    AssignMode, BlockedRequest, Change, ClientSeq, DisconnectPolicy, EventId, Head, Json, Level, NewTask,
    Secret, Series, SeriesMode, Stamp, TaskError, TaskEvent, TaskStatus, Timestamp, Webhook,
};
use crate::ports::{NewLog, Slot};

/// Values that careless stores change.
const VALUES: [&str; 16] = [
    "null",
    "true",
    "0",
    "-0",
    "1.0",
    "1e400",
    "12345678901234567890",
    "-0.12345678901234567890123",
    "\"\"",
    r#""\u00e9é\"\\\/\b\f\n\r\t \u2028""#,
    r#""\ud83d\ude00😀""#,
    "[]",
    "{}",
    r#"{"z":1,"a":2,"m":{"z":[],"a":{}}}"#,
    r#"{"":"","10":1,"9":2,"__proto__":3}"#,
    r#"[[],[[]],{"a":[{}]},1.50,100000000000000000000]"#,
];

fn json(text: &str) -> Json {
    Json::parse(text).expect("a value in the suite is JSON")
}

/// In events as well as in every field of a task that holds user JSON.
pub async fn user_json_comes_back_byte_for_byte(store: Store) {
    let mut stamp = create(&store, "a").await;
    for (index, text) in (0..).zip(VALUES) {
        let mut head = head("a", 1);
        head.task.params = Some(json(&format!(r#"{{"":[{text}]}}"#)));
        head.task.result = Some(json(&format!(r#"{{"v":{text}}}"#)));
        let events = vec![Arc::new(TaskEvent { data: json(text), ..event("a", index) })];
        let change = Change { head: Some(Arc::new(head.clone())), events, ..Change::empty(id("a"), stamp) };
        stamp = commit(&store, change).await;
        let (read, _) = store.head(&id("a")).await.expect("it is read").expect("it is there");
        assert_eq!(*read, head);
        let Slot::Visible(event) = slot(&store, "a", index).await else { panic!("it is visible") };
        assert_eq!(event.data.as_str(), text);
    }
}

/// In the log, in the head, and next to small ones.
pub async fn a_megabyte_comes_back_byte_for_byte(store: Store) {
    let large = json(&format!("\"{}\"", "0123456é\\n".repeat(104_858)));
    assert!(large.as_str().len() > 1 << 20);
    let mut head = head("a", 1);
    head.task.params = Some(large.clone());
    store.create(log_of(head.clone())).await.expect("the id is free");
    let mut change = append("a", at(0), 3);
    Arc::make_mut(&mut change.events[1]).data = large;
    let expected = change.events.clone();
    commit(&store, change).await;
    assert_log(&store, "a", at(3), &expected).await;
    let (read, _) = store.head(&id("a")).await.expect("it is read").expect("it is there");
    assert!(*read == head);
}

/// With every level, every mode, and texts that are empty or strange.
pub async fn every_field_of_an_event_comes_back(store: Store) {
    let series = |id: Option<&str>, mode, field: Option<&str>| {
        Some(Box::new(Series { id: id.map(Into::into), mode, acc_field: field.map(Into::into) }))
    };
    let client = |id: &str, seq| Some(Box::new(ClientSeq { id: id.into(), seq }));
    let mut events: Vec<TaskEvent> = (0..8).map(|index| event("a", index)).collect();
    for (event, level) in events.iter_mut().zip(Level::ALL) {
        event.level = level;
    }
    events[0].series = series(Some("s"), Some(SeriesMode::Accumulate), Some("text"));
    events[1].series = series(Some("Ünï\n"), Some(SeriesMode::Latest), None);
    events[2].series = series(Some(""), Some(SeriesMode::KeepAll), Some(""));
    events[3].series = series(None, None, Some("delta"));
    events[4].series = series(None, Some(SeriesMode::Accumulate), None);
    events[4].client = client("", 0);
    events[5].client = client("😀", u64::MAX);
    events[5].event_type = "".into();
    events[6].event_type = "taskcast:status".into();
    events[6].snapshot = true;
    events[7].id = EventId::from_text("an id of somebody else");
    events[7].timestamp = Timestamp(-1);
    let events: Vec<Arc<TaskEvent>> = events.into_iter().map(Arc::new).collect();
    let head = Head { imported: true, ..head("a", 1) };
    store.create(NewLog { events: events.clone(), ..log_of(head) }).await.expect("the id is free");
    assert_log(&store, "a", at(8), &events).await;
}

/// A head with something in every field.
fn full_head() -> Head {
    let webhook = |url: &str, secret: Option<&str>| Webhook {
        url: url.to_owned(),
        filter: Some(json(r#"{"types":["a.*"]}"#)),
        secret: secret.map(|secret| Secret(secret.to_owned())),
        wrap: Some(false),
        retry: Some(json(r#"{"retries":1e2}"#)),
    };
    let rules = r#"{"rules":[{"name":"old","trigger":{"afterMs":5},"target":"events"}]}"#;
    let cleanup: Cleanup = serde_json::from_str(rules).expect("a rule");
    let new = NewTask {
        task_type: Some("llm.chat".to_owned()),
        params: Some(json(r#"{"z":12345678901234567890,"a":[]}"#)),
        metadata: Some(json("{}")),
        ttl: Some(u32::MAX),
        tags: Some(vec!["x".to_owned(), String::new(), "\"é\"".to_owned()]),
        assign_mode: Some(AssignMode::WsRace),
        cost: Some(3),
        disconnect_policy: Some(DisconnectPolicy::Fail),
        webhooks: Some(vec![
            webhook("https://a.test/", Some("s3cret \"é\"")),
            webhook("http://b.test", None),
        ]),
        cleanup: Some(cleanup),
        auth_config: Some(json(r#"{"rules":[]}"#)),
        ..NewTask::default()
    };
    let mut head = new.into_head(id("Ünï 😀 %2e"), Timestamp(5));
    head.task.status = TaskStatus::Blocked;
    head.task.updated_at = Timestamp(i64::MAX);
    head.task.result = Some(json(r#"{"n":1.0}"#));
    let error = TaskError { message: String::new(), code: Some("E".to_owned()), details: Some(json("{}")) };
    head.task.error = Some(Box::new(error));
    head.task.completed_at = Some(Timestamp(-1));
    head.task.assigned_worker = Some("w".to_owned());
    head.task.reason = Some("because".to_owned());
    head.task.resume_at = Some(Timestamp(77));
    let request = BlockedRequest { request_type: "ask".to_owned(), data: Some(json("[null]")) };
    head.task.blocked_request = Some(Box::new(request));
    head.deadline = Some(Timestamp(99));
    head.cleanup_at = Some(Timestamp(88));
    head.cleaned = vec![0, u64::MAX];
    head.imported = true;
    head
}

/// From a create as well as from a commit, by every way to read it.
pub async fn every_field_of_a_head_comes_back_with_its_secrets(store: Store) {
    let full = full_head();
    let name = full.task.id.as_str();
    store.create(log_of(full.clone())).await.expect("the id is free");
    let mut bare = NewTask::default().into_head(id(name), Timestamp(5));
    bare.task.tags = Some(Vec::new());
    let mut stamp = at(0);
    for head in [full.clone(), bare, full.clone()] {
        let change = Change { head: Some(Arc::new(head.clone())), ..Change::empty(id(name), stamp) };
        stamp = commit(&store, change).await;
        let loaded = store.load(&id(name)).await.expect("it is read").expect("it is there");
        assert_eq!(*loaded.head, head);
        let query = crate::ports::TaskQuery { limit: 1, ..Default::default() };
        let listing = store.list(&query).await.expect("it is listed");
        assert_eq!(listing.tasks, [Arc::new(head)]);
    }
    let (read, _) = store.head(&id(name)).await.expect("it is read").expect("it is there");
    let secret = read.task.webhooks.as_ref().and_then(|hooks| hooks[0].secret.as_ref());
    assert_eq!(secret.map(|secret| &*secret.0), Some("s3cret \"é\""));
}

/// Incarnations are any 64 bits, times any signed ones.
pub async fn numbers_come_back_up_to_the_largest(store: Store) {
    for (name, incarnation, time) in [("a", u64::MAX, i64::MAX), ("b", 0, i64::MIN), ("c", 1 << 63, 0)] {
        let log = NewLog { incarnation, ..log_of(head(name, time)) };
        store.create(log).await.expect("the id is free");
        let stamp = Stamp { incarnation, version: 0, revision: 0 };
        let change = Change { events: events(name, 0..1), ..Change::empty(id(name), stamp) };
        let next = commit(&store, change).await;
        let (read, at) = store.head(&id(name)).await.expect("it is read").expect("it is there");
        assert_eq!((read.task.created_at, at), (Timestamp(time), next));
        assert_eq!(store.delete(&id(name), incarnation).await, Ok(true));
    }
}

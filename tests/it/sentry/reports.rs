//! What each hook reports, through a transport that keeps everything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sentry::protocol::{EnvelopeItem, Event, Transaction};
use sentry::test::TestTransport;
use sentry::{Client, ClientOptions};
use taskcast::sentry::{SentryHooks, SentryOptions};
use taskcast_actors::domain::{Json, NewEvent, NewTask, Task, TaskError, TaskId, TaskStatus, Timestamp};
use taskcast_actors::ports::TaskHooks;

/// Hooks that want `options`, and where their reports go.
fn hooks(options: SentryOptions) -> (SentryHooks, Arc<TestTransport>) {
    let transport = TestTransport::new();
    let client = ClientOptions::new().dsn("https://key@sentry.invalid/1").traces_sample_rate(1.0);
    let client = Client::from(client.default_integrations(false).transport(Arc::clone(&transport)));
    (SentryHooks::new(Arc::new(client), options), transport)
}

fn id() -> TaskId {
    TaskId::parse("t-1").unwrap()
}

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// A task in `status` whose params are a secret.
fn task(status: TaskStatus, error: Option<TaskError>) -> Task {
    let new = NewTask { params: Some(json(r#"{"key":"s3cret"}"#)), ..NewTask::default() };
    Task { status, error: error.map(Box::new), ..new.into_head(id(), Timestamp(0)).task }
}

fn boom(code: Option<&str>) -> Option<TaskError> {
    let details = Some(json(r#"{"more":"s3cret"}"#));
    Some(TaskError { message: "boom".into(), code: code.map(str::to_owned), details })
}

/// Calls every hook once.
fn tell_everything(hooks: &SentryHooks) {
    hooks.on_task_failed(&task(TaskStatus::Failed, boom(None)));
    hooks.on_task_timeout(&task(TaskStatus::Timeout, None));
    hooks.on_unhandled_error("GET /tasks/{task}", Some(&id()), "it broke");
    hooks.on_event_dropped(&id(), &NewEvent::new("note", json(r#"{"n":"s3cret"}"#)), "no room");
    hooks.on_webhook_failed(&id(), "hooks.example", "410 Gone");
    hooks.on_storage_error("commit", Some(&id()), "redisCommand unavailable (timeout)");
    hooks.on_broadcast_error(Some(&id()), "bus unavailable");
    hooks.on_sse_connect(Some(&id()));
    hooks.on_sse_disconnect(Some(&id()), Duration::from_secs(90));
    hooks.on_publish(&id(), 3, Duration::from_millis(250));
}

fn events(transport: &TestTransport) -> Vec<Event<'static>> {
    transport.fetch_and_clear_events()
}

fn transactions(transport: &TestTransport) -> Vec<Transaction<'static>> {
    let envelopes = transport.fetch_and_clear_envelopes();
    let items = envelopes.iter().flat_map(|envelope| envelope.items().cloned());
    items
        .filter_map(|item| match item {
            EnvelopeItem::Transaction(transaction) => Some(*transaction),
            _ => None,
        })
        .collect()
}

/// What each report is called, in order.
fn names(transport: &TestTransport) -> Vec<String> {
    let named = |item: &EnvelopeItem| match item {
        EnvelopeItem::Event(event) => Some(match event.exception.first() {
            Some(exception) => exception.ty.clone(),
            None => event.message.clone().unwrap().split(" [").next().unwrap().to_owned(),
        }),
        EnvelopeItem::Transaction(transaction) => transaction.name.clone(),
        _ => None,
    };
    let envelopes = transport.fetch_and_clear_envelopes();
    envelopes.iter().flat_map(|envelope| envelope.items()).filter_map(named).collect()
}

fn tags(event: &Event<'_>) -> BTreeMap<String, String> {
    event.tags.clone().into_iter().collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

const CAPTURED: [&str; 7] = [
    "Task failed",
    "Task timed out",
    "UnhandledError",
    "Event dropped",
    "WebhookError",
    "StorageError",
    "BroadcastError",
];
const TRACED: [&str; 2] = ["GET /tasks/:id/events", "publish"];

#[test]
fn by_default_everything_that_went_wrong_is_reported_and_nothing_else() {
    let (hooks, transport) = hooks(SentryOptions::default());
    tell_everything(&hooks);
    assert_eq!(names(&transport), CAPTURED);
    assert!(!hooks.wants_publishes());
}

/// An option, how it is set, and what it is about.
type Case = (&'static str, fn(&mut SentryOptions, bool), &'static [&'static str]);

const OPTIONS: [Case; 8] = [
    ("captureTaskFailures", |all, on| all.capture_task_failures = on, &["Task failed"]),
    ("captureTaskTimeouts", |all, on| all.capture_task_timeouts = on, &["Task timed out"]),
    ("captureUnhandledErrors", |all, on| all.capture_unhandled_errors = on, &["UnhandledError"]),
    ("captureDroppedEvents", |all, on| all.capture_dropped_events = on, &["Event dropped", "WebhookError"]),
    ("captureStorageErrors", |all, on| all.capture_storage_errors = on, &["StorageError"]),
    ("captureBroadcastErrors", |all, on| all.capture_broadcast_errors = on, &["BroadcastError"]),
    ("traceSSEConnections", |all, on| all.trace_sse_connections = on, &["GET /tasks/:id/events"]),
    ("traceEventPublish", |all, on| all.trace_event_publish = on, &["publish"]),
];

#[test]
fn each_option_switches_exactly_its_kind() {
    let mut everything = SentryOptions::default();
    OPTIONS.iter().for_each(|(_, set, _)| set(&mut everything, true));
    let mut nothing = everything;
    OPTIONS.iter().for_each(|(_, set, _)| set(&mut nothing, false));
    let all = [CAPTURED.as_slice(), &TRACED].concat();
    for (option, set, about) in OPTIONS {
        let (mut without, mut alone) = (everything, nothing);
        set(&mut without, false);
        set(&mut alone, true);
        let (off, transport) = hooks(without);
        tell_everything(&off);
        let rest: Vec<_> = all.iter().filter(|name| !about.contains(name)).copied().collect();
        assert_eq!(names(&transport), rest, "without {option}");
        assert_eq!(off.wants_publishes(), option != "traceEventPublish");
        let (on, transport) = hooks(alone);
        tell_everything(&on);
        assert_eq!(names(&transport), about, "with nothing but {option}");
    }
}

#[test]
fn a_failed_task_is_reported_with_its_error_and_its_code() {
    let (hooks, transport) = hooks(SentryOptions::default());
    let cases = [
        (boom(Some("E42")), "Task failed [t-1]: boom", "E42"),
        (boom(None), "Task failed [t-1]: boom", "unknown"),
        (None, "Task failed [t-1]: no error was given", "unknown"),
    ];
    for (error, message, code) in cases {
        hooks.on_task_failed(&task(TaskStatus::Failed, error));
        let [event] = events(&transport).try_into().unwrap();
        assert_eq!(event.message.as_deref(), Some(message));
        assert_eq!(tags(&event), pairs([("taskId", "t-1"), ("status", "failed"), ("errorCode", code)]));
        assert_eq!(event.level, sentry::Level::Error);
    }
}

#[test]
fn a_task_whose_time_is_over_is_reported_with_its_status() {
    let (hooks, transport) = hooks(SentryOptions::default());
    hooks.on_task_timeout(&task(TaskStatus::Timeout, None));
    let [event] = events(&transport).try_into().unwrap();
    assert_eq!(event.message.as_deref(), Some("Task timed out [t-1]"));
    assert_eq!(tags(&event), pairs([("taskId", "t-1"), ("status", "timeout")]));
}

#[test]
fn a_dropped_event_is_reported_with_its_type_and_the_reason() {
    let (hooks, transport) = hooks(SentryOptions::default());
    hooks.on_event_dropped(&id(), &NewEvent::new("note", Json::null()), "no room");
    let [event] = events(&transport).try_into().unwrap();
    assert_eq!(event.message.as_deref(), Some("Event dropped [t-1]: no room"));
    assert_eq!(tags(&event), pairs([("taskId", "t-1"), ("eventType", "note")]));
}

#[test]
fn errors_are_reported_themselves_with_what_they_are_about() {
    let (hooks, transport) = hooks(SentryOptions::default());
    hooks.on_unhandled_error("POST /tasks", None, "it broke");
    hooks.on_unhandled_error("task", Some(&id()), "it panicked");
    hooks.on_webhook_failed(&id(), "hooks.example", "410 Gone");
    hooks.on_storage_error("commit", Some(&id()), "gone away");
    hooks.on_broadcast_error(None, "lost");
    let task = ("taskId", "t-1");
    let expected = [
        ("UnhandledError", "it broke", pairs([("operation", "POST /tasks")])),
        ("UnhandledError", "it panicked", pairs([("operation", "task"), task])),
        ("WebhookError", "410 Gone", pairs([("host", "hooks.example"), task])),
        ("StorageError", "gone away", pairs([("operation", "commit"), task])),
        ("BroadcastError", "lost", pairs([])),
    ];
    let reported = events(&transport);
    assert_eq!(reported.len(), expected.len());
    for (event, (kind, text, expected)) in reported.iter().zip(expected) {
        let exception = event.exception.first().unwrap();
        assert_eq!((exception.ty.as_str(), exception.value.as_deref()), (kind, Some(text)));
        assert_eq!(tags(event), expected, "{kind}");
    }
}

#[test]
fn payloads_are_sent_only_if_that_is_wanted() {
    for send_payloads in [false, true] {
        let (hooks, transport) = hooks(SentryOptions { send_payloads, ..SentryOptions::default() });
        tell_everything(&hooks);
        let reported = events(&transport);
        let extra = |place: usize| serde_json::to_value(&reported[place].extra).unwrap();
        let (failed, dropped) = (extra(0), extra(3));
        let all = format!("{reported:?}");
        if send_payloads {
            let params = serde_json::json!({"params": {"key": "s3cret"}, "errorDetails": {"more": "s3cret"}});
            assert_eq!((failed, dropped), (params, serde_json::json!({"data": {"n": "s3cret"}})));
        } else {
            assert!(!all.contains("s3cret"), "{all}");
        }
    }
}

#[test]
fn what_is_too_large_for_a_report_is_cut() {
    let (hooks, transport) = hooks(SentryOptions { send_payloads: true, ..SentryOptions::default() });
    let long = "ä".repeat(1 << 20);
    let params = Some(json(&format!("\"{long}\"")));
    let error = TaskError { message: long.clone(), code: Some(long.clone()), details: None };
    hooks.on_task_failed(&Task { params, ..task(TaskStatus::Failed, Some(error)) });
    hooks.on_event_dropped(&id(), &NewEvent::new(&long, json(&format!("\"{long}\""))), &long);
    for event in events(&transport) {
        let size = serde_json::to_vec(&event).unwrap().len();
        assert!(size < 16 * 1024, "{size}");
        assert!(format!("{:?}", event.extra).contains("bytes, too large for a report"));
    }
}

#[test]
fn a_stream_and_a_publish_become_transactions_that_took_as_long_as_they_did() {
    let options =
        SentryOptions { trace_sse_connections: true, trace_event_publish: true, ..SentryOptions::default() };
    let (hooks, transport) = hooks(options);
    hooks.on_sse_connect(Some(&id()));
    hooks.on_sse_disconnect(Some(&id()), Duration::from_secs(90));
    hooks.on_sse_disconnect(None, Duration::from_secs(5));
    hooks.on_publish(&id(), 3, Duration::from_millis(250));
    let sent = transactions(&transport);
    let shown: Vec<_> = sent
        .iter()
        .map(|sent| {
            let took = sent.timestamp.unwrap().duration_since(sent.start_timestamp).unwrap();
            (sent.name.as_deref().unwrap(), sent.tags.get("taskId").map(String::as_str), took)
        })
        .collect();
    let expected = [
        ("GET /tasks/:id/events", Some("t-1"), Duration::from_secs(90)),
        ("GET /events", None, Duration::from_secs(5)),
        ("publish", Some("t-1"), Duration::from_millis(250)),
    ];
    assert_eq!(shown, expected);
    assert_eq!(sent[2].extra.get("events"), Some(&3.into()));
}

#[test]
fn an_error_that_lasts_is_reported_once_for_each_operation() {
    let (hooks, transport) = hooks(SentryOptions::default());
    for _ in 0..100 {
        hooks.on_storage_error("commit", Some(&id()), "gone away");
        hooks.on_storage_error("head", None, "gone away");
        hooks.on_broadcast_error(None, "gone away");
    }
    assert_eq!(names(&transport), ["StorageError", "StorageError", "BroadcastError"]);
}

#[test]
fn reports_of_one_cause_are_one_issue_whatever_ids_they_name() {
    let (hooks, transport) = hooks(SentryOptions::default());
    let other = |task: Task| Task { id: TaskId::parse("t-2").unwrap(), ..task };
    hooks.on_task_failed(&task(TaskStatus::Failed, boom(Some("E1"))));
    hooks.on_task_failed(&other(task(TaskStatus::Failed, boom(Some("E1")))));
    hooks.on_task_failed(&task(TaskStatus::Failed, boom(Some("E2"))));
    let groups: Vec<_> = events(&transport).into_iter().map(|event| event.fingerprint).collect();
    assert_eq!(groups[0], groups[1]);
    assert_ne!(groups[0], groups[2]);
}

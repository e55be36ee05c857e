//! What the HTTP service tells hooks: streams, and requests that went wrong. Over a real socket.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;
use taskcast::config::{Config, Storage};
use taskcast::http::Service;
use taskcast_actors::ports::TaskStore;
use taskcast_actors::testing::{Fault, FaultyStore, Operation};

use crate::support::embedded::embedded;
use crate::support::engine::{be_quiet_about_intended_panics, memory, undisturbed, wait_until};
use crate::support::hooks::{Broken, Recorder};
use crate::support::{Answer, Stream, Wire};

/// The service over `store`, whose hooks write down what they are told, for as long as `test` runs.
fn served<F: Future<Output = ()>>(
    store: Arc<dyn TaskStore>,
    test: impl FnOnce(SocketAddr, Arc<Recorder>) -> F,
) {
    be_quiet_about_intended_panics();
    actix_web::rt::System::new().block_on(async {
        let config = Config { storage: Storage::Memory, ..Config::default() };
        let (other, parts) = taskcast::app::start_engine(&config).await.unwrap();
        other.stop().await;
        let told = Recorder::new();
        let engine = undisturbed(store).hooks(Arc::clone(&told)).start().unwrap();
        let service = Service::new(engine, parts, &config).unwrap();
        embedded("/api", service, |address| test(address, told)).await;
    });
}

async fn ask(address: SocketAddr, request: &str, body: &str) -> Answer {
    let (method, path) = request.split_once(' ').unwrap();
    Wire::connect(address).await.call(method, path, &[], body.as_bytes()).await.unwrap()
}

#[test]
fn a_stream_is_told_when_it_begins_and_when_it_ends_whoever_ends_it() {
    served(memory(), |address, told| async move {
        for id in ["ends", "left"] {
            ask(address, "POST /api/tasks", &json!({"id": id}).to_string()).await.ok(201);
        }
        let mut ends = Stream::open(address, "/api/tasks/ends/events").await;
        told.until("connect ends").await;
        let all = Stream::open(address, "/api/events").await;
        told.until("connect -").await;
        let left = Stream::open(address, "/api/tasks/left/events").await;
        told.until("connect left").await;
        assert_eq!(told.of("disconnect"), Vec::<String>::new());
        ask(address, "PATCH /api/tasks/ends/status", r#"{"status":"cancelled"}"#).await.ok(200);
        ends.rest().await;
        told.until("disconnect ends").await;
        drop(left);
        told.until("disconnect left").await;
        drop(all);
        told.until("disconnect -").await;
        assert_eq!(told.lines().len(), 6, "{:?}", told.lines());
    });
}

#[test]
fn a_stream_that_cannot_begin_and_one_that_is_only_asked_about_are_not_told() {
    served(memory(), |address, told| async move {
        assert_eq!(ask(address, "GET /api/tasks/nobody/events", "").await.status, 404);
        ask(address, "POST /api/tasks", r#"{"id":"t"}"#).await.ok(201);
        let head = b"HEAD /api/tasks/t/events HTTP/1.1\r\nhost: a\r\n\r\n";
        let mut wire = Wire::connect(address).await;
        wire.send(head).await.unwrap();
        assert_eq!(wire.head().await.unwrap().status, 200);
        let stream = Stream::open(address, "/api/tasks/t/events").await;
        told.until("connect t").await;
        assert_eq!(told.lines(), ["connect t"]);
        drop(stream);
    });
}

#[test]
fn an_answer_of_500_is_told_with_its_route_and_its_task() {
    served(Broken::corrupt(), |address, told| async move {
        let answer = ask(address, "GET /api/tasks/t", "").await;
        answer.refused(500, "internal_error", "Internal Server Error");
        told.until("unhandled GET /tasks/{task} t: stored data cannot be read").await;
        assert_eq!(ask(address, "GET /api/tasks", "").await.status, 500);
        told.until("unhandled GET /tasks -: stored data cannot be read").await;
        assert_eq!(told.of("unhandled").len(), 2);
    });
}

#[test]
fn a_server_that_is_unavailable_is_no_unhandled_error() {
    served(Broken::unavailable(), |address, told| async move {
        assert_eq!(ask(address, "GET /api/tasks/t", "").await.status, 503);
        told.until("storage head t: postgres unavailable (timeout)").await;
        assert_eq!(ask(address, "POST /api/tasks/t/events", r#"{"type":"note"}"#).await.status, 503);
        told.until("dropped t note: postgres unavailable (timeout)").await;
        assert_eq!(told.of("unhandled"), Vec::<String>::new());
    });
}

#[test]
fn an_endpoint_that_panics_answers_500_and_is_told_and_the_next_one_works() {
    let store = Arc::new(FaultyStore::new(memory()));
    served(Arc::clone(&store) as _, |address, told| async move {
        ask(address, "POST /api/tasks", r#"{"id":"t"}"#).await.ok(201);
        store.fail_next(Operation::Read, Fault::PanicBefore);
        let answer = ask(address, "GET /api/tasks/t?token=s3cret", "").await;
        answer.refused(500, "internal_error", "Internal Server Error");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert!(answer.header("x-request-id").is_some_and(|id| id.len() == 26));
        told.until("unhandled GET /api/tasks/t -: the endpoint panicked").await;
        ask(address, "GET /api/tasks/t", "").await.ok(200);
        assert_eq!(told.lines().len(), 1);
    });
}

#[test]
fn a_task_that_kills_its_actor_again_and_again_is_told_as_both() {
    let store = Arc::new(FaultyStore::new(memory()));
    served(Arc::clone(&store) as _, |address, told| async move {
        ask(address, "POST /api/tasks", r#"{"id":"t"}"#).await.ok(201);
        (0..6).for_each(|_| store.fail_next(Operation::Write, Fault::PanicBefore));
        assert_eq!(ask(address, "POST /api/tasks/t/events", r#"{"type":"note"}"#).await.status, 500);
        told.until("unhandled POST /tasks/{task}/events t: the task could not handle this").await;
        let panics = || told.lines().into_iter().filter(|line| line.ends_with("the task's actor panicked"));
        wait_until("all panics are told", || async { panics().count() == 6 }).await;
    });
}

#[test]
fn calls_of_hooks_that_were_left_out_are_a_metric() {
    served(memory(), |address, _| async move {
        let metrics = ask(address, "GET /api/metrics", "").await;
        assert!(metrics.text().contains("\ntaskcast_hook_notices_dropped_total 0\n"), "{}", metrics.text());
    });
}

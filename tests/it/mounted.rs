//! The whole API under a prefix of another server, over a real socket.

use std::net::SocketAddr;

use serde_json::{Value, json};
use taskcast::config::{Config, Storage};
use taskcast::http::Service;

use crate::support::embedded::embedded;
use crate::support::{Answer, Wire};

/// An embedder with a route of its own and the API under `prefix`, for as long as `test` runs.
fn mounted<F: Future<Output = ()>>(prefix: &'static str, test: impl FnOnce(SocketAddr) -> F) {
    actix_web::rt::System::new().block_on(async {
        let config = Config { storage: Storage::Memory, ..Config::default() };
        let (engine, parts) = taskcast::app::start_engine(&config).await.unwrap();
        embedded(prefix, Service::new(engine, parts, &config).unwrap(), test).await;
    });
}

/// One request on a connection of its own, as `method path`.
async fn ask(address: SocketAddr, request: &str, body: &str) -> Answer {
    let (method, path) = request.split_once(' ').unwrap();
    Wire::connect(address).await.call(method, path, &[], body.as_bytes()).await.unwrap()
}

async fn ask_json(address: SocketAddr, request: &str, body: Value) -> (u16, Value) {
    let answer = ask(address, request, &body.to_string()).await;
    (answer.status, answer.json())
}

async fn goes_through_a_whole_task(address: SocketAddr, prefix: &str) {
    let at = |method: &str, path: &str| format!("{method} {prefix}{path}");
    let (status, task) = ask_json(address, &at("POST", "/tasks"), json!({"id": "a b%"})).await;
    assert_eq!((status, &task["id"]), (201, &json!("a b%")));
    let path = "/tasks/a%20b%25";
    let (status, _) =
        ask_json(address, &at("PATCH", &format!("{path}/status")), json!({"status": "running"})).await;
    assert_eq!(status, 200);
    let event = json!({"type": "note", "data": 1, "clientId": "me/1", "clientSeq": 4});
    let (status, stored) = ask_json(address, &at("POST", &format!("{path}/events")), event).await;
    assert_eq!((status, &stored["index"]), (201, &json!(1)));
    let (status, seq) = ask_json(address, &at("GET", &format!("{path}/seq/me%2F1")), json!({})).await;
    assert_eq!((status, seq), (200, json!({"clientId": "me/1", "expectedSeq": 5})));
    let (_, task) =
        ask_json(address, &at("PATCH", &format!("{path}/status")), json!({"status": "completed"})).await;
    assert_eq!(task["status"], "completed");
    let answer = ask(address, &at("GET", &format!("{path}/events")), "").await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let stream = answer.text();
    assert!(stream.contains(r#""type":"note""#) && stream.contains("event: taskcast.done"), "{stream}");
    let (status, history) = ask_json(address, &at("GET", &format!("{path}/events/history")), json!({})).await;
    assert_eq!((status, history.as_array().map(Vec::len)), (200, Some(3)));
    assert_eq!(ask(address, &at("DELETE", path), "").await.status, 204);
    assert_eq!(ask(address, &at("GET", path), "").await.status, 404);
}

#[test]
fn the_api_under_a_prefix_is_the_whole_api() {
    mounted("/streams", |address| goes_through_a_whole_task(address, "/streams"));
}

#[test]
fn a_prefix_may_look_like_the_api_or_take_part_of_the_path() {
    mounted("/tasks/{tenant}/tasks", |address| goes_through_a_whole_task(address, "/tasks/x%2Fy/tasks"));
}

#[test]
fn an_id_under_a_prefix_is_one_segment_decoded_once() {
    mounted("/streams", |address| async move {
        for id in ["a%25", "%2541", "import"] {
            let decoded = id.replace("%25", "%");
            let (status, _) = ask_json(address, "POST /streams/tasks", json!({"id": decoded})).await;
            assert_eq!(status, 201, "{id}");
            let (status, task) = ask_json(address, &format!("GET /streams/tasks/{id}"), json!({})).await;
            assert_eq!((status, &task["id"]), (200, &json!(decoded)), "{id}");
        }
        for id in ["a%2Fb", "%2E%2E", ".", "%0A", "%FF%00", &"x".repeat(257)] {
            for request in [format!("GET /streams/tasks/{id}"), format!("POST /streams/tasks/{id}/events")] {
                let (status, error) = ask_json(address, &request, json!({"type": "note"})).await;
                assert_eq!((status, &error["code"]), (404, &json!("task_not_found")), "{request}");
            }
        }
    });
}

#[test]
fn what_is_not_under_the_prefix_is_the_embedders() {
    mounted("/streams", |address| async move {
        let own = ask(address, "GET /tasks/own", "").await;
        assert_eq!((own.status, own.text()), (200, "the embedder's"));
        assert_eq!(own.header("access-control-allow-origin"), None);
        assert_eq!(ask(address, "POST /tasks", "{}").await.status, 404);
        let (status, error) = ask_json(address, "GET /streams/nothing", json!({})).await;
        assert_eq!((status, &error["code"]), (404, &json!("not_found")));
        let (status, error) = ask_json(address, "PUT /streams/tasks", json!({})).await;
        assert_eq!((status, &error["code"]), (405, &json!("method_not_allowed")));
        assert_eq!(ask(address, "OPTIONS /streams/tasks", "").await.status, 204);
        let metrics = ask(address, "GET /streams/metrics", "").await;
        let metrics = metrics.text();
        assert!(metrics.contains(r#"route="/tasks""#), "{metrics}");
    });
}

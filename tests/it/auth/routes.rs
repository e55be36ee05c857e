//! Every route × every sort of credential (PROTOCOL §4.1, §4.4).

use serde_json::{Value, json};

use super::{Caller, now, secured_with, token};
use crate::routes::ROUTES;
use crate::support::client::request;
use crate::support::{Answer, Client, Server, Store, Wire};

/// A route that needs a credential.
struct Guarded {
    method: &'static str,
    path: &'static str,
    body: &'static str,
    scope: &'static str,
    /// Whether a credential for other tasks is refused; else the answer has only what it permits.
    of_task: bool,
    /// What who may is answered.
    status: u16,
}

const fn route(
    (method, path): (&'static str, &'static str),
    body: &'static str,
    scope: &'static str,
    of_task: bool,
    status: u16,
) -> Guarded {
    Guarded { method, path, body, scope, of_task, status }
}

const IMPORT: &str = r#"{"overwrite":true,"archive":{"schema":"taskcast.taskArchive","version":1,"exportedAt":1,
    "task":{"id":"t","status":"running","createdAt":1,"updatedAt":1},"events":[]}}"#;

/// In an order in which one after the other succeeds, on a task that is blocked at first.
const GUARDED: [Guarded; 19] = [
    route(("GET", "/tasks/t/request"), "", "task:resolve", true, 200),
    route(("POST", "/tasks/t/resolve"), r#"{"data":1}"#, "task:resolve", true, 200),
    route(("GET", "/tasks"), "", "event:subscribe", false, 200),
    route(("GET", "/tasks/t"), "", "event:subscribe", true, 200),
    route(
        ("POST", "/tasks/t/events"),
        r#"{"type":"a","clientId":"c","clientSeq":1}"#,
        "event:publish",
        true,
        201,
    ),
    route(("GET", "/tasks/t/seq/c"), "", "event:publish", true, 200),
    route(("GET", "/tasks/t/events"), "", "event:subscribe", true, 200),
    route(("GET", "/events"), "", "event:subscribe", false, 200),
    route(("GET", "/tasks/t/events/history"), "", "event:history", true, 200),
    route(("GET", "/tasks/t/archive"), "", "event:history", true, 200),
    route(
        ("POST", "/tasks/t/storage/release"),
        r#"{"expectedLastEventIndex":0,"inactiveSince":0}"#,
        "task:manage",
        true,
        503,
    ),
    route(("GET", "/tasks/t/webhooks/failures"), "", "task:manage", true, 200),
    route(("POST", "/tasks/t/webhooks/redeliver"), "{}", "task:manage", true, 202),
    route(("PATCH", "/tasks/t/status"), r#"{"status":"paused"}"#, "task:manage", true, 200),
    route(("POST", "/tasks/import"), IMPORT, "task:manage", true, 200),
    route(("DELETE", "/tasks/t"), "", "task:manage", true, 204),
    route(("POST", "/tasks"), r#"{"id":"t"}"#, "task:create", true, 201),
    route(("GET", "/tasks/import"), "", "event:subscribe", true, 404),
    route(("DELETE", "/tasks/import"), "", "task:manage", true, 404),
];

/// Without a task, so not in the table above.
const WORKERS: Guarded = route(("GET", "/workers"), "", "worker:manage", false, 200);

const PUBLIC: [&str; 7] =
    ["/", "/health", "/health/ready", "/health/detail", "/metrics", "/openapi.json", "/docs"];

/// Scopes with a route of their own.
const SCOPES: [&str; 8] = [
    "task:create",
    "task:manage",
    "task:resolve",
    "event:publish",
    "event:subscribe",
    "event:history",
    "worker:connect",
    "worker:manage",
];

async fn start(store: Store) -> Server {
    let services = json!([{"name": "s", "key": "key", "scope": ["*"]}]);
    let server = secured_with(store, json!({"trustedServices": services})).start().await;
    let root = Caller::root(&server);
    root.create("t").await;
    root.call("PATCH", "/tasks/t/status", r#"{"status":"running"}"#).await.ok(200);
    let blocked = r#"{"status":"blocked","blockedRequest":{"type":"q"}}"#;
    root.call("PATCH", "/tasks/t/status", blocked).await.ok(200);
    server
}

/// The answer to a request with this header; of a stream only its head.
async fn ask(client: &Client, route: &Guarded, method: &str, header: Option<(&str, &str)>) -> Answer {
    let mut wire = Wire::connect(client.address).await;
    let headers: Vec<_> = header.into_iter().collect();
    wire.send(&request(method, route.path, &headers, route.body.as_bytes())).await.expect("it is read");
    let head = wire.head().await.expect("an answer");
    if method == "HEAD" || head.header("content-type") == Some("text/event-stream") {
        return head;
    }
    let length = head.header("content-length").map_or(0, |length| length.parse().expect("a number"));
    Answer { body: wire.take(length).await.expect("the body"), ..head }
}

/// What a caller with the header is answered; what is refused is refused to `HEAD` as well.
async fn is_answered(
    client: &Client,
    route: &Guarded,
    header: Option<(&str, &str)>,
    (status, code): (u16, &str),
) {
    let name = format!("{} {} with {header:?}", route.method, route.path);
    let answer = ask(client, route, route.method, header).await;
    assert_eq!(answer.status, status, "{name}: {}", answer.text());
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{name}");
    if !code.is_empty() {
        assert_eq!(answer.json()["code"], code, "{name}");
    }
    if route.method == "GET" {
        let head = ask(client, route, "HEAD", header).await;
        assert_eq!((head.status, head.body.len()), (status, 0), "{name}");
    }
}

#[tokio::test]
async fn every_guarded_route_tells_callers_apart() {
    let store = Store::Memory;
    let server = start(store).await;
    let bearer = |claims: Value| format!("Bearer {}", token(&claims));
    for route in GUARDED.iter().chain([&WORKERS]) {
        let others: Vec<_> = SCOPES.into_iter().filter(|scope| *scope != route.scope).collect();
        let expired = bearer(json!({"scope": ["*"], "exp": now() - 1}));
        let wrong_scope = bearer(json!({"scope": others}));
        let no_scope = bearer(json!({"sub": "ann"}));
        let other_task = bearer(json!({"scope": ["*"], "taskIds": ["u", "T"]}));
        let refused = [
            (None, (401, "missing_token")),
            (Some(("authorization", "Bearer")), (401, "missing_token")),
            (Some(("authorization", "Bearer nonsense")), (401, "invalid_token")),
            (Some(("authorization", expired.as_str())), (401, "invalid_token")),
            (Some(("x-taskcast-service-key", "kay")), (401, "invalid_service_key")),
            (Some(("authorization", wrong_scope.as_str())), (403, "forbidden")),
            (Some(("authorization", no_scope.as_str())), (403, "forbidden")),
        ];
        for (header, expected) in refused {
            is_answered(&server, route, header, expected).await;
        }
        let denied = (403, "forbidden");
        let expected = if route.of_task { denied } else { (route.status, "") };
        is_answered(&server, route, Some(("authorization", &other_task)), expected).await;
    }
    let left = Caller::root(&server).get("/tasks/t").await.ok(200);
    assert_eq!(left["status"], "blocked", "whoever was refused has changed nothing");
    for route in GUARDED.iter().chain([&WORKERS]) {
        let permitted = bearer(json!({"scope": [route.scope], "taskIds": ["t", "import"]}));
        let answer = ask(&server, route, route.method, Some(("authorization", &permitted))).await;
        assert_eq!(answer.status, route.status, "{} {}: {}", route.method, route.path, answer.text());
    }
    let again =
        [("x-taskcast-service-key", "key".to_owned()), ("authorization", bearer(json!({"scope": "*"})))];
    for (name, value) in again {
        for route in GUARDED.iter().chain([&WORKERS]).filter(|route| route.method == "GET") {
            let answer = ask(&server, route, "GET", Some((name, &value))).await;
            assert!(!matches!(answer.status, 401 | 403), "{name} {}: {}", route.path, answer.text());
        }
    }
    server.is_well().await;
}

#[tokio::test]
async fn public_routes_ask_nobody() {
    let store = Store::Memory;
    let server = start(store).await;
    for path in PUBLIC {
        let headers = [&[][..], &[("authorization", "Bearer nonsense"), ("x-taskcast-service-key", "kay")]];
        for headers in headers {
            assert_eq!(server.call("GET", path, headers, b"").await.status, 200, "{path}");
        }
    }
    assert_eq!(server.get("/health/detail").await.ok(200)["auth"], json!({"mode": "jwt"}));
    for path in ["/tasks", "/tasks/t", "/events", "/none"] {
        let asked = [("origin", "https://a.example"), ("access-control-request-headers", "authorization")];
        let answer = server.call("OPTIONS", path, &asked, b"").await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization"));
    }
}

#[tokio::test]
async fn what_is_no_route_is_said_to_everybody() {
    let store = Store::Memory;
    let server = start(store).await;
    for (method, path) in
        [("GET", "/none"), ("POST", "/tasks/t/none"), ("POST", "/workers"), ("GET", "/workers/w")]
    {
        server.call(method, path, &[], b"").await.refused(404, "not_found", "Not found");
    }
    for (method, path) in
        [("PUT", "/tasks"), ("DELETE", "/tasks/t/events"), ("POST", "/events"), ("PATCH", "/workers")]
    {
        server.call(method, path, &[], b"").await.refused(405, "method_not_allowed", "Method not allowed");
    }
}

#[test]
fn every_route_is_in_a_table_of_this_file() {
    let off = [("POST", "/workers")];
    for (path, methods) in ROUTES {
        for method in methods.split(", ").filter(|method| *method != "HEAD") {
            let guarded =
                GUARDED.iter().chain([&WORKERS]).any(|route| (route.method, route.path) == (method, path));
            let known = guarded || PUBLIC.contains(&path) || off.contains(&(method, path));
            assert!(known, "{method} {path}");
        }
    }
}

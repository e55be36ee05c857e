//! In which order a request is judged (PROTOCOL §3): 401, 403, 413, 400, 404.

use serde_json::json;

use super::{Caller, secured_with};
use crate::support::{Store, Wire};

const LONG: usize = 2000;

#[tokio::test]
async fn a_request_with_everything_wrong_is_told_the_first_of_it() {
    let store = Store::Memory;
    let server = secured_with(store, json!({"limits": {"bodyBytes": 1000}})).start().await;
    let long = format!("{{\"nonsense\":\"{}\"", "x".repeat(LONG));
    let (none, wrong) =
        (Caller::bearing(&server, "x"), Caller::with(&server, json!({"scope": "task:signal"})));
    let root = Caller::root(&server);
    for (method, path) in [
        ("POST", "/tasks"),
        ("POST", "/tasks/t/events"),
        ("POST", "/tasks/t/resolve"),
        ("PATCH", "/tasks/t/status"),
        ("POST", "/tasks/t/storage/release"),
    ] {
        none.call(method, path, &long).await.refused(401, "invalid_token", "Invalid or expired token");
        wrong.call(method, path, &long).await.refused(403, "forbidden", "Forbidden");
        root.call(method, path, &long).await.refused(413, "too_large", "Request body too large");
        root.call(method, path, "nonsense").await.refused(
            400,
            "invalid_body",
            "Malformed JSON in request body",
        );
    }
    root.post("/tasks/t/events", json!({"type": "a"})).await.refused(
        404,
        "task_not_found",
        "Task not found: t",
    );
}

#[tokio::test]
async fn what_a_body_says_of_a_task_is_judged_before_its_fields() {
    let store = Store::Memory;
    let server = secured_with(store, json!({})).start().await;
    let scopes = ["task:create", "task:manage"];
    let one = Caller::with(&server, json!({"scope": scopes, "taskIds": ["t"]}));
    let all = Caller::with(&server, json!({"scope": scopes}));
    let hooks = Caller::with(&server, json!({"scope": [scopes[0], scopes[1], "webhook:create"]}));
    let hook = json!([{"url": "https://a.example"}]);
    let create = [
        (&one, json!({"id": "u", "ttl": "x"}), 403),
        (&one, json!({"ttl": "x"}), 403),
        (&one, json!({"id": 5}), 403),
        (&one, json!([]), 403),
        (&one, json!({"id": "t", "ttl": "x"}), 400),
        (&all, json!({"ttl": "x"}), 400),
        (&all, json!({"webhooks": hook, "ttl": "x"}), 403),
        (&all, json!({"webhooks": "x"}), 403),
        (&all, json!({"webhooks": [], "ttl": "x"}), 400),
        (&hooks, json!({"webhooks": hook, "ttl": "x"}), 400),
        (&hooks, json!({"webhooks": hook, "id": "hooked"}), 201),
        (&one, json!({"id": "t", "webhooks": []}), 201),
    ];
    for (caller, body, status) in create {
        let answer = caller.post("/tasks", body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
    let archive = |task| json!({"archive": {"task": task}, "overwrite": 5});
    let import = [
        (&one, archive(json!({"id": "u"})), 403),
        (&one, archive(json!({})), 403),
        (&one, json!({}), 403),
        (&one, archive(json!({"id": "t"})), 400),
        (&all, archive(json!({"id": "t", "webhooks": hook})), 403),
        (&hooks, archive(json!({"id": "t", "webhooks": hook})), 400),
        (&all, json!({}), 400),
    ];
    for (caller, body, status) in import {
        let answer = caller.post("/tasks/import", body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_said_to_be_none() {
    let store = Store::Memory;
    let server = secured_with(store, json!({})).start().await;
    let one = Caller::with(&server, json!({"scope": "*", "taskIds": ["t"]}));
    for path in ["/tasks", "/tasks/import"] {
        for body in ["", "{", "{\"id\":\"u\"", "\"\\ud800\""] {
            one.call("POST", path, body).await.refused(400, "invalid_body", "Malformed JSON in request body");
        }
    }
}

#[tokio::test]
async fn an_id_that_cannot_exist_is_not_found_by_those_who_may_look() {
    let store = Store::Memory;
    let server = secured_with(store, json!({})).start().await;
    let (one, all) = (Caller::with(&server, json!({"scope": "*", "taskIds": ["t"]})), Caller::root(&server));
    for id in ["%2e", "a%2Fb", "%00", "none"] {
        let path = format!("/tasks/{id}");
        one.get(&path).await.refused(403, "forbidden", "Forbidden");
        all.get(&path).await.refused(404, "task_not_found", "Task not found");
        server.get(&path).await.refused(401, "missing_token", "Missing Bearer token");
    }
}

#[tokio::test]
async fn a_refused_request_leaves_the_connection_usable() {
    let store = Store::Memory;
    let server = secured_with(store, json!({})).start().await;
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..3 {
        let answer = wire.post("/tasks", &"x".repeat(LONG)).await;
        answer.refused(401, "missing_token", "Missing Bearer token");
        assert_eq!(answer.header("connection"), None);
    }
    wire.send(b"POST /tasks HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        .await
        .expect("the server reads");
    assert_eq!(wire.answer(false).await.expect("an answer").status, 401);
    assert_eq!(wire.call("GET", "/health", &[], b"").await.expect("an answer").status, 200);
}

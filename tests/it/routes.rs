//! The route table: which paths and methods there are, and the service's own endpoints (PROTOCOL §5, §16.1).

use serde_json::json;

use crate::support::{Server, Wire};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Every path with the methods it has, as `Allow` lists them. `t` is a task.
pub(crate) const ROUTES: [(&str, &str); 22] = [
    ("/", "GET, HEAD"),
    ("/health", "GET, HEAD"),
    ("/health/ready", "GET, HEAD"),
    ("/health/detail", "GET, HEAD"),
    ("/metrics", "GET, HEAD"),
    ("/openapi.json", "GET, HEAD"),
    ("/docs", "GET, HEAD"),
    ("/tasks", "POST, GET, HEAD"),
    ("/tasks/import", "POST, GET, HEAD, DELETE"),
    ("/tasks/t", "GET, HEAD, DELETE"),
    ("/tasks/t/status", "PATCH"),
    ("/tasks/t/resolve", "POST"),
    ("/tasks/t/request", "GET, HEAD"),
    ("/tasks/t/archive", "GET, HEAD"),
    ("/tasks/t/storage/release", "POST"),
    ("/tasks/t/events", "POST, GET, HEAD"),
    ("/tasks/t/events/history", "GET, HEAD"),
    ("/tasks/t/seq/c", "GET, HEAD"),
    ("/tasks/t/webhooks/failures", "GET, HEAD"),
    ("/tasks/t/webhooks/redeliver", "POST"),
    ("/events", "GET, HEAD"),
    ("/workers", "GET, HEAD, POST"),
];

on_local_stores!(
    the_root_says_what_this_is,
    the_server_is_healthy_and_says_so,
    every_path_refuses_methods_it_does_not_have,
    head_answers_as_get_does_without_a_body,
    a_trailing_slash_is_another_path,
    unknown_paths_do_not_exist,
    a_body_that_nobody_asked_for_does_not_end_the_connection,
    while_workers_are_off_there_are_none,
    a_literal_route_wins_for_its_own_method_only,
    a_connection_is_good_for_many_requests,
);

async fn the_root_says_what_this_is(server: Server) {
    let links = json!({"health": "/health", "healthReady": "/health/ready", "healthDetail": "/health/detail",
        "openapi": "/openapi.json", "docs": "/docs"});
    let root = json!({"name": "taskcast", "version": VERSION, "apiVersion": "v1", "links": links});
    assert_eq!(server.get("/").await.ok(200), root);
}

async fn the_server_is_healthy_and_says_so(server: Server) {
    let live = json!({"ok": true, "name": "taskcast", "version": VERSION, "apiVersion": "v1"});
    assert_eq!(server.get("/health").await.ok(200), live);
    assert_eq!(server.get("/health/ready").await.ok(200), json!({"ok": true, "dependencies": {}}));
    let mut detail = server.get("/health/detail").await.ok(200);
    assert!(detail["uptime"].is_u64(), "{detail}");
    let provider = detail["adapters"]["shortTermStore"]["provider"].clone();
    let mut adapters = json!({"broadcast": {"provider": "memory", "status": "ok"},
        "shortTermStore": {"provider": provider, "status": "ok"}});
    if provider == "sqlite" {
        adapters["longTermStore"] = json!({"provider": "sqlite", "status": "ok"});
    }
    let storage = json!({"releaseReady": false, "requiredStorageProtocolVersion": 2,
        "activeWriterCount": 1, "incompatibleWriterIds": [],
        "survives": detail["storage"]["survives"].as_str().expect("a sentence")});
    detail["uptime"] = json!(0);
    let expected = json!({"ok": true, "name": "taskcast", "version": VERSION, "apiVersion": "v1",
        "uptime": 0, "auth": {"mode": "none"}, "adapters": adapters, "dependencies": {}, "storage": storage});
    assert_eq!(detail, expected);
}

async fn every_path_refuses_methods_it_does_not_have(server: Server) {
    server.create("t").await;
    for (path, allow) in ROUTES {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            if !allow.split(", ").any(|allowed| allowed == method) {
                let answer = server.call(method, path, &[], b"").await;
                answer.refused(405, "method_not_allowed", "Method not allowed");
                assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
            }
        }
    }
}

async fn head_answers_as_get_does_without_a_body(server: Server) {
    server.create("t").await;
    let body = r#"{"type":"a","clientId":"c","clientSeq":1}"#;
    server.publish("t", body).await;
    let mut wire = Wire::connect(server.address).await;
    for (path, allow) in ROUTES {
        if allow.contains("HEAD") && !path.ends_with("events") {
            let head = wire.call("HEAD", path, &[], b"").await.expect("an answer");
            let got = wire.call("GET", path, &[], b"").await.expect("the connection is still in step");
            assert_eq!(head.status, got.status, "{path}");
            assert_eq!(head.header("content-type"), got.header("content-type"), "{path}");
            assert!(head.body.is_empty());
        }
    }
    for path in ["/tasks/t/events", "/events"] {
        let head = wire.call("HEAD", path, &[], b"").await.expect("an answer");
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")), "{path}");
    }
    for path in ["/tasks/none/events", "/tasks/none", "/none"] {
        let head = wire.call("HEAD", path, &[], b"").await.expect("an answer");
        assert_eq!((head.status, head.header("content-type")), (404, Some("application/json")), "{path}");
    }
    assert_eq!(server.get("/tasks/t").await.ok(200)["subscriberCount"], 0);
}

async fn a_trailing_slash_is_another_path(server: Server) {
    server.create("t").await;
    for (path, _) in ROUTES {
        if path != "/" {
            let answer = server.get(&format!("{path}/")).await;
            answer.refused(404, "not_found", "Not found");
        }
    }
}

async fn unknown_paths_do_not_exist(server: Server) {
    let paths = [
        "/none",
        "//",
        "/tasks/t/none",
        "/tasks/t/events/history/none",
        "/tasks/t/storage",
        "/admin/token",
        "/_playground/",
        "/TASKS",
        "/health/none",
        "/../tasks",
        "/tasks/../health",
    ];
    for path in paths {
        for method in ["GET", "POST", "PATCH", "DELETE"] {
            let answer = server.call(method, path, &[], b"").await;
            assert_eq!(answer.status, 404, "{method} {path}");
            answer.refused(404, "not_found", "Not found");
        }
    }
}

async fn while_workers_are_off_there_are_none(server: Server) {
    assert_eq!(server.get("/workers").await.ok(200), json!({"workers": []}));
    let routes = [
        ("POST", "/workers"),
        ("GET", "/workers/w"),
        ("DELETE", "/workers/w"),
        ("PATCH", "/workers/w/status"),
        ("POST", "/workers/w/heartbeat"),
        ("GET", "/workers/pull?workerId=w"),
        ("POST", "/workers/tasks/t/decline"),
        ("GET", "/workers/ws"),
    ];
    for (method, path) in routes {
        server.call(method, path, &[], b"").await.refused(404, "not_found", "Not found");
    }
}

async fn a_literal_route_wins_for_its_own_method_only(server: Server) {
    server.get("/tasks/import").await.refused(404, "task_not_found", "Task not found");
    server.create("import").await;
    assert_eq!(server.get("/tasks/import").await.ok(200)["id"], "import");
    server.post("/tasks/import", "{}").await.refused(400, "invalid_body", "archive is required");
    assert_eq!(server.moved("import", "running").await["status"], "running");
    assert_eq!(server.publish("import", r#"{"type":"a"}"#).await["index"], 1);
    assert_eq!(server.delete("/tasks/import").await.status, 204);
    server.delete("/tasks/import").await.refused(404, "task_not_found", "Task not found: import");
}

async fn a_connection_is_good_for_many_requests(server: Server) {
    let mut wire = Wire::connect(server.address).await;
    wire.post("/tasks", r#"{"id":"t"}"#).await.ok(201);
    for path in ["/tasks/t/events", "/tasks", "/tasks/t/resolve", "/tasks/import"] {
        let answer = wire.post(path, "nonsense").await;
        assert!((400..500).contains(&answer.status), "{path}");
    }
    let body = br#"{"unread":true}"#;
    for (method, path) in [("GET", "/tasks/t"), ("GET", "/health"), ("PUT", "/tasks"), ("POST", "/none")] {
        let answer = wire.call(method, path, &[], body).await.expect("an answer");
        if answer.header("connection") == Some("close") {
            // A body that no endpoint reads may end the connection, but not unannounced.
            wire = Wire::connect(server.address).await;
        }
    }
    assert_eq!(wire.call("GET", "/health", &[], b"").await.expect("the connection is open").status, 200);
}

async fn a_body_that_nobody_asked_for_does_not_end_the_connection(server: Server) {
    let mut wire = Wire::connect(server.address).await;
    for _ in 0..3 {
        let answer = wire.call("GET", "/health", &[], b"{\"not\":\"wanted\"}").await.expect("an answer");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("connection"), None);
    }
}

//! The rules of a single task, enforced on every request about it (PROTOCOL §4.5).

use serde_json::{Value, json};

use super::{Caller, secured, secured_with};
use crate::support::{Answer, Store};

with_each_store!(
    every_request_about_a_task_is_judged_by_its_rules,
    a_task_is_replaced_only_by_those_whom_it_lets,
    rules_survive_a_restart_and_hold_for_services,
);

#[track_caller]
fn denied(answer: &Answer, name: &str) {
    assert_eq!(answer.status, 403, "{name}: {}", answer.text());
    answer.refused(403, "forbidden", "Forbidden");
}

fn only(scopes: Value, require: Value) -> Value {
    json!({"rules": [{"match": {"scope": scopes}, "require": require}]})
}

/// Requests about the task `t`, with the scope that each needs.
const REQUESTS: [(&str, &str, &str, &str); 11] = [
    ("GET", "/tasks/t", "", "event:subscribe"),
    ("GET", "/tasks/t/events", "", "event:subscribe"),
    ("GET", "/tasks/t/events/history", "", "event:history"),
    ("GET", "/tasks/t/archive", "", "event:history"),
    ("POST", "/tasks/t/events", r#"{"type":5}"#, "event:publish"),
    ("GET", "/tasks/t/seq/c", "", "event:publish"),
    ("GET", "/tasks/t/request", "", "task:resolve"),
    ("POST", "/tasks/t/resolve", "nonsense", "task:resolve"),
    ("PATCH", "/tasks/t/status", r#"{"status":"nonsense"}"#, "task:manage"),
    ("POST", "/tasks/t/storage/release", "{}", "task:manage"),
    ("DELETE", "/tasks/t", "", "task:manage"),
];

async fn every_request_about_a_task_is_judged_by_its_rules(store: Store) {
    let server = secured(store).start().await;
    let claims = json!({"org": {"id": 12345678901234567u64, "units": ["a", "b"]}});
    let mut names = json!({"sub": "ann", "scope": "*"});
    names.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let ann = Caller::with(&server, names);
    let other = json!({"sub": "ann", "scope": "*", "org": {"id": 12345678901234568u64, "units": ["a", "b"]}});
    let other = Caller::with(&server, other);
    let bob = Caller::with(&server, json!({"sub": "bob", "scope": "*", "org": {"id": 1}}));
    for scope in ["*", "event:subscribe", "event:history", "event:publish", "task:resolve", "task:manage"] {
        let rules = only(json!(["webhook:create", scope]), json!({"sub": ["ann", "eve"], "claims": claims}));
        bob.post("/tasks", json!({"id": "t", "authConfig": rules})).await.ok(201);
        for (method, path, body, needed) in REQUESTS {
            let about = scope == "*" || scope == needed;
            for caller in [&bob, &other] {
                if about {
                    denied(&caller.call(method, path, body).await, &format!("{scope}: {method} {path}"));
                } else if !path.ends_with("/events") && method != "DELETE" {
                    let answer = caller.call(method, path, body).await;
                    assert_ne!(answer.status, 403, "{scope}: {method} {path}: {}", answer.text());
                }
            }
        }
        ann.get("/tasks/t").await.ok(200);
        ann.publish("t", "a").await.ok(201);
        assert_eq!(ann.call("DELETE", "/tasks/t", "").await.status, 204);
    }
    bob.get("/tasks/t").await.refused(404, "task_not_found", "Task not found");
}

fn archive(id: &str, overwrite: bool, rules: &Value) -> Value {
    let task = json!({"id": id, "status": "running", "createdAt": 1, "updatedAt": 1, "authConfig": rules});
    let archive =
        json!({"schema": "taskcast.taskArchive", "version": 1, "exportedAt": 1, "task": task, "events": []});
    json!({"archive": archive, "overwrite": overwrite})
}

async fn a_task_is_replaced_only_by_those_whom_it_lets(store: Store) {
    let server = secured(store).start().await;
    let (ann, bob) = (
        Caller::with(&server, json!({"sub": "ann", "scope": "*"})),
        Caller::with(&server, json!({"sub": "bob", "scope": "*"})),
    );
    let of = |sub: &str| only(json!(["task:manage"]), json!({"sub": [sub]}));
    ann.post("/tasks", json!({"id": "t", "authConfig": of("ann")})).await.ok(201);
    denied(&bob.post("/tasks/import", archive("t", true, &of("bob"))).await, "the task is Ann's");
    bob.post("/tasks/import", archive("t", false, &of("bob"))).await.refused_with(409, "task_exists", "t");
    ann.post("/tasks/import", archive("t", true, &of("bob"))).await.ok(200);
    denied(&ann.call("DELETE", "/tasks/t", "").await, "now it is Bob's");
    bob.post("/tasks/import", archive("u", true, &of("ann"))).await.ok(200);
    denied(&bob.call("DELETE", "/tasks/u", "").await, "it came with rules of its own");
    assert_eq!(bob.call("DELETE", "/tasks/t", "").await.status, 204);
}

async fn rules_survive_a_restart_and_hold_for_services(store: Store) {
    let services = json!([{"name": "builder", "key": "k", "scope": "*"}]);
    let setup = secured_with(store, json!({"trustedServices": services}));
    let server = setup.start().await;
    let service = Caller::service(&server, "k");
    let rules = only(json!(["event:publish"]), json!({"sub": ["svc:builder"]}));
    let claims = only(json!(["event:publish"]), json!({"claims": {"sub": "svc:builder"}}));
    let everybody = only(json!(["event:publish"]), json!({}));
    for (id, rules) in [("t", &rules), ("u", &claims), ("v", &everybody)] {
        service.post("/tasks", json!({"id": id, "authConfig": rules})).await.ok(201);
    }
    let again = if store == Store::Memory { server } else { restarted(&setup, server).await };
    let (service, root) = (Caller::service(&again, "k"), Caller::root(&again));
    service.publish("t", "a").await.ok(201);
    denied(&root.publish("t", "a").await, "only the service may");
    denied(&service.publish("u", "a").await, "a service has no claims");
    root.publish("v", "a").await.ok(201);
    let shown = service.get("/tasks/t").await.ok(200);
    assert_eq!(shown["authConfig"], rules);
}

async fn restarted(setup: &crate::support::Setup, server: crate::support::Server) -> crate::support::Server {
    server.killed().await;
    setup.start().await
}

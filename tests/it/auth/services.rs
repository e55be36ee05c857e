//! Trusted services and their keys (PROTOCOL §4.2), and who may read metrics (§16.2).

use serde_json::{Value, json};

use super::{Caller, secured_with};
use crate::support::{Answer, Setup, Store};

fn services() -> Value {
    json!([
        {"name": "all", "key": "key of all", "scope": ["*"]},
        {"name": "one", "key": "key of one", "scope": ["task:create", "event:publish"], "taskIds": ["t"]},
    ])
}

#[track_caller]
fn unknown(answer: &Answer) {
    answer.refused(401, "invalid_service_key", "Invalid service key");
}

#[tokio::test]
async fn a_service_is_known_by_its_key_and_may_do_what_its_entry_says() {
    let server = secured_with(Store::Memory, json!({"trustedServices": services()})).start().await;
    let (all, one) = (Caller::service(&server, "key of all"), Caller::service(&server, "key of one"));
    one.create("t").await;
    one.publish("t", "a").await.ok(201);
    one.post("/tasks", json!({"id": "u"})).await.refused(403, "forbidden", "Forbidden");
    one.get("/tasks/t").await.refused(403, "forbidden", "Forbidden");
    all.create("u").await;
    one.publish("u", "a").await.refused(403, "forbidden", "Forbidden");
    all.publish("u", "a").await.ok(201);
    for wrong in ["key of on", "key of one ", "key of onekey of all", "KEY OF ALL", "x"] {
        let wrong = wrong.trim_end();
        if wrong != "key of one" {
            unknown(&Caller::service(&server, wrong).get("/tasks").await);
        }
    }
}

#[tokio::test]
async fn a_service_key_is_looked_at_first_and_there_is_no_way_back() {
    let server = secured_with(Store::Memory, json!({"trustedServices": services()})).start().await;
    let root = Caller::root(&server).header;
    let both = |key| [("x-taskcast-service-key", key), (root.0, root.1.as_str())];
    unknown(&server.call("GET", "/tasks", &both("x"), b"").await);
    unknown(&server.call("GET", "/tasks", &both(""), b"").await);
    let answer = server.call("GET", "/tasks", &both("key of one"), b"").await;
    answer.refused(403, "forbidden", "Forbidden");
}

#[tokio::test]
async fn service_keys_count_without_tokens_and_are_ignored_without_services() {
    let open = Setup::new(Store::Memory).config(json!({"trustedServices": services()})).start().await;
    open.get("/tasks").await.ok(200);
    unknown(&Caller::service(&open, "x").get("/tasks").await);
    let one = Caller::service(&open, "key of one");
    one.get("/tasks").await.refused(403, "forbidden", "Forbidden");
    let closed = Setup::new(Store::Memory).start().await;
    Caller::service(&closed, "x").get("/tasks").await.ok(200);
    let tokens = secured_with(Store::Memory, json!({})).start().await;
    Caller::service(&tokens, "x").get("/tasks").await.refused(401, "missing_token", "Missing Bearer token");
}

#[tokio::test]
async fn metrics_may_be_for_those_with_every_scope() {
    let settings = json!({"metrics": {"auth": true}, "trustedServices": services()});
    let server = secured_with(Store::Memory, settings.clone()).start().await;
    server.get("/metrics").await.refused(401, "missing_token", "Missing Bearer token");
    assert_eq!(server.call("HEAD", "/metrics", &[], b"").await.status, 401);
    unknown(&Caller::service(&server, "x").get("/metrics").await);
    Caller::service(&server, "key of one").get("/metrics").await.refused(403, "forbidden", "Forbidden");
    let many = Caller::with(&server, json!({"scope": ["task:manage", "event:subscribe"]}));
    many.get("/metrics").await.refused(403, "forbidden", "Forbidden");
    for caller in [Caller::service(&server, "key of all"), Caller::root(&server)] {
        let answer = caller.get("/metrics").await;
        assert!(answer.status == 200 && answer.text().contains("taskcast_build_info"));
    }
    let open = Setup::new(Store::Memory).config(settings).start().await;
    open.get("/metrics").await.refused(401, "missing_token", "Missing Bearer token");
    assert_eq!(Caller::service(&open, "key of all").get("/metrics").await.status, 200);
}

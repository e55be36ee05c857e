//! `Idempotency-Key` where callers are told apart (PROTOCOL §8.6).

use serde_json::json;

use super::{Caller, secured};
use crate::support::{Answer, Server, Store};

async fn keyed(server: &Server, caller: &Caller, body: &str) -> Answer {
    let (name, value) = &caller.header;
    server.call("POST", "/tasks", &[(name, value), ("idempotency-key", "k")], body.as_bytes()).await
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_and_each_repeat_has_to_be_permitted() {
    let server = secured(Store::Memory).start().await;
    let who = |sub: &str, scope: &str| Caller::with(&server, json!({"sub": sub, "scope": [scope]}));
    let (ann, bob) = (who("ann", "task:create"), who("bob", "task:create"));
    let body = r#"{"type":"report"}"#;
    let (first, other) = (keyed(&server, &ann, body).await, keyed(&server, &bob, body).await);
    assert_eq!((first.status, other.status), (201, 201));
    assert_ne!(first.text(), other.text());
    let again = keyed(&server, &ann, body).await;
    assert_eq!((again.text(), again.header("idempotent-replayed")), (first.text(), Some("true")));
    keyed(&server, &ann, r#"{"type":"other"}"#).await.refused(
        422,
        "idempotency_mismatch",
        "Idempotency-Key was used with a different request body",
    );
    keyed(&server, &who("ann", "event:publish"), body).await.refused(403, "forbidden", "Forbidden");
    keyed(&server, &ann, "no JSON").await.refused(400, "invalid_body", "Malformed JSON in request body");
}

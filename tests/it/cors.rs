//! Who may read answers in a browser (PROTOCOL §16.4).

use serde_json::json;

use crate::support::{Answer, Client, Server, Setup, Store, Wire};

const ASKED: (&str, &str) = ("access-control-request-headers", "authorization, x-mine");
const FROM: (&str, &str) = ("origin", "https://a.example");

on_local_stores!(by_default_every_answer_may_be_read_by_anybody, a_preflight_is_answered);
with_each_store!(only_listed_origins_may_read, without_cors_no_header_speaks_of_it);

/// Answers of every sort: success, error, no route, wrong method, stream.
async fn answers(client: &Client, headers: &[(&str, &str)]) -> Vec<Answer> {
    client.post("/tasks", r#"{"id":"t"}"#).await;
    let mut answers = Vec::new();
    let asked = [("GET", "/health"), ("GET", "/tasks/none"), ("GET", "/none"), ("PUT", "/tasks")];
    for (method, path) in asked {
        answers.push(client.call(method, path, headers, b"").await);
    }
    for path in ["/tasks/t/events", "/events"] {
        answers.push(crate::support::Stream::open_with(client.address, path, headers).await.head);
    }
    answers
}

fn starting_with_access_control(answer: &Answer) -> Vec<(&str, &str)> {
    let headers = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut found: Vec<_> = headers.filter(|(name, _)| name.starts_with("access-control-")).collect();
    found.sort_unstable();
    found
}

async fn by_default_every_answer_may_be_read_by_anybody(server: Server) {
    for headers in [&[][..], &[FROM]] {
        for answer in answers(&server, headers).await {
            let expected = [
                ("access-control-allow-origin", "*"),
                ("access-control-expose-headers", "Idempotent-Replayed, Retry-After"),
            ];
            assert_eq!(starting_with_access_control(&answer), expected);
        }
    }
}

async fn a_preflight_is_answered(server: Server) {
    for path in ["/tasks", "/tasks/t/events", "/events", "/none"] {
        let answer = server.call("OPTIONS", path, &[FROM, ASKED], b"").await;
        assert_eq!((answer.status, answer.text()), (204, ""));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let methods = answer.header("access-control-allow-methods");
        assert_eq!(methods, Some("GET,HEAD,PUT,POST,DELETE,PATCH"));
        assert_eq!(answer.header("access-control-allow-headers"), Some(ASKED.1));
        assert_eq!(answer.header("vary"), Some("Access-Control-Request-Headers"));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
    }
    let plain = server.call("OPTIONS", "/tasks", &[], b"").await;
    assert_eq!(plain.header("access-control-allow-headers"), None);
}

async fn only_listed_origins_may_read(store: Store) {
    let config = json!({"cors": {"origins": ["https://a.example", "http://localhost:3000"]}});
    let server = Setup::new(store).config(config).start().await;
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").map(str::to_owned);
    let vary = |answer: &Answer| {
        let named = answer.headers.iter().filter(|(name, _)| name == "vary");
        named.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    for answer in answers(&server, &[FROM]).await {
        assert_eq!(allowed(&answer).as_deref(), Some("https://a.example"));
        assert_eq!(vary(&answer), ["Origin"]);
    }
    for stranger in ["https://b.example", "https://a.example:444", "null", "*"] {
        for answer in answers(&server, &[("origin", stranger)]).await {
            assert_eq!(allowed(&answer), None);
            assert_eq!(vary(&answer), ["Origin"]);
        }
    }
    let preflight = server.call("OPTIONS", "/tasks", &[FROM, ASKED], b"").await;
    assert_eq!(preflight.status, 204);
    assert_eq!(allowed(&preflight).as_deref(), Some("https://a.example"));
    assert_eq!(vary(&preflight), ["Access-Control-Request-Headers", "Origin"]);
    let refused = server.call("OPTIONS", "/tasks", &[("origin", "https://b.example"), ASKED], b"").await;
    assert_eq!((refused.status, allowed(&refused)), (204, None));
}

async fn without_cors_no_header_speaks_of_it(store: Store) {
    let server = Setup::new(store).config(json!({"cors": {"origins": false}})).start().await;
    for answer in answers(&server, &[FROM]).await {
        assert_eq!(starting_with_access_control(&answer), []);
        assert_eq!(answer.header("vary"), None);
    }
    let mut wire = Wire::connect(server.address).await;
    let preflight = wire.call("OPTIONS", "/tasks", &[FROM, ASKED], b"").await.expect("an answer");
    preflight.refused(405, "method_not_allowed", "Method not allowed");
    assert_eq!(preflight.header("allow"), Some("POST, GET, HEAD"));
}

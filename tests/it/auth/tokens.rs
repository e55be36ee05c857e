//! Which tokens are good (PROTOCOL §4.2, §4.3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use taskcast::config::Algorithm;

use super::keys::{ALGORITHMS, RSA_PUBLIC, other, private, setting, sign, sign_by};
use super::{Caller, SECRET, now, secured, secured_with, token};
use crate::support::{Answer, Client, Server, Setup, Store, wait_until};

/// A server that verifies tokens of this algorithm.
async fn verifying(algorithm: Algorithm) -> Server {
    let auth = json!({"mode": "jwt", "jwt": setting(algorithm)});
    secured_with(Store::Memory, json!({"auth": auth})).start().await
}

/// A server with more to ask of tokens.
async fn demanding(more: Value) -> Server {
    let mut jwt = json!({"secret": SECRET});
    jwt.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    secured_with(Store::Memory, json!({"auth": {"mode": "jwt", "jwt": jwt}})).start().await
}

async fn with_header(client: &Client, value: &str) -> Answer {
    client.call("GET", "/tasks", &[("authorization", value)], b"").await
}

#[track_caller]
fn invalid(answer: &Answer) {
    answer.refused(401, "invalid_token", "Invalid or expired token");
}

fn all() -> Value {
    json!({"sub": "ann", "scope": ["*"]})
}

#[tokio::test]
async fn exactly_the_configured_algorithm_is_accepted() {
    for algorithm in ALGORITHMS {
        let server = verifying(algorithm).await;
        for other in ALGORITHMS {
            let answer = Caller::bearing(&server, &sign(other, None, &all())).get("/tasks").await;
            if other == algorithm {
                answer.ok(200);
            } else {
                invalid(&answer);
            }
        }
    }
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    let server = verifying(Algorithm::RS256).await;
    for secret in [RSA_PUBLIC, RSA_PUBLIC.trim_end()] {
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let key = EncodingKey::from_secret(secret.as_bytes()).unwrap();
            invalid(&Caller::bearing(&server, &sign_by(&key, algorithm, None, &all())).get("/tasks").await);
        }
    }
}

#[tokio::test]
async fn what_is_not_signed_by_the_key_is_no_token() {
    let server = secured(Store::Memory).start().await;
    let good = token(&all());
    Caller::bearing(&server, &good).get("/tasks").await.ok(200);
    let (head, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = head.split_once('.').unwrap();
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let others = part(json!({"sub": "bob", "scope": ["*"]}));
    let none = part(json!({"alg": "none"}));
    let critical = json!({"alg": "HS256", "crit": ["exp"]});
    let key = EncodingKey::from_secret(b"another secret of more than 32 bytes").unwrap();
    let forged = [
        sign_by(&key, Algorithm::HS256, None, &all()),
        format!("{header}.{others}.{signature}"),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{}.{payload}.{signature}", part(json!({"alg": "None"}))),
        format!("{}.{payload}.{signature}", part(critical)),
        format!("{}.{payload}.{signature}", part(json!({}))),
        format!("{head}."),
        head.to_owned(),
        format!("{good}.{signature}"),
        format!("{head}.{}", &signature[..signature.len() - 4]),
        format!("{good}="),
        format!("{good} "),
        format!("{good} {good}"),
        "..".to_owned(),
        "a.b.c".to_owned(),
        "é".to_owned(),
    ];
    for forged in forged.iter().filter(|token| token.trim_end() != good) {
        invalid(&with_header(&server, &format!("Bearer {forged}")).await);
    }
    server.is_well().await;
}

#[tokio::test]
async fn a_token_that_is_too_long_is_not_looked_at() {
    let server = secured(Store::Memory).start().await;
    let of = |bytes: usize| token(&json!({"scope": ["*"], "more": "x".repeat(bytes)}));
    Caller::bearing(&server, &of(11_000)).get("/tasks").await.ok(200);
    for bytes in [12_500, 60_000] {
        invalid(&Caller::bearing(&server, &of(bytes)).get("/tasks").await);
    }
}

#[tokio::test]
async fn the_header_has_exactly_one_form() {
    let server = secured(Store::Memory).start().await;
    let good = token(&all());
    let missing = [
        String::new(),
        "Bearer".to_owned(),
        format!("bearer {good}"),
        format!("BEARER {good}"),
        format!("Bearer  {good}"),
        format!("Bearer\t{good}"),
        format!("Bearer:{good}"),
        format!("Token {good}"),
        good.clone(),
        "Basic YTpi".to_owned(),
    ];
    for header in missing {
        let answer = with_header(&server, &header).await;
        answer.refused(401, "missing_token", "Missing Bearer token");
    }
    with_header(&server, &format!("Bearer {good}")).await.ok(200);
}

#[tokio::test]
async fn claims_of_wrong_types_and_times_make_a_token_invalid() {
    let server = secured(Store::Memory).start().await;
    let bad = [
        json!({"scope": 5}),
        json!({"scope": ["*", 5]}),
        json!({"scope": null}),
        json!({"scope": "*", "taskIds": 5}),
        json!({"scope": "*", "taskIds": null}),
        json!({"scope": "*", "taskIds": [5]}),
        json!({"scope": "*", "sub": 5}),
        json!({"scope": "*", "sub": {}}),
        json!({"scope": "*", "workerId": []}),
        json!({"scope": "*", "exp": (now() + 100).to_string()}),
        json!({"scope": "*", "exp": [now() + 100]}),
        json!({"scope": "*", "nbf": "0"}),
        json!({"scope": "*", "iss": 5}),
        json!({"scope": "*", "aud": {}}),
        json!({"scope": "*", "exp": now() - 1}),
        json!({"scope": "*", "exp": 0}),
        json!({"scope": "*", "exp": -1}),
        json!({"scope": "*", "nbf": now() + 100}),
        json!([]),
        json!("text"),
        json!(null),
    ];
    for claims in bad {
        invalid(&Caller::with(&server, claims).get("/tasks").await);
    }
    let good = [
        json!({"scope": "*"}),
        json!({"scope": "nonsense event:subscribe"}),
        json!({"scope": ["*"], "exp": now() + 100}),
        json!({"scope": ["*"], "exp": 1e15, "nbf": 0.5, "iat": now() + 1000}),
        json!({"scope": ["*"], "iss": "anybody", "aud": ["anybody"]}),
    ];
    for claims in good {
        Caller::with(&server, claims).get("/tasks").await.ok(200);
    }
    Caller::with(&server, json!({"sub": "ann"})).get("/tasks").await.refused(403, "forbidden", "Forbidden");
}

#[tokio::test]
async fn a_token_ends_however_often_it_was_good() {
    let server = secured(Store::Memory).start().await;
    let end = now() + 2;
    let brief = Caller::with(&server, json!({"scope": "*", "exp": end}));
    wait_until("the token ends", async || {
        let answer = brief.get("/tasks").await;
        if answer.status == 200 {
            return None;
        }
        invalid(&answer);
        Some(())
    })
    .await;
    assert!(now() >= end);
}

#[tokio::test]
async fn leeway_issuer_audience_and_an_end_are_asked_for_when_configured() {
    let server = demanding(json!({"leewaySeconds": 1000})).await;
    for (claims, status) in [
        (json!({"scope": "*", "exp": now() - 900}), 200),
        (json!({"scope": "*", "exp": now() - 1001}), 401),
        (json!({"scope": "*", "nbf": now() + 900}), 200),
        (json!({"scope": "*", "nbf": now() + 2000}), 401),
    ] {
        assert_eq!(Caller::with(&server, claims.clone()).get("/tasks").await.status, status, "{claims}");
    }
    let server = demanding(json!({"issuer": ["me", "you"], "audience": "us", "requireExp": true})).await;
    let end = now() + 1000;
    for (claims, status) in [
        (json!({"scope": "*", "iss": "me", "aud": "us", "exp": end}), 200),
        (json!({"scope": "*", "iss": "you", "aud": ["them", "us"], "exp": end}), 200),
        (json!({"scope": "*", "iss": "me", "aud": "us"}), 401),
        (json!({"scope": "*", "iss": "they", "aud": "us", "exp": end}), 401),
        (json!({"scope": "*", "iss": "me", "aud": "them", "exp": end}), 401),
        (json!({"scope": "*", "aud": "us", "exp": end}), 401),
        (json!({"scope": "*", "iss": "me", "exp": end}), 401),
    ] {
        assert_eq!(Caller::with(&server, claims.clone()).get("/tasks").await.status, status, "{claims}");
    }
}

#[tokio::test]
async fn a_key_of_the_same_kind_that_is_another_key_verifies_nothing() {
    let server = verifying(Algorithm::EdDSA).await;
    let signed = sign_by(&other(), Algorithm::EdDSA, None, &all());
    invalid(&Caller::bearing(&server, &signed).get("/tasks").await);
    let signed = sign_by(&private(Algorithm::EdDSA), Algorithm::EdDSA, None, &all());
    Caller::bearing(&server, &signed).get("/tasks").await.ok(200);
}

#[tokio::test]
async fn a_key_may_be_in_a_file() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("key.pem");
    std::fs::write(&file, RSA_PUBLIC).unwrap();
    let auth = json!({"mode": "jwt", "jwt": {"algorithm": "PS256", "publicKeyFile": file}});
    let server = secured_with(Store::Memory, json!({"auth": auth})).start().await;
    Caller::bearing(&server, &sign(Algorithm::PS256, None, &all())).get("/tasks").await.ok(200);
    invalid(&Caller::bearing(&server, &sign(Algorithm::RS256, None, &all())).get("/tasks").await);
}

#[tokio::test]
async fn a_token_in_the_query_counts_on_streams_only_and_only_if_that_is_allowed() {
    let auth = |allowed: bool| json!({"mode": "jwt", "queryToken": allowed, "jwt": {"secret": SECRET}});
    let good = token(&all());
    let server = secured_with(Store::Memory, json!({"auth": auth(true)})).start().await;
    Caller::root(&server).create("t").await;
    for path in ["/tasks/t/events", "/events"] {
        drop(server.stream(&format!("{path}?types=a&token={good}")).await);
        invalid(&server.get(&format!("{path}?token=nonsense")).await);
        let missing = server.get(&format!("{path}?token=")).await;
        missing.refused(401, "missing_token", "Missing Bearer token");
        let both = format!("{path}?token={good}");
        invalid(&server.call("GET", &both, &[("authorization", "Bearer nonsense")], b"").await);
        let wrong = server.call("GET", &both, &[("authorization", "nonsense")], b"").await;
        wrong.refused(401, "missing_token", "Missing Bearer token");
    }
    for (method, path) in
        [("GET", "/tasks"), ("GET", "/tasks/t"), ("POST", "/tasks/t/events"), ("DELETE", "/tasks/t")]
    {
        let answer = server.call(method, &format!("{path}?token={good}"), &[], b"").await;
        answer.refused(401, "missing_token", "Missing Bearer token");
    }
    assert!(!server.logs().contains(&good), "tokens are not logged");
    let strict = secured_with(Store::Memory, json!({"auth": auth(false)})).start().await;
    let answer = strict.get(&format!("/events?token={good}")).await;
    answer.refused(401, "missing_token", "Missing Bearer token");
}

#[tokio::test]
async fn without_authentication_tokens_are_ignored() {
    let server = Setup::new(Store::Memory).start().await;
    for header in ["Bearer nonsense", "nonsense", &format!("Bearer {}", token(&json!({"exp": 0})))] {
        with_header(&server, header).await.ok(200);
    }
    assert_eq!(server.get("/health/detail").await.ok(200)["auth"], json!({"mode": "none"}));
}

//! Credentials nobody should send: never a 500, never a panic, never let through.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;
use taskcast::config::Algorithm;

use super::keys::{ALGORITHMS, setting, sign};
use super::{Caller, secured_with};
use crate::support::{Store, Wire};

const TOKENS: usize = 400;

fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Something that is like a token.
fn like_a_token(good: String) -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec![
        "alg", "typ", "kid", "crit", "b64", "jwk", "x5c", "exp", "sub", "scope", "aud",
    ]);
    let leaf = prop_oneof![
        prop::sample::select(vec!["HS256", "none", "RS256", "b64", "exp", "*"]).prop_map(|word| json!(word)),
        any::<Option<i64>>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        "\\PC{0,12}".prop_map(|text| json!(text)),
    ];
    let value = leaf.prop_recursive(3, 12, 4, move |inner| {
        let pair = (names.clone().prop_map(str::to_owned), inner.clone());
        prop_oneof![
            prop::collection::vec(pair, 0..5)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
            prop::collection::vec(inner, 0..4).prop_map(serde_json::Value::Array),
        ]
    });
    let (start, cut) = (good.clone(), good.clone());
    let bent = (any::<prop::sample::Index>(), "[!-~]").prop_map(move |(place, letter)| {
        let place = place.index(start.len());
        format!("{}{letter}{}", &start[..place], &start[place + 1..])
    });
    let shorter =
        any::<prop::sample::Index>().prop_map(move |place| cut[..place.index(cut.len())].to_owned());
    let made = prop::collection::vec(value, 0..5)
        .prop_map(|parts| parts.iter().map(|value| part(&value.to_string())).collect::<Vec<_>>().join("."));
    let deep = (1..2000_usize).prop_map(|depth| format!("{0}.{0}.x", part(&"[".repeat(depth))));
    prop_oneof![3 => bent, 1 => shorter, 3 => made, 1 => deep, 2 => "[!-~]{0,200}"]
}

#[tokio::test]
async fn no_token_that_was_not_signed_is_let_through_or_makes_the_server_fail() {
    for algorithm in [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let auth = json!({"mode": "jwt", "queryToken": true, "jwt": setting(algorithm)});
        let server = secured_with(Store::Memory, json!({"auth": auth})).start().await;
        let good = sign(algorithm, Some("k"), &json!({"scope": ["*"], "sub": "ann"}));
        Caller::bearing(&server, &good).get("/tasks").await.ok(200);
        let (mut runner, tokens) = (TestRunner::deterministic(), like_a_token(good.clone()));
        let mut wire = Wire::connect(server.address).await;
        for _ in 0..TOKENS {
            let token = tokens.new_tree(&mut runner).expect("a token").current();
            if good.starts_with(&token) && token.len() + 2 > good.len() {
                continue;
            }
            let header = format!("Bearer {token}");
            let answer =
                wire.call("GET", "/tasks", &[("authorization", &header)], b"").await.expect("an answer");
            assert!(answer.status == 401 || token == good, "{algorithm:?} {token}: {}", answer.status);
        }
        server.is_well().await;
    }
}

#[tokio::test]
async fn signed_tokens_that_say_odd_things_are_judged_and_nothing_fails() {
    let odd = [
        json!({"scope": ["*"], "exp": 1e308}),
        json!({"scope": ["*"], "nbf": -1e308}),
        json!({"scope": ["*"], "exp": u64::MAX}),
        json!({"scope": ["*"], "taskIds": vec!["t"; 1000]}),
        json!({"scope": vec!["*"; 1000]}),
        json!({"scope": ["*"], "sub": ""}),
        json!({"scope": ["*"], "$serde_json::private::Number": "1", "$serde_json::private::RawValue": "x"}),
    ];
    for algorithm in ALGORITHMS.into_iter().filter(|algorithm| *algorithm != Algorithm::RS384) {
        let auth = json!({"mode": "jwt", "jwt": setting(algorithm)});
        let server = secured_with(Store::Memory, json!({"auth": auth})).start().await;
        for claims in &odd {
            let caller = Caller::bearing(&server, &sign(algorithm, None, claims));
            caller.get("/tasks").await.ok(200);
            drop(caller.stream("/events").await);
        }
        server.is_well().await;
    }
}

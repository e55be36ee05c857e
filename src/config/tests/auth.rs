//! Which settings say who may call, and which combinations are refused.

use serde_json::json;

use super::*;
use crate::config::resolve::testing::resolved;
use crate::config::{Config, Flags};

fn with(file: Value, vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
    resolved(file, vars, &Flags::default())
}

fn jwt(keys: Value) -> Value {
    json!({"auth": {"mode": "jwt", "jwt": keys}})
}

#[test]
fn without_a_word_everybody_may_do_everything() {
    let config = with(json!({}), &[]).unwrap();
    assert_eq!((config.auth.mode(), config.auth), ("none", AuthConfig::default()));
    let kept = json!({"auth": {"mode": "none", "jwt": {"secret": "x"}}, "adminToken": "t"});
    assert_eq!(with(kept, &[]).unwrap().auth, AuthConfig::default());
}

#[test]
fn every_setting_of_tokens_arrives() {
    let file = json!({
        "auth": {"mode": "jwt", "queryToken": true, "jwt": {
            "algorithm": "HS512", "secret": "s", "issuer": "i", "audience": ["a", "b"],
            "leewaySeconds": 5, "requireExp": true,
        }},
        "adminApi": true,
        "metrics": {"auth": true},
    });
    let expected = AuthConfig {
        jwt: Some(JwtConfig {
            algorithm: Algorithm::HS512,
            key: KeySource::Secret(Secret("s".into())),
            issuers: vec!["i".into()],
            audiences: vec!["a".into(), "b".into()],
            leeway: Duration::from_secs(5),
            require_exp: true,
        }),
        query_token: true,
        services: Vec::new(),
        admin: Some(AdminConfig { token: None }),
        metrics: true,
    };
    assert_eq!(with(file, &[]).unwrap().auth, expected);
}

#[test]
fn every_source_of_a_key_is_understood() {
    let key = |file, vars: &[_]| with(file, vars).unwrap().auth.jwt.unwrap().key;
    assert_eq!(
        key(jwt(json!({"algorithm": "ES256", "publicKey": "pem"})), &[]),
        KeySource::PublicKey("pem".into())
    );
    assert_eq!(
        key(jwt(json!({"algorithm": "EdDSA", "publicKeyFile": "k.pem"})), &[]),
        KeySource::PublicKeyFile("k.pem".into())
    );
    let jwks = KeySource::Jwks(JwksConfig {
        url: Secret("https://a.example/jwks".into()),
        refetch: Duration::from_secs(60),
        max_age: Duration::from_secs(3600),
    });
    assert_eq!(key(jwt(json!({"algorithm": "PS384", "jwksUrl": "https://a.example/jwks"})), &[]), jwks);
    let vars = [("TASKCAST_AUTH_MODE", "jwt"), ("TASKCAST_JWT_SECRET", "s")];
    assert_eq!(key(json!({}), &vars), KeySource::Secret(Secret("s".into())));
    let vars = [
        ("TASKCAST_AUTH_MODE", "jwt"),
        ("TASKCAST_JWT_ALGORITHM", "RS256"),
        ("TASKCAST_JWT_PUBLIC_KEY_FILE", "k"),
    ];
    assert_eq!(key(json!({}), &vars), KeySource::PublicKeyFile("k".into()));
}

#[test]
fn a_key_that_is_missing_doubled_or_of_another_kind_is_refused() {
    let table = [
        (jwt(json!({})), "config_needs_key"),
        (jwt(json!({"issuer": "i"})), "config_needs_key"),
        (jwt(json!({"secret": "s3cret", "jwksUrl": "https://s3cret.example"})), "config_contradiction"),
        (
            jwt(json!({"algorithm": "RS256", "publicKey": "s3cret", "publicKeyFile": "s3cret"})),
            "config_contradiction",
        ),
        (jwt(json!({"publicKey": "s3cret"})), "config_contradiction"),
        (jwt(json!({"jwksUrl": "https://s3cret.example"})), "config_contradiction"),
        (jwt(json!({"algorithm": "RS256", "secret": "s3cret"})), "config_contradiction"),
        (jwt(json!({"algorithm": "ES512", "publicKey": "s3cret"})), "config_bad_value"),
        (jwt(json!({"algorithm": "none", "secret": "s3cret"})), "config_bad_value"),
        (jwt(json!({"algorithm": "hs256", "secret": "s3cret"})), "config_bad_value"),
        (jwt(json!({"secret": ""})), "config_bad_value"),
        (jwt(json!({"secret": "-----BEGIN PUBLIC KEY-----s3cret"})), "config_bad_value"),
        (jwt(json!({"algorithm": "RS256", "jwksUrl": "file:///s3cret"})), "config_bad_value"),
        (jwt(json!({"algorithm": "RS256", "jwksUrl": "s3cret"})), "config_bad_value"),
        (jwt(json!({"sekret": "s3cret"})), "config_unknown_key"),
        (json!({"auth": {"mode": "custom"}}), "config_bad_value"),
        (json!({"auth": {"jwt": {"secret": "s3cret"}}}), "config_contradiction"),
        (json!({"auth": {"jwt": {"publicKeyFile": "s3cret"}}}), "config_contradiction"),
        (json!({"metrics": {"auth": true}}), "config_contradiction"),
        (json!({"adminApi": true, "adminToken": ""}), "config_bad_value"),
    ];
    for (file, code) in table {
        let error = with(file.clone(), &[]).unwrap_err();
        assert_eq!(error.code(), code, "{file}: {error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    let error = with(json!({}), &[("TASKCAST_JWT_SECRET", "s3cret")]).unwrap_err();
    let text = "environment variable `TASKCAST_JWT_SECRET` and the default of `auth.mode` contradict each other, \
                remove one or make them agree";
    assert_eq!(error.to_string(), text);
}

#[test]
fn trusted_services_are_complete_and_none_is_like_another() {
    let services = json!([
        {"name": "a", "key": "k1", "scope": ["task:create", "*"]},
        {"name": "b", "key": "k2", "scope": "event:publish", "taskIds": ["t", "u"]},
        {"name": "c", "key": "k3", "scope": ["task:signal"], "taskIds": "*"},
        {"name": "d", "key": "k4", "scope": ["task:signal"], "taskIds": "t"},
    ]);
    let config = with(json!({"trustedServices": services, "metrics": {"auth": true}}), &[]).unwrap();
    let found: Vec<_> =
        config.auth.services.into_iter().map(|one| (one.name, one.task_ids, one.scope)).collect();
    let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let expected = [
        ("a".to_owned(), None, list(&["task:create", "*"])),
        ("b".to_owned(), Some(list(&["t", "u"])), list(&["event:publish"])),
        ("c".to_owned(), None, list(&["task:signal"])),
        ("d".to_owned(), Some(list(&["t"])), list(&["task:signal"])),
    ];
    assert_eq!(found, expected);
    let whole = json!({"name": "a", "key": "s3cret", "scope": ["*"]});
    let without = |name: &str| {
        let mut service = whole.clone();
        service.as_object_mut().unwrap().remove(name);
        service
    };
    let table = [
        (json!([without("name")]), "`trustedServices[0].name` in config"),
        (json!([without("key")]), "`trustedServices[0].key` in config"),
        (json!([without("scope")]), "`trustedServices[0].scope` in config"),
        (json!([{"name": "a", "key": "s3cret", "scope": []}]), "`trustedServices[0].scope` in config"),
        (json!([{"name": "a", "key": "", "scope": ["*"]}]), "`trustedServices[0].key` in config"),
        (
            json!([{"name": "a", "key": "s3cret", "scope": ["task:*"]}]),
            "`trustedServices[0].scope[0]` in config",
        ),
        (json!([{"name": "a", "key": "s3cret", "scope": "all"}]), "`trustedServices[0].scope` in config"),
        (
            json!([whole, {"name": "b", "key": "s3cret", "scope": ["*"]}]),
            "`trustedServices[1].key` in config",
        ),
        (
            json!([whole, {"name": "a", "key": "other", "scope": ["*"]}]),
            "`trustedServices[1].name` in config",
        ),
        (json!([{"nam": "x"}]), "unknown key"),
    ];
    for (services, part) in table {
        let error = with(json!({"trustedServices": services}), &[]).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("s3cret"), "{services}: {error}");
    }
}

//! How many requests a caller may make: an addition to the protocol, off by default.

use serde_json::{Value, json};

use crate::auth::{Caller, secured_with};
use crate::support::{Answer, Client, Server, Setup, Store, wait_until};

/// So slow that no test sees it fill up again.
fn slow(burst: u32) -> Value {
    json!({"perSecond": 1, "burst": burst})
}

async fn limited(limits: Value) -> Server {
    secured_with(Store::Memory, json!({"rateLimit": limits})).start().await
}

/// How many requests are taken before one is not, of at most a hundred; those that fail count too.
async fn taken(mut ask: impl AsyncFnMut() -> Answer) -> usize {
    for taken in 0..100 {
        let answer = ask().await;
        if answer.status == 429 {
            answer.refused(429, "rate_limited", "Too many requests");
            let wait: u64 = answer.header("retry-after").expect("a time").parse().expect("seconds");
            assert!((1..=60).contains(&wait), "{wait}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            return taken;
        }
    }
    100
}

/// Whether this many were taken of a bucket for so many, which fills up by one a second.
#[track_caller]
fn about(taken: usize, burst: usize) {
    assert!((burst..burst + 30).contains(&taken), "{taken} of {burst}");
}

fn counted(metrics: &Answer, by: &str) -> u64 {
    let name = format!("taskcast_rate_limited_total{{by=\"{by}\"}} ");
    let line = metrics.text().lines().find_map(|line| line.strip_prefix(&name)).expect("it is shown");
    line.parse().expect("a number")
}

#[tokio::test]
async fn without_limits_there_are_none() {
    let server = Setup::new(Store::Memory).start().await;
    assert_eq!(taken(async || server.get("/tasks").await).await, 100);
    assert_eq!(counted(&server.get("/metrics").await, "address"), 0);
}

#[tokio::test]
async fn an_address_may_make_so_many_requests_and_health_is_for_everybody() {
    let config = json!({"rateLimit": {"perAddress": slow(20)}});
    let server = Setup::new(Store::Memory).config(config).start().await;
    about(taken(async || server.get("/tasks").await).await, 20);
    for path in ["/", "/health", "/health/ready", "/health/detail", "/metrics", "/openapi.json", "/docs"] {
        assert_eq!(taken(async || server.get(path).await).await, 100, "{path}");
    }
    let metrics = server.get("/metrics").await;
    assert!(counted(&metrics, "address") >= 1 && counted(&metrics, "principal") == 0);
    wait_until("the bucket fills up", async || (server.get("/tasks").await.status == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn wrong_credentials_count_against_the_address() {
    let server = limited(json!({"perAddress": slow(20)})).await;
    let (wrong, root) = (Caller::bearing(&server, "nonsense"), Caller::root(&server));
    about(taken(async || wrong.get("/tasks").await).await, 20);
    assert!(taken(async || root.get("/tasks").await).await < 30, "whoever guesses right is told nothing");
    let config = json!({"adminApi": true, "adminToken": "t", "rateLimit": {"perAddress": slow(20)}});
    let server = Setup::new(Store::Memory).config(config).start().await;
    about(taken(async || server.post("/admin/token", r#"{"adminToken":"x"}"#).await).await, 20);
}

#[tokio::test]
async fn each_principal_has_a_bucket_of_its_own() {
    let services = json!([{"name": "a", "key": "k", "scope": "*"}]);
    let settings = json!({"rateLimit": {"perPrincipal": slow(20)}, "trustedServices": services});
    let server = secured_with(Store::Memory, settings).start().await;
    let ann = Caller::with(&server, json!({"sub": "ann", "scope": "*"}));
    about(taken(async || ann.get("/tasks").await).await, 20);
    let again = Caller::with(&server, json!({"sub": "ann", "scope": "*", "jti": "another token"}));
    assert!(taken(async || again.get("/tasks").await).await < 30, "it is the same Ann");
    for claims in
        [json!({"sub": "bob"}), json!({"scope": "*", "name": "x"}), json!({"scope": "*", "name": "y"})]
    {
        let other = Caller::with(&server, claims);
        about(taken(async || other.get("/tasks").await).await, 20);
    }
    let service = Caller::service(&server, "k");
    about(taken(async || service.get("/tasks").await).await, 20);
    server.get("/tasks").await.refused(401, "missing_token", "Missing Bearer token");
    assert!(counted(&server.get("/metrics").await, "principal") >= 5);
}

async fn from(client: &Client, forwarded: &str) -> Answer {
    client.call("GET", "/tasks", &[("x-forwarded-for", forwarded)], b"").await
}

#[tokio::test]
async fn the_address_before_a_proxy_counts_if_the_proxy_is_trusted() {
    let config = |proxies: Value| json!({"rateLimit": {"perAddress": slow(20), "trustedProxies": proxies}});
    let server = Setup::new(Store::Memory).config(config(json!(["127.0.0.0/8"]))).start().await;
    for client in ["1.1.1.1", "1.1.1.2", "9.9.9.9, 1.1.1.3", "2001:db8:1::1", "2001:db8:2::1"] {
        about(taken(async || from(&server, client).await).await, 20);
    }
    assert!(taken(async || from(&server, "5.5.5.5, 1.1.1.1").await).await < 30, "what the client made up");
    assert!(taken(async || from(&server, "2001:db8:1::2").await).await < 30, "a neighbour");
    let server = Setup::new(Store::Memory).config(config(json!([]))).start().await;
    let mut number = 0;
    let made_up = async || {
        number += 1;
        from(&server, &format!("1.1.1.{number}")).await
    };
    about(taken(made_up).await, 20);
}

//! What health reports and metrics say of servers that work and that do not.

use serde_json::{Value, json};

use super::harness::{Cluster, Own, gauge};
use crate::support::{Store, wait_until};

#[tokio::test]
async fn the_detail_names_what_a_storage_is_made_of_and_what_it_survives() {
    let table = [
        (Store::Redis, "redis", "redis", None, vec!["redisCommand", "redisPubSub"]),
        (Store::Tiered, "redis", "redis", Some("postgres"), vec!["postgres", "redisCommand", "redisPubSub"]),
        (
            Store::Postgres,
            "redis",
            "postgres",
            Some("postgres"),
            vec!["postgres", "redisCommand", "redisPubSub"],
        ),
    ];
    for (store, broadcast, short, long, names) in table {
        let cluster = Cluster::start(store, 1).await;
        let server = &cluster.instances[0];
        let detail = server.get("/health/detail").await.ok(200);
        assert_eq!(detail["ok"], true, "{detail}");
        let adapter = |provider: &str| json!({"provider": provider, "status": "ok"});
        assert_eq!(detail["adapters"]["broadcast"], adapter(broadcast));
        assert_eq!(detail["adapters"]["shortTermStore"], adapter(short));
        assert_eq!(detail["adapters"]["longTermStore"], long.map_or(Value::Null, adapter));
        let dependencies = detail["dependencies"].as_object().expect("an object");
        assert_eq!(dependencies.keys().collect::<Vec<_>>(), names);
        for (name, found) in dependencies {
            assert_eq!((&found["configured"], &found["state"]), (&json!(true), &json!("healthy")), "{name}");
            assert_eq!(found["consecutiveFailures"], 0);
            let since = found["lastTransitionAt"].as_str().expect("a time");
            assert!(since.len() == 24 && since.ends_with('Z'), "{since}");
            assert_eq!(found.get("reconnectAttempts").is_some(), name == "redisPubSub");
        }
        assert_eq!(detail["storage"]["releaseReady"], store == Store::Tiered);
        let survives = detail["storage"]["survives"].as_str().expect("a sentence");
        assert!(server.logs().contains(survives), "it is printed at start");
        let ready = server.get("/health/ready").await.ok(200);
        let healthy: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), json!({"state": "healthy"}))).collect();
        assert_eq!(ready, json!({"ok": true, "dependencies": healthy}));
    }
}

#[tokio::test]
async fn a_server_that_goes_and_comes_back_is_seen_to_do_so() {
    let mut own = Own::start().await;
    let cluster = own.cluster(1).await;
    let server = &cluster.instances[0];
    server.running("t").await;
    own.redis.kill().await;
    let ready = server.get("/health/ready").await;
    assert_eq!(ready.status, 503);
    let refused = server.post("/tasks/t/events", r#"{"type":"n","data":1}"#).await;
    refused.refused_with(503, "dependency_unavailable", "redisCommand unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    let detail = server.get("/health/detail").await.ok(200);
    assert_eq!(
        (&detail["ok"], &detail["adapters"]["shortTermStore"]["status"]),
        (&json!(false), &json!("error"))
    );
    assert_ne!(detail["dependencies"]["redisCommand"]["state"], "healthy", "{detail}");
    assert_eq!(gauge(server, r#"taskcast_dependency_up{dependency="redisCommand"}"#).await, 0.0);
    own.redis.restart().await;
    wait_until("everything works again", async || {
        (server.get("/health/ready").await.status == 200).then_some(())
    })
    .await;
    server.publish("t", r#"{"type":"n","data":1}"#).await;
    wait_until("it is seen", async || {
        let detail = server.get("/health/detail").await.ok(200);
        let healthy = |name: &str| detail["dependencies"][name]["state"] == "healthy";
        (healthy("redisCommand") && healthy("redisPubSub")).then_some(())
    })
    .await;
    assert!(gauge(server, r#"taskcast_reconnects_total{dependency="redisCommand"}"#).await >= 1.0);
    let logs = server.logs();
    assert!(!logs.contains("s3cret") && !logs.contains("postgres://"), "{logs}");
}

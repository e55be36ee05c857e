//! What is delivered: every wanted event in order, in the form asked for, signed.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::receiver::Reply;
use super::{Delivery, Receiver, counted, first_indexes, indexes, publish, running, setup, willing};
use crate::support::{Server, Setup, Store};

with_each_store!(
    every_event_is_delivered_in_order,
    filters_choose_and_ranks_count_what_they_choose,
    endpoints_of_the_operator_get_events_of_every_task,
);

/// As the events of a history have it, in the order of the log.
async fn raw_events(server: &Server, id: &str) -> Vec<Value> {
    server.history(id, "").await
}

async fn every_event_is_delivered_in_order(store: Store) {
    let receiver = willing().await;
    let server = setup(store).start().await;
    running(&server, "t", json!([{"url": receiver.url("/hook?to=me")}])).await;
    for part in 0..10 {
        publish(&server, "t", part * 10..part * 10 + 10).await;
    }
    server.moved("t", "completed").await;
    let seen = receiver.exactly(102).await;
    let bodies: Vec<_> = seen.iter().map(Delivery::json).collect();
    assert_eq!(bodies, raw_events(&server, "t").await);
    for (delivery, event) in seen.iter().zip(&bodies) {
        assert_eq!(delivery.path, "/hook?to=me");
        assert_eq!(delivery.header("content-type"), Some("application/json"));
        assert_eq!(delivery.header("webhook-id"), event["id"].as_str());
        assert_eq!(delivery.header("x-taskcast-event"), event["type"].as_str());
        assert!(delivery.header("webhook-signature").is_none(), "there is no secret");
        assert!(delivery.header("x-taskcast-signature").is_none(), "there is no secret");
        assert!(delivery.number("x-taskcast-timestamp") <= delivery.number("webhook-timestamp"));
    }
    let agent = seen[0].header("user-agent").unwrap();
    assert_eq!(agent, format!("taskcast/{}", env!("CARGO_PKG_VERSION")));
    counted(&server, "success", 102).await;
}

async fn filters_choose_and_ranks_count_what_they_choose(store: Store) {
    let receiver = willing().await;
    let server = setup(store).start().await;
    let hooks = json!([
        {"url": receiver.url("/typed"), "wrap": true, "filter": {"types": ["llm.*"], "levels": ["warn", "info"]}},
        {"url": receiver.url("/quiet"), "filter": {"includeStatus": false}},
        {"url": receiver.url("/never"), "filter": {"types": []}},
    ]);
    running(&server, "t", hooks).await;
    let batch = json!([
        {"type": "llm.text", "data": {"delta": "a"}, "seriesId": "s", "seriesMode": "accumulate"},
        {"type": "llm.text", "level": "debug"},
        {"type": "other", "level": "warn"},
        {"type": "llm.text", "data": {"delta": "b"}, "seriesId": "s", "seriesMode": "accumulate"},
        {"type": "llm.end", "level": "warn"},
    ]);
    server.publish("t", &batch.to_string()).await;
    server.publish("t", r#"{"type":"llm.more"}"#).await;
    let seen = receiver.exactly(4 + 6).await;
    let (typed, quiet): (Vec<_>, Vec<_>) = seen.into_iter().partition(|delivery| delivery.path == "/typed");
    let place = |delivery: &Delivery| {
        let body = delivery.json();
        (body["filteredIndex"].as_u64().unwrap(), body["rawIndex"].as_u64().unwrap())
    };
    assert_eq!(typed.iter().map(place).collect::<Vec<_>>(), [(0, 1), (1, 4), (2, 5), (3, 6)]);
    assert_eq!(typed[1].json()["data"], json!({"delta": "b"}), "deltas come as they were sent");
    assert_eq!(typed[1].json()["eventId"].as_str(), typed[1].header("webhook-id"));
    assert!(quiet.iter().all(|delivery| delivery.path == "/quiet"));
    assert_eq!(indexes(&quiet), [1, 2, 3, 4, 5, 6]);
}

async fn endpoints_of_the_operator_get_events_of_every_task(store: Store) {
    let receiver = willing().await;
    let config = json!({"webhook": {
        "allowPrivate": true,
        "endpoints": [{"url": receiver.url("/all"), "secret": "global-secret",
            "filter": {"types": ["taskcast:status"]}}],
    }});
    let server = Setup::new(store).config(config).start().await;
    for id in ["a", "b"] {
        server.running(id).await;
        publish(&server, id, 0..3).await;
        server.moved(id, "cancelled").await;
    }
    let seen = receiver.exactly(4).await;
    for delivery in &seen {
        assert_eq!(delivery.header("x-taskcast-signature").unwrap(), by_hand("global-secret", delivery).0);
    }
    let mut moves: Vec<_> = seen
        .iter()
        .map(|delivery| {
            let body = delivery.json();
            (body["taskId"].as_str().unwrap().to_owned(), body["data"]["status"].clone())
        })
        .collect();
    moves.sort_by_key(|(id, _)| id.clone());
    let expected = [("a", "running"), ("a", "cancelled"), ("b", "running"), ("b", "cancelled")];
    assert_eq!(moves, expected.map(|(id, status)| (id.to_owned(), json!(status))));
}

/// Both signatures of a delivery, from the definition of HMAC (RFC 2104) rather than from a library of it.
fn by_hand(secret: &str, delivery: &Delivery) -> (String, String) {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD;
    let hmac = |key: &[u8], message: &[u8]| {
        let mut block = [0_u8; 64];
        block[..key.len()].copy_from_slice(key);
        let inner =
            Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
        Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize()
    };
    let of_body = hmac(secret.as_bytes(), &delivery.body);
    let id = delivery.header("webhook-id").unwrap();
    let signed =
        [id.as_bytes(), b".", delivery.header("webhook-timestamp").unwrap().as_bytes(), b".", &delivery.body];
    let key =
        secret.strip_prefix("whsec_").map_or(secret.as_bytes().to_vec(), |text| base64.decode(text).unwrap());
    let standard = hmac(&key, &signed.concat());
    (format!("sha256={}", hex::encode(of_body)), format!("v1,{}", base64.encode(standard)))
}

#[tokio::test]
async fn deliveries_are_signed_in_both_forms() {
    let receiver = willing().await;
    let server = setup(Store::Memory).start().await;
    let secrets = ["plain secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
    for (place, secret) in secrets.into_iter().enumerate() {
        let url = receiver.url(&format!("/{place}"));
        running(&server, &format!("t{place}"), json!([{"url": url, "secret": secret, "wrap": place == 0}]))
            .await;
    }
    for delivery in receiver.exactly(2).await {
        let secret = secrets[delivery.path[1..].parse::<usize>().unwrap()];
        let (of_body, standard) = by_hand(secret, &delivery);
        assert_eq!(delivery.header("x-taskcast-signature"), Some(&*of_body));
        assert_eq!(delivery.header("webhook-signature"), Some(&*standard));
    }
}

#[tokio::test]
async fn a_type_of_any_characters_comes_percent_encoded() {
    let receiver = willing().await;
    let server = setup(Store::Memory).start().await;
    running(&server, "t", json!([{"url": receiver.url("/"), "filter": {"includeStatus": false}}])).await;
    server.publish("t", &json!({"type": "é \r\nx-injected: 1/%", "data": {"é": 1}}).to_string()).await;
    let delivery = receiver.exactly(1).await.remove(0);
    assert_eq!(delivery.header("x-taskcast-event"), Some("%C3%A9%20%0D%0Ax-injected:%201/%"));
    assert_eq!(delivery.json()["data"], json!({"é": 1}));
}

#[tokio::test]
async fn a_newest_value_that_was_superseded_before_it_was_delivered_is_left_out_and_counted() {
    let receiver = Receiver::start(|delivery| match delivery.before {
        0 => Reply::status(500),
        _ => Reply::status(200),
    })
    .await;
    let server = setup(Store::Sqlite).start().await;
    let retry = json!({"backoff": "fixed", "initialDelayMs": 1500});
    running(&server, "t", json!([{"url": receiver.url("/"), "wrap": true, "retry": retry}])).await;
    receiver.until("the first attempt", |seen| seen.len() == 1).await;
    for n in 0..3 {
        let event = json!({"type": "progress", "data": n, "seriesId": "p", "seriesMode": "latest"});
        server.publish("t", &event.to_string()).await;
    }
    let seen = receiver.exactly(3).await;
    let last = seen[2].json();
    assert_eq!((&last["filteredIndex"], &last["rawIndex"], &last["data"]), (&json!(3), &json!(3), &json!(2)));
}

#[tokio::test]
async fn webhooks_of_one_task_do_not_wait_for_each_other() {
    let dead = Receiver::start(|_| Reply::Nothing).await;
    let receiver = willing().await;
    let server = setup(Store::Sqlite).start().await;
    let retry = json!({"timeoutMs": 60_000});
    let hooks = json!([{"url": dead.url("/"), "retry": retry}, {"url": receiver.url("/")}]);
    running(&server, "t", hooks).await;
    dead.until("an attempt at the dead one", |seen| seen.len() == 1).await;
    for n in 0..5 {
        publish(&server, "t", n..n + 1).await;
        receiver.until("the healthy one goes on", |seen| seen.len() == n as usize + 2).await;
    }
    assert_eq!(first_indexes(&receiver.so_far()), [0, 1, 2, 3, 4, 5]);
    assert_eq!(dead.so_far().len(), 1);
}

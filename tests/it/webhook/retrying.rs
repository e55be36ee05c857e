//! Attempts that fail, and when the next one is made.

use std::time::Duration;

use serde_json::{Value, json};

use super::receiver::Reply;
use super::{Delivery, Receiver, counted, failures, indexes, publish, running, setup, willing};
use crate::support::{Setup, Store};

/// A receiver that answers the first attempts as `reply` says, and accepts all others.
async fn failing_first(times: usize, reply: impl Fn() -> Reply + Send + Sync + 'static) -> Receiver {
    Receiver::start(move |delivery| if delivery.before < times { reply() } else { Reply::status(204) }).await
}

/// What lies between one delivery and the next.
fn gaps(deliveries: &[Delivery]) -> Vec<Duration> {
    deliveries.windows(2).map(|pair| pair[1].at - pair[0].at).collect()
}

#[tokio::test]
async fn a_delivery_that_fails_is_repeated_and_the_next_event_waits_for_it() {
    let receiver = failing_first(3, || Reply::status(500)).await;
    let server = setup(Store::Sqlite).start().await;
    let retry = json!({"initialDelayMs": 150, "timeoutMs": 30_000});
    let hook = json!([{"url": receiver.url("/"), "secret": "key", "retry": retry}]);
    running(&server, "t", hook).await;
    publish(&server, "t", 0..2).await;
    let seen = receiver.exactly(6).await;
    assert_eq!(indexes(&seen), [0, 0, 0, 0, 1, 2]);
    for (gap, delay) in gaps(&seen).into_iter().zip([150, 300, 600]) {
        assert!(gap >= Duration::from_millis(delay), "{gap:?} is shorter than {delay} ms");
    }
    for repeated in &seen[1..4] {
        for name in ["webhook-id", "x-taskcast-timestamp", "x-taskcast-signature", "x-taskcast-event"] {
            assert_eq!(repeated.header(name), seen[0].header(name), "{name}");
        }
        assert_eq!(repeated.body, seen[0].body);
        assert!(repeated.number("webhook-timestamp") >= seen[0].number("webhook-timestamp"));
    }
    counted(&server, "retry", 3).await;
    counted(&server, "success", 3).await;
    counted(&server, "failed", 0).await;
}

with_each_store!(a_delay_that_is_too_long_to_sit_out_is_kept_in_the_store);

async fn a_delay_that_is_too_long_to_sit_out_is_kept_in_the_store(store: Store) {
    let receiver = failing_first(1, || Reply::status(503)).await;
    let server = setup(store).start().await;
    let retry = json!({"backoff": "fixed", "initialDelayMs": 2500});
    running(&server, "t", json!([{"url": receiver.url("/"), "retry": retry}])).await;
    receiver.until("the first attempt", |seen| !seen.is_empty()).await;
    publish(&server, "t", 0..1).await;
    let seen = receiver.exactly(3).await;
    assert_eq!(indexes(&seen), [0, 0, 1]);
    assert!(gaps(&seen)[0] >= Duration::from_millis(2500), "{:?}", gaps(&seen));
    assert_eq!(seen[1].header("x-taskcast-timestamp"), seen[0].header("x-taskcast-timestamp"));
    assert!(seen[1].number("webhook-timestamp") - seen[0].number("webhook-timestamp") >= 2);
}

#[tokio::test]
async fn after_the_last_attempt_the_next_event_is_delivered() {
    let refuse = |delivery: &Delivery| Reply::status(if delivery.index() == 1 { 418 } else { 200 });
    let receiver = Receiver::start(refuse).await;
    let server = setup(Store::Sqlite).start().await;
    let retry = json!({"retries": 2, "backoff": "linear", "initialDelayMs": 20});
    running(&server, "t", json!([{"url": receiver.url("/"), "retry": retry}])).await;
    publish(&server, "t", 0..2).await;
    assert_eq!(indexes(&receiver.exactly(5).await), [0, 1, 1, 1, 2]);
    let failed = failures(&server, "t", 1).await;
    assert_eq!(
        (&failed[0]["index"], &failed[0]["attempts"], &failed[0]["status"]),
        (&json!(1), &json!(3), &json!(418))
    );
    counted(&server, "failed", 1).await;
    counted(&server, "retry", 2).await;
}

#[tokio::test]
async fn what_a_webhook_does_not_say_of_retries_the_operator_says() {
    let receiver = failing_first(1, || Reply::status(500)).await;
    let config = json!({"webhook": {"allowPrivate": true, "defaultRetry": {"retries": 0}}});
    let server = Setup::new(Store::Memory).config(config).start().await;
    running(&server, "t", json!([{"url": receiver.url("/"), "retry": {"initialDelayMs": 1}}])).await;
    publish(&server, "t", 0..1).await;
    assert_eq!(indexes(&receiver.exactly(2).await), [0, 1]);
}

#[tokio::test]
async fn a_receiver_that_is_gone_gets_nothing_more_of_this_task() {
    let gone =
        Receiver::start(|delivery| Reply::status(if delivery.task() == "t" { 410 } else { 200 })).await;
    let other = willing().await;
    let server = setup(Store::Sqlite).start().await;
    running(&server, "t", json!([{"url": gone.url("/")}, {"url": other.url("/")}])).await;
    failures(&server, "t", 1).await;
    publish(&server, "t", 0..5).await;
    assert_eq!(other.exactly(6).await.len(), 6);
    running(&server, "u", json!([{"url": gone.url("/")}])).await;
    let seen = gone.exactly(2).await;
    assert_eq!(seen.iter().map(Delivery::task).collect::<Vec<_>>(), ["t", "u"]);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let other = willing().await;
    let location = format!("location: {}\r\n", other.url("/"));
    let receiver = failing_first(1, move || Reply::with(307, &location)).await;
    let server = setup(Store::Memory).start().await;
    running(&server, "t", json!([{"url": receiver.url("/"), "retry": {"retries": 0}}])).await;
    publish(&server, "t", 0..1).await;
    assert_eq!(indexes(&receiver.exactly(2).await), [0, 1]);
    assert_eq!(failures(&server, "t", 1).await[0]["status"], json!(307));
    assert_eq!(other.so_far().len(), 0);
}

#[tokio::test]
async fn a_receiver_can_ask_for_more_time_and_not_for_less() {
    for (status, asked, least) in [(503, "1", 1000), (429, "1", 1000), (503, "0", 300), (500, "60", 300)] {
        let header = format!("retry-after: {asked}\r\n");
        let receiver = failing_first(1, move || Reply::with(status, &header)).await;
        let server = setup(Store::Memory).start().await;
        running(&server, "t", json!([{"url": receiver.url("/"), "retry": {"initialDelayMs": 300}}])).await;
        let seen = receiver.exactly(2).await;
        assert!(gaps(&seen)[0] >= Duration::from_millis(least), "{status} {asked}: {:?}", gaps(&seen));
    }
}

#[tokio::test]
async fn an_attempt_without_an_answer_in_time_is_repeated() {
    let receiver = failing_first(1, || Reply::Nothing).await;
    let server = setup(Store::Memory).start().await;
    let retry = json!({"timeoutMs": 200, "initialDelayMs": 0, "retries": 1});
    running(&server, "t", json!([{"url": receiver.url("/"), "retry": retry}])).await;
    publish(&server, "t", 0..1).await;
    let seen = receiver.until("both events", |seen| seen.last().is_some_and(|last| last.index() == 1)).await;
    assert_eq!(indexes(&seen)[..2], [0, 0]);
}

with_each_store!(a_receiver_that_was_away_gets_everything_once_it_is_back);

async fn a_receiver_that_was_away_gets_everything_once_it_is_back(store: Store) {
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let server = setup(store).start().await;
    let retry = json!({"retries": 1_000_000, "backoff": "fixed", "initialDelayMs": 100});
    running(&server, "t", json!([{"url": format!("http://{address}/"), "retry": retry}])).await;
    publish(&server, "t", 0..3).await;
    crate::support::wait_until("attempts", async || {
        let metrics = server.get("/metrics").await.text().to_owned();
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix("taskcast_webhook_deliveries_total{outcome=\"retry\"} "));
        line.and_then(|count| count.parse::<f64>().ok()).filter(|count| *count >= 2.0)
    })
    .await;
    let receiver = Receiver::start_at(address, |_| Reply::status(200)).await;
    let bodies: Vec<Value> = receiver.exactly(4).await.iter().map(Delivery::json).collect();
    assert_eq!(bodies, server.history("t", "").await);
}

//! Redis behind sentinels: instances follow the primary, wherever it goes.

use std::ops::Range;

use serde_json::{Value, json};

use super::harness::{Cluster, refused};
use crate::support::servers::{Guarded, Redis};
use crate::support::{Server, Setup, Store, Stream, wait_until};

async fn cluster_behind(guarded: &Guarded) -> Cluster {
    let setup = Setup::new(Store::Redis)
        .environment(vec![("TASKCAST_REDIS_URL", guarded.url()), ("TASKCAST_REDIS_PREFIX", Redis::prefix())]);
    Cluster::start_with(setup, 2).await
}

/// Waits until an instance can write again.
async fn until_ready(server: &Server) {
    wait_until("the instance is ready again", async || {
        (server.get("/health/ready").await.status == 200).then_some(())
    })
    .await;
}

/// Publishes these numbers, and reads them on a stream.
async fn publish_and_read(server: &Server, stream: &mut Stream, numbers: Range<usize>) {
    for number in numbers.clone() {
        server.publish("t", &json!({"type": "n", "data": number}).to_string()).await;
    }
    for number in numbers {
        assert_eq!(stream.event().await["data"], number);
    }
}

#[tokio::test]
async fn instances_go_on_with_the_server_that_sentinels_promote() {
    let mut guarded = Guarded::start(1).await;
    let cluster = cluster_behind(&guarded).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    one.running("t").await;
    let mut stream = other.stream("/tasks/t/events?since.index=0").await;
    publish_and_read(one, &mut stream, 0..20).await;

    guarded.until_complete().await;
    let killed = guarded.kill_primary().await;
    until_ready(one).await;
    publish_and_read(one, &mut stream, 20..40).await;
    killed.restart().await;

    guarded.until_complete().await;
    let frozen = guarded.freeze_primary().await;
    until_ready(one).await;
    publish_and_read(one, &mut stream, 40..60).await;
    frozen.thaw().await;

    until_ready(other).await;
    other.moved("t", "completed").await;
    assert_eq!(stream.rest().await.done.as_deref(), Some("completed"));
    for instance in [one, other] {
        let history = instance.history("t", "types=n").await;
        let numbers: Vec<_> = history.iter().map(|event| event["data"].clone()).collect();
        assert_eq!(numbers, (0..60).map(Value::from).collect::<Vec<_>>());
        let detail = instance.get("/health/detail").await.ok(200);
        assert_eq!(detail["dependencies"]["redisPubSub"]["state"], "healthy", "{detail}");
    }
}

#[tokio::test]
async fn one_living_sentinel_is_enough_to_find_the_primary() {
    let mut guarded = Guarded::start(3).await;
    let cluster = cluster_behind(&guarded).await;
    let [one, other] = &cluster.instances[..] else { panic!("two instances") };
    one.running("t").await;
    let mut stream = other.stream("/tasks/t/events?since.index=0").await;
    for left in 0..3 {
        for dead in (0..3).filter(|place| *place != left) {
            guarded.kill_sentinel(dead);
        }
        // The second time clients come from the one that lives, which told them of those that do not.
        for number in [2 * left, 2 * left + 1] {
            guarded.disconnect_clients().await;
            until_ready(one).await;
            publish_and_read(one, &mut stream, number..number + 1).await;
        }
        for dead in (0..3).filter(|place| *place != left) {
            guarded.restart_sentinel(dead);
        }
    }
}

#[tokio::test]
async fn a_service_that_sentinels_do_not_know_is_refused() {
    let guarded = Guarded::start(1).await;
    let text = refused(&[("TASKCAST_REDIS_URL", &guarded.url_of("other"))], &[]).await;
    assert!(text.contains("cannot connect to Redis") && text.contains("sentinel"), "{text}");
    let text =
        refused(&[("TASKCAST_REDIS_URL", "redis-sentinel://:s3cret@127.0.0.1:1?sentinelServiceName=x")], &[])
            .await;
    assert!(text.contains("sentinel"), "{text}");
}

//! The bus while connections come and go.

use bytes::Bytes;
use taskcast::stores::link::Phase;
use taskcast_actors::ports::{Bus, BusEvent, Interest, Topic};
use tokio::sync::mpsc::{Receiver, channel};

use super::*;
use crate::support::{wait_until, within};

struct Member {
    bus: RedisBus,
    heard: Receiver<BusEvent>,
}

async fn join(settings: &RedisSettings) -> Member {
    let bus = RedisBus::connect(settings).await.expect("the server can be reached");
    let (sender, heard) = channel(4096);
    bus.connect(sender);
    Member { bus, heard }
}

fn topic(n: usize) -> Topic {
    Topic::Task(id(&format!("task-{n}")))
}

fn interest(n: usize) -> Interest {
    Interest::Task(id(&format!("task-{n}")))
}

impl Member {
    async fn until(&mut self, what: &str, wanted: &BusEvent) {
        within(what, async { while self.heard.recv().await.as_ref() != Some(wanted) {} }).await;
    }

    /// Subscriptions are in force once they are answered, so that no message is sent twice here.
    async fn hears(&mut self, topic: Topic) {
        let text = Bytes::from_static(b"now");
        self.bus.publish(&topic, text.clone()).await.unwrap();
        self.until("the message comes", &BusEvent::Message(topic, text)).await;
    }
}

/// How many connections listen.
async fn listening(redis: &Redis) -> usize {
    let list = texts(&redis.command(&["CLIENT", "LIST", "TYPE", "pubsub"]).await).concat();
    list.lines().filter(|line| !line.trim().is_empty()).count()
}

#[tokio::test]
async fn one_connection_serves_all_subscriptions_and_takes_them_up_again() {
    let redis = Redis::start().await;
    let mut member = join(&settings(&redis)).await;
    let all = (0..500).map(interest).chain([Interest::Instances, Interest::AllTasks]);
    for interest in all {
        member.bus.subscribe(&interest).await.unwrap();
    }
    member.bus.unsubscribe(&Interest::AllTasks).await.unwrap();
    assert_eq!(listening(&redis).await, 1);
    for round in 0..3 {
        redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
        member.until("the gap is told of", &BusEvent::Gap).await;
        for topic in [topic(0), topic(250 + round), topic(499), Topic::Instances] {
            member.hears(topic).await;
        }
        assert_eq!(listening(&redis).await, 1);
    }
    let report = member.bus.link().snapshot();
    assert_eq!((report.phase, report.reconnects), (Phase::Healthy, 3));
    assert_eq!(member.bus.command_link().snapshot().reconnects, 0);
    let channels = texts(&redis.command(&["PUBSUB", "CHANNELS"]).await);
    assert_eq!((channels.len(), number(&redis.command(&["PUBSUB", "NUMPAT"]).await)), (501, 0));
}

#[tokio::test]
async fn a_pattern_is_taken_up_again_as_well() {
    let redis = Redis::start().await;
    let mut member = join(&settings(&redis)).await;
    member.bus.subscribe(&Interest::AllTasks).await.unwrap();
    redis.command(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    member.until("the gap is told of", &BusEvent::Gap).await;
    member.hears(topic(1)).await;
    assert_eq!(number(&redis.command(&["PUBSUB", "NUMPAT"]).await), 1);
}

#[tokio::test]
async fn what_is_asked_for_while_redis_is_away_is_done_when_it_is_back() {
    let mut redis = Redis::start().await;
    let settings = RedisSettings { command_timeout: Duration::from_secs(2), ..settings(&redis) };
    let mut member = join(&settings).await;
    member.bus.subscribe(&interest(1)).await.unwrap();
    member.bus.subscribe(&interest(2)).await.unwrap();
    member.bus.health().await.unwrap();
    redis.kill().await;
    let away = async || member.bus.health().await.is_err().then_some(());
    wait_until("the bus notices", away).await;
    assert!(member.bus.publish(&topic(1), Bytes::new()).await.is_err());
    member.bus.unsubscribe(&interest(1)).await.unwrap();
    member.bus.subscribe(&interest(3)).await.unwrap();

    redis.restart().await;
    member.until("the gap is told of", &BusEvent::Gap).await;
    wait_until("the bus works again", async || member.bus.publish(&topic(0), Bytes::new()).await.ok()).await;
    member.hears(topic(2)).await;
    member.hears(topic(3)).await;
    let channels = texts(&redis.command(&["PUBSUB", "CHANNELS"]).await);
    assert_eq!(channels.len(), 2, "{channels:?}");
}

#[tokio::test]
async fn ten_thousand_tasks_are_subscribed_to_quickly() {
    let redis = Redis::start().await;
    let member = join(&settings(&redis)).await;
    let all: Vec<Interest> = (0..10_000).map(interest).collect();
    let done = within(
        "all are subscribed to",
        futures_util::future::join_all(all.iter().map(|one| member.bus.subscribe(one))),
    )
    .await;
    assert!(done.into_iter().all(|answer| answer.is_ok()));
    assert_eq!(texts(&redis.command(&["PUBSUB", "CHANNELS"]).await).len(), 10_000);
    within(
        "none is any more",
        futures_util::future::join_all(all.iter().map(|one| member.bus.unsubscribe(one))),
    )
    .await;
    assert_eq!(texts(&redis.command(&["PUBSUB", "CHANNELS"]).await).len(), 0);
}

#[tokio::test]
async fn prefixes_that_look_like_patterns_do_not_hear_each_other() {
    let redis = Redis::shared().await;
    let settings = settings(redis);
    let strange = RedisSettings { prefix: format!("{}*", settings.prefix), ..settings.clone() };
    let similar = RedisSettings { prefix: format!("{}x", settings.prefix), ..settings };
    let (mut one, other) = (join(&strange).await, join(&similar).await);
    one.bus.subscribe(&Interest::AllTasks).await.unwrap();
    other.bus.publish(&topic(1), Bytes::from_static(b"not for you")).await.unwrap();
    one.bus.publish(&topic(2), Bytes::from_static(b"for you")).await.unwrap();
    let first = within("a message comes", one.heard.recv()).await;
    assert_eq!(first, Some(BusEvent::Message(topic(2), Bytes::from_static(b"for you"))));
}

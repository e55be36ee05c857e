//! What only the store in Redis and its bus promise.

mod bus;
mod fairness;
mod keys;
mod moves;
mod outage;
mod size;
mod tier;

use std::sync::Arc;
use std::time::Duration;

use taskcast::stores::redis::{RedisBus, RedisSettings, RedisStore};
use taskcast_actors::domain::{
    Change, Entropy, EventId, Head, Json, Level, NewTask, Series, SeriesMode, Stamp, TaskEvent, TaskId,
    TaskStatus, Timestamp,
};
use taskcast_actors::ports::{NewLog, Range, Slot, TaskStore};
use taskcast_actors::testing::bus_suite::Pair;

use crate::support::servers::Redis;

/// Settings under which nobody else keeps anything.
pub(super) fn settings(redis: &Redis) -> RedisSettings {
    RedisSettings {
        url: redis.url(),
        prefix: Redis::prefix(),
        command_timeout: Duration::from_secs(20),
        reconnect_delay: Duration::from_millis(100),
        ..RedisSettings::default()
    }
}

/// A store that holds nothing.
pub(super) async fn open(redis: &Redis, archived: bool) -> RedisStore {
    connect(RedisSettings { archived, ..settings(redis) }).await
}

pub(super) async fn connect(settings: RedisSettings) -> RedisStore {
    RedisStore::connect(settings).await.expect("the server can be reached")
}

/// Two members of a bus.
pub(super) async fn two_buses(redis: &Redis) -> Pair {
    let settings = settings(redis);
    let one = RedisBus::connect(&settings).await.expect("the server can be reached");
    let other = RedisBus::connect(&settings).await.expect("the server can be reached");
    (Arc::new(one), Arc::new(other))
}

fn id(name: &str) -> TaskId {
    TaskId::parse(name).expect("names in these tests are ids")
}

fn head(name: &str) -> Head {
    NewTask::default().into_head(id(name), Timestamp(1))
}

fn log(name: &str, length: u64) -> NewLog {
    let id = id(name);
    let events = (0..length).map(|index| event(&id, index, "{}")).collect();
    NewLog {
        head: Arc::new(head(name)),
        incarnation: 1,
        events,
        hidden: Vec::new(),
        replace: false,
        fresh: false,
    }
}

fn event(id: &TaskId, index: u64, data: &str) -> Arc<TaskEvent> {
    let series = Series { id: Some("s".into()), mode: Some(SeriesMode::Latest), acc_field: None };
    Arc::new(TaskEvent {
        id: EventId::compose(Timestamp(1), index, Entropy::new(7)),
        task_id: id.clone(),
        index,
        timestamp: Timestamp(1),
        event_type: "test".into(),
        level: Level::Info,
        data: Json::parse(data).expect("data in these tests is JSON"),
        series: Some(Box::new(series)),
        client: None,
        snapshot: false,
    })
}

fn stamp(version: u64) -> Stamp {
    Stamp { incarnation: 1, version, revision: 0 }
}

fn append(name: &str, version: u64, data: &str) -> Arc<Change> {
    let id = id(name);
    let events = vec![event(&id, version, data)];
    Arc::new(Change { events, ..Change::empty(id, stamp(version)) })
}

/// A change that ends the task.
fn finish(name: &str, version: u64) -> Arc<Change> {
    let mut head = head(name);
    head.task.status = TaskStatus::Completed;
    Arc::new(Change { head: Some(Arc::new(head)), ..Change::clone(&append(name, version, "{}")) })
}

/// Every slot of a log, page by page.
async fn slots(store: &RedisStore, name: &str, range: Range) -> Vec<Slot> {
    let (mut slots, mut from) = (Vec::new(), range.from);
    loop {
        let range = Range { from, ..range };
        let page = store.events(&id(name), range).await.unwrap();
        let ended = range.is_ended_by(&page);
        from = page.next;
        slots.extend(page.slots);
        if ended {
            return slots;
        }
    }
}

/// The number in an answer of the form `:n`.
fn number(answer: &str) -> i64 {
    answer.trim().trim_start_matches(':').parse().unwrap_or_else(|_| panic!("{answer:?} is a number"))
}

/// The texts in an answer of the protocol, however they are nested.
fn texts(answer: &str) -> Vec<String> {
    let (mut texts, mut rest) = (Vec::new(), answer);
    while let Some((line, tail)) = rest.split_once("\r\n") {
        rest = tail;
        let length = line.strip_prefix('$').and_then(|length| length.parse::<usize>().ok());
        if let Some((text, tail)) = length.and_then(|length| rest.split_at_checked(length)) {
            texts.push(text.to_owned());
            rest = tail.trim_start_matches("\r\n");
        }
    }
    texts
}

/// The number behind `name` in a section of what the server says of itself.
async fn info(redis: &Redis, section: &str, name: &str) -> Option<u64> {
    let text = redis.command(&["INFO", section]).await;
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:")))?;
    let value = line.trim_start_matches("calls=").split(',').next()?;
    value.parse().ok()
}

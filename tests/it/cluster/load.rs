//! Producers and readers that go on through anything, and what must be true in the end.

use std::collections::BTreeSet;
use std::io::Result;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::harness::{Addresses, Cluster};
use crate::support::client::request;
use crate::support::{Frame, Wire, wait_until};

const TASKS: usize = 4;
const PRODUCERS: u64 = 2;
const READERS: usize = 3;

/// How long a client waits before it tries again.
fn backoff() -> Interval {
    at_intervals(Duration::from_millis(25))
}

fn at_intervals(period: Duration) -> Interval {
    let mut pace = interval(period);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

/// What one producer knows of what it sent.
#[derive(Default)]
struct Sent {
    acknowledged: BTreeSet<u64>,
    unknown: BTreeSet<u64>,
}

/// An event as a reader or a history shows it.
type Shown = (u64, Value);

/// What producers and readers have in common.
#[derive(Default)]
struct Common {
    addresses: Addresses,
    /// How long a producer rests between two events, if at all.
    rest: Option<Duration>,
    stop: AtomicBool,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    interrupted: AtomicU64,
}

/// What clients noticed of failures.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Noticed {
    /// Writes that were not accepted, or had no answer.
    pub(super) refused: u64,
    /// Streams that broke off, or did not begin.
    pub(super) interrupted: u64,
}

/// Producers and readers at work.
pub(super) struct Load {
    common: Arc<Common>,
    clients: Vec<AbortHandle>,
    producers: JoinSet<(usize, Sent)>,
    readers: JoinSet<(usize, Vec<Shown>)>,
}

impl Load {
    /// Creates tasks and begins to publish to them, as fast as it goes, and to follow them.
    pub(super) async fn start(cluster: &Cluster) -> Self {
        Self::start_with(cluster, None).await
    }

    /// The same at no more than a hundred events a second.
    pub(super) async fn start_gently(cluster: &Cluster) -> Self {
        Self::start_with(cluster, Some(Duration::from_millis(10 * PRODUCERS * TASKS as u64))).await
    }

    async fn start_with(cluster: &Cluster, rest: Option<Duration>) -> Self {
        for task in 0..TASKS {
            cluster.instances[0].running(&name(task)).await;
        }
        let common = Arc::new(Common { addresses: cluster.addresses.clone(), rest, ..Common::default() });
        let (mut producers, mut readers, mut clients) = (JoinSet::new(), JoinSet::new(), Vec::new());
        for task in 0..TASKS {
            for _ in 0..READERS {
                clients.push(readers.spawn(read(Arc::clone(&common), task)));
            }
            for producer in 0..PRODUCERS {
                let first = producer * 1_000_000_000;
                clients.push(producers.spawn(produce(Arc::clone(&common), task, first)));
            }
        }
        Self { common, clients, producers, readers }
    }

    /// Waits until `count` more events have been acknowledged.
    pub(super) async fn goes_on(&self, count: u64) {
        let acknowledged = || self.common.acknowledged.load(Ordering::Relaxed);
        let goal = acknowledged() + count;
        let mut pace = backoff();
        wait_until("events are acknowledged", async || {
            pace.tick().await;
            assert!(!self.clients.iter().any(AbortHandle::is_finished), "a client has panicked");
            (acknowledged() >= goal).then_some(())
        })
        .await;
    }

    /// Stops producing, completes the tasks, and checks everything. Says what clients noticed before.
    pub(super) async fn finish(mut self, cluster: &Cluster) -> Noticed {
        self.common.stop.store(true, Ordering::Relaxed);
        let mut sent: Vec<Vec<Sent>> = (0..TASKS).map(|_| Vec::new()).collect();
        while let Some(done) = self.producers.join_next().await {
            let (task, one) = done.expect("a producer does not panic");
            sent[task].push(one);
        }
        for task in 0..TASKS {
            complete(&self.common.addresses, task).await;
        }
        let mut shown: Vec<Vec<Vec<Shown>>> = (0..TASKS).map(|_| Vec::new()).collect();
        while let Some(done) = self.readers.join_next().await {
            let (task, one) = done.expect("a reader does not panic");
            shown[task].push(one);
        }
        for task in 0..TASKS {
            check(cluster, &name(task), &sent[task], &shown[task]).await;
        }
        Noticed {
            refused: self.common.refused.load(Ordering::Relaxed),
            interrupted: self.common.interrupted.load(Ordering::Relaxed),
        }
    }
}

fn name(task: usize) -> String {
    format!("task-{task}")
}

/// A connection that is used until it breaks.
struct Line {
    addresses: Addresses,
    wire: Option<Wire>,
}

impl Line {
    async fn call(&mut self, method: &str, path: &str, body: &str) -> Result<(u16, Value)> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => Wire::try_connect(self.addresses.any()).await?,
        };
        let answer = wire.call(method, path, &[], body.as_bytes()).await?;
        self.wire = Some(wire);
        Ok((answer.status, answer.json()))
    }
}

/// Publishes numbers, each once; every other one also as a delta of a series.
async fn produce(common: Arc<Common>, task: usize, first: u64) -> (usize, Sent) {
    let mut line = Line { addresses: common.addresses.clone(), wire: None };
    let (mut sent, mut pace) = (Sent::default(), backoff());
    let mut rest = common.rest.map(at_intervals);
    let path = format!("/tasks/{}/events", name(task));
    for number in (first..).take_while(|_| !common.stop.load(Ordering::Relaxed)) {
        if let Some(rest) = &mut rest {
            rest.tick().await;
        }
        let body = match number % 2 {
            0 => format!(r#"{{"type":"n","data":{number}}}"#),
            _ => format!(
                r#"{{"type":"d","data":{{"delta":"{number},"}},"seriesId":"s","seriesMode":"accumulate"}}"#
            ),
        };
        match line.call("POST", &path, &body).await {
            Ok((201, _)) => {
                sent.acknowledged.insert(number);
                common.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Ok((503, _)) | Err(_) => {
                sent.unknown.insert(number);
                common.refused.fetch_add(1, Ordering::Relaxed);
                pace.tick().await;
            }
            Ok((status, body)) => panic!("{status} {body}"),
        }
    }
    (task, sent)
}

/// Completes the task, whatever it takes.
async fn complete(addresses: &Addresses, task: usize) {
    let mut line = Line { addresses: addresses.clone(), wire: None };
    let path = format!("/tasks/{}/status", name(task));
    let mut pace = backoff();
    loop {
        match line.call("PATCH", &path, r#"{"status":"completed"}"#).await {
            // The answer to an attempt that succeeded may have been lost.
            Ok((200 | 409, _)) => return,
            Ok((503, _)) | Err(_) => pace.tick().await,
            Ok((status, body)) => panic!("{status} {body}"),
        };
    }
}

/// Follows a task to its end, from where it was whenever the stream is lost.
async fn read(common: Arc<Common>, task: usize) -> (usize, Vec<Shown>) {
    let (mut shown, mut pace) = (Vec::new(), backoff());
    loop {
        match follow(common.addresses.any(), &name(task), &mut shown).await {
            Ok(true) => return (task, shown),
            Ok(false) | Err(_) => {
                common.interrupted.fetch_add(1, Ordering::Relaxed);
                pace.tick().await;
            }
        }
    }
}

/// One stream, as long as it lasts; whether the task has ended. The transition to running has index 0.
async fn follow(address: SocketAddr, task: &str, shown: &mut Vec<Shown>) -> Result<bool> {
    let last = shown.last().map_or(0, |(index, _)| *index);
    let mut wire = Wire::try_connect(address).await?;
    wire.send(&request("GET", &format!("/tasks/{task}/events?since.index={last}&wrap=false"), &[], b""))
        .await?;
    let head = wire.head().await?;
    if head.status != 200 {
        assert_eq!(head.status, 503);
        return Ok(false);
    }
    let mut text = String::new();
    while let Some(piece) = wire.chunk().await? {
        text.push_str(std::str::from_utf8(&piece).expect("frames are UTF-8"));
        while let Some(end) = text.find("\n\n") {
            let rest = text.split_off(end + 2);
            let frame = Frame(std::mem::replace(&mut text, rest));
            if let Some(event) = frame.event() {
                shown.push(as_shown(&event));
            } else if let Some(reason) = frame.done() {
                assert_eq!(reason, "completed");
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn as_shown(event: &Value) -> Shown {
    (event["index"].as_u64().expect("an index"), event["data"].clone())
}

/// Everything that was promised, for one task.
async fn check(cluster: &Cluster, task: &str, sent: &[Sent], readers: &[Vec<Shown>]) {
    let path = format!("/tasks/{task}/events/history");
    let hot = cluster.instances[0].get(&path).await;
    for instance in &cluster.instances {
        assert_eq!(instance.get(&path).await.text(), hot.text(), "every instance shows the same");
    }
    let history: Vec<Shown> = super::harness::events(&hot).iter().map(as_shown).collect();
    assert!(history.iter().zip(0..).all(|((index, _), place)| *index == place), "no holes, no doubles");
    for shown in readers {
        assert_eq!(shown[..], history[1..], "a reader sees every event once, in order");
    }
    let mut seen = BTreeSet::new();
    for number in history.iter().filter_map(|(_, data)| number_in(data)) {
        assert!(seen.insert(number), "{number} is there twice");
        let known = |one: &Sent| one.acknowledged.contains(&number) || one.unknown.contains(&number);
        assert!(sent.iter().any(known), "nobody sent {number}");
    }
    for one in sent {
        let lost: Vec<_> = one.acknowledged.difference(&seen).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    }
    check_text(cluster, task, &history).await;
    cluster.release_unchanged(task).await;
    check_text(cluster, task, &history).await;
}

/// That a late join shows the deltas joined in index order.
async fn check_text(cluster: &Cluster, task: &str, history: &[Shown]) {
    let expected: String = history.iter().filter_map(|(_, data)| data["delta"].as_str()).collect();
    let mut late = cluster.instances[0].stream(&format!("/tasks/{task}/events?types=d")).await;
    let whole = late.rest().await;
    assert_eq!(whole.done.as_deref(), Some("completed"));
    let text: Vec<_> = whole.events.iter().filter_map(|event| event["data"]["delta"].as_str()).collect();
    let nothing = expected.is_empty();
    assert_eq!(text, if nothing { vec![] } else { vec![expected.as_str()] });
}

fn number_in(data: &Value) -> Option<u64> {
    let delta = || data["delta"].as_str()?.trim_end_matches(',').parse().ok();
    data.as_u64().or_else(delta)
}

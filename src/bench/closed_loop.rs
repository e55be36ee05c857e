//! A closed loop of connections: each sends its request again as soon as it has the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use memchr::memmem;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::bench::cpu::cpu_time;
use crate::bench::http::Conn;
use crate::bench::sse::{leading_number, number_after};
use crate::bench::target::Target;

/// Time before the measured window.
const WARM_UP: Duration = Duration::from_millis(300);

/// What a closed loop sends.
pub struct Load {
    /// One request a connection.
    pub requests: Vec<Vec<u8>>,
    /// What each answer must hold.
    pub expect: Expect,
    /// When to end.
    pub until: Until,
}

/// What an answer must hold, next to status 201.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// A pending task.
    Task,
    /// One event.
    Event,
    /// An array of this many events with consecutive indexes.
    Events(u64),
}

/// When a closed loop ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After a warm-up and this time, which is measured.
    Elapsed(Duration),
    /// After this many requests of each connection, all measured.
    Requests(u64),
}

/// What a closed loop gave.
pub struct Outcome {
    /// Server CPU time an operation (task or event) in microseconds, when the process is known.
    pub cpu_micros: Option<f64>,
    /// Operations a second.
    pub rate: f64,
    /// What each connection received.
    pub received: Vec<Received>,
}

/// What one connection received.
#[derive(Default)]
pub struct Received {
    /// The first `index` of each answer.
    pub indexes: Vec<u64>,
    /// The body of the last answer.
    pub last: Vec<u8>,
}

/// The state that workers and clock share.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    answers: AtomicU64,
}

/// A reading of all counters at one moment.
struct Reading {
    at: Instant,
    cpu: Option<Duration>,
    answers: u64,
}

impl Expect {
    /// Operations of one request.
    fn operations(self) -> u64 {
        match self {
            Expect::Task | Expect::Event => 1,
            Expect::Events(count) => count,
        }
    }

    /// Checks an answer; the result is the first index in it.
    fn check(self, body: &[u8]) -> anyhow::Result<u64> {
        const KEY: &[u8] = br#""index":"#;
        if let Expect::Task = self {
            let pending = memmem::find(body, br#""status":"pending""#).is_some();
            ensure!(pending, "no pending task in {}", String::from_utf8_lossy(body));
            return Ok(0);
        }
        let first = number_after(body, KEY).context("an event without an index")?;
        if let Expect::Events(count) = self {
            let last = memmem::rfind(body, KEY).map(|at| &body[at + KEY.len()..]);
            let last = last.and_then(leading_number).context("an event without an index")?;
            let found = memmem::find_iter(body, KEY).count() as u64;
            ensure!(found == count, "{found} events were answered instead of {count}");
            ensure!(last + 1 == first + count, "a batch has indexes {first} to {last}");
        }
        Ok(first)
    }
}

/// Runs a load against a target.
pub async fn run(target: &Target, load: Load) -> anyhow::Result<Outcome> {
    run_over(&[target], load).await
}

/// Runs a load against targets that take turns: the first request goes to the first of them.
pub async fn run_over(targets: &[&Target], load: Load) -> anyhow::Result<Outcome> {
    let shared = Arc::new(Shared::default());
    let limit = match load.until {
        Until::Elapsed(_) => u64::MAX,
        Until::Requests(count) => count,
    };
    let expect = load.expect;
    let mut connected = Vec::with_capacity(load.requests.len());
    for (request, target) in load.requests.into_iter().zip(targets.iter().cycle()) {
        let conn = Conn::open(target).await?;
        connected.push(Worker { conn, request, expect, limit, shared: shared.clone() });
    }
    let mut from = Reading::take(targets, &shared)?;
    let mut workers = JoinSet::new();
    for (number, worker) in connected.into_iter().enumerate() {
        workers.spawn(async move { worker.run().await.map(|received| (number, received)) });
    }
    let mut to = None;
    if let Until::Elapsed(window) = load.until {
        hold(&mut workers, WARM_UP).await?;
        from = Reading::take(targets, &shared)?;
        hold(&mut workers, window).await?;
        to = Some(Reading::take(targets, &shared)?);
        shared.stop.store(true, Ordering::Relaxed);
    }
    let mut received = Vec::new();
    while let Some(result) = workers.join_next().await {
        received.push(result??);
    }
    received.sort_by_key(|(number, _)| *number);
    let to = to.map_or_else(|| Reading::take(targets, &shared), Ok)?;
    let operations = (to.answers - from.answers) * expect.operations();
    ensure!(operations > 0, "nothing was answered in the measured time");
    Ok(Outcome {
        cpu_micros: to.cpu_since(&from).map(|cpu| cpu.as_secs_f64() * 1e6 / operations as f64),
        rate: operations as f64 / (to.at - from.at).as_secs_f64(),
        received: received.into_iter().map(|(_, received)| received).collect(),
    })
}

/// One connection of the loop.
struct Worker {
    conn: Conn,
    request: Vec<u8>,
    expect: Expect,
    limit: u64,
    shared: Arc<Shared>,
}

impl Worker {
    /// Repeats the request until told to stop or until the limit.
    async fn run(mut self) -> anyhow::Result<Received> {
        let mut received = Received::default();
        for number in 1..=self.limit {
            let body = self.conn.call(&self.request, 201).await?;
            received.indexes.push(self.expect.check(body)?);
            self.shared.answers.fetch_add(1, Ordering::Relaxed);
            if number == self.limit || self.shared.stop.load(Ordering::Relaxed) {
                received.last = body.to_vec();
                break;
            }
        }
        Ok(received)
    }
}

/// Lets the workers run for a time; none of them may end.
async fn hold<T: 'static>(workers: &mut JoinSet<anyhow::Result<T>>, time: Duration) -> anyhow::Result<()> {
    match timeout(time, workers.join_next()).await {
        Err(_) => Ok(()),
        Ok(Some(ended)) => {
            ended??;
            bail!("a connection ended before its time")
        }
        Ok(None) => bail!("there is no connection"),
    }
}

impl Reading {
    fn take(targets: &[&Target], shared: &Shared) -> anyhow::Result<Self> {
        let used = targets.iter().map(|target| target.pid.map(cpu_time).transpose());
        let used: Option<Vec<Duration>> = used.collect::<anyhow::Result<_>>()?;
        Ok(Self {
            at: Instant::now(),
            cpu: used.map(|used| used.into_iter().sum()),
            answers: shared.answers.load(Ordering::Relaxed),
        })
    }

    fn cpu_since(&self, earlier: &Self) -> Option<Duration> {
        Some(self.cpu? - earlier.cpu?)
    }
}

//! How far Postgres is behind while events come at a steady pace.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use taskcast::bench::stats::percentile;

use crate::bench::Bench;
use crate::cluster::Cluster;
use taskcast::bench::http::Conn;
use taskcast::bench::sse::number_after;
use taskcast::bench::table::{Figure, Goal, Row, digits};
use taskcast::bench::target::Target;

use super::ledger::{Ledger, await_archive};

/// Publishing connections, half of them to each instance.
const CONNECTIONS: usize = 50;
/// Tasks of a connection, which take turns.
const TASKS: usize = 2;
/// Time between two events of a connection: 5,000 a second over all of them.
const PACE: Duration = Duration::from_millis(10);
/// How long the pace is held.
const HELD: Duration = Duration::from_secs(12);
/// Time between two looks at the lag.
const LOOK: Duration = Duration::from_millis(100);

/// What was seen, in seconds.
#[derive(Default)]
struct Seen {
    /// What the instances say, the larger one.
    gauge: Vec<f64>,
    /// The age of the oldest acknowledged event that Postgres lacks.
    truth: Vec<f64>,
}

/// 5,000 single events a second over 100 tasks and both instances.
pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut cluster = Cluster::start(bench.launcher()?).await?;
    let ledger = Ledger::new(cluster.targets()[0].create_tasks(CONNECTIONS * TASKS).await?);
    let ledger = Arc::new(ledger);
    let started = Instant::now();
    let mut publishing = JoinSet::new();
    for (connection, target) in (0..CONNECTIONS).zip(cluster.targets().iter().cycle()) {
        publishing.spawn(publish((*target).clone(), Arc::clone(&ledger), connection));
    }
    let before = cluster.used()?;
    let mut seen = observe(&mut cluster, &ledger, &mut publishing).await?;
    let (elapsed, after) = (started.elapsed(), cluster.used()?);
    let totals = ledger.totals();
    let events: u64 = totals.iter().map(|(_, total)| total).sum();
    let caught_up = await_archive(&mut cluster, &totals).await?;
    let each =
        |after: Duration, before| digits(after.saturating_sub(before).as_secs_f64() * 1e6 / events as f64);
    let cpu = format!(
        "CPU an event {} + {} + {} µs",
        each(after.instances, before.instances),
        each(after.redis, before.redis),
        each(after.postgres, before.postgres)
    );
    let rate = events as f64 / elapsed.as_secs_f64();
    let text = format!("{events} in {} s, {rate:.0}/s; {cpu}", digits(elapsed.as_secs_f64()));
    Ok(vec![
        row("a steady pace of 5,000 events/s, acknowledged", Figure::worded(rate, "1/s", text), Goal::Open),
        lag_row("what Postgres lacks then, age of the oldest, p50 and longest", &mut seen.truth),
        lag_row("the same as taskcast_archive_lag_seconds says", &mut seen.gauge),
        row(
            "until Postgres had everything, in order, none lost",
            Figure::new(caught_up.as_secs_f64(), "s"),
            Goal::AtMost(1.0, "≤ 1 s".into()),
        ),
    ])
}

fn row(name: &str, server: Figure, goal: Goal) -> Row {
    Row { scenario: format!("two instances: {name}"), baseline: None, server, goal }
}

fn lag_row(name: &str, seconds: &mut [f64]) -> Row {
    let mut at = |part| percentile(seconds, part).unwrap_or(f64::NAN);
    let (p50, longest) = (at(0.5), at(1.0));
    let text = format!("{} and {} s", digits(p50), digits(longest));
    row(name, Figure::worded(longest, "s", text), Goal::AtMost(1.0, "≤ 1 s".into()))
}

/// Looks at the lag until all connections have ended.
async fn observe(
    cluster: &mut Cluster,
    ledger: &Ledger,
    publishing: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<Seen> {
    let client = cluster.postgres()?.connect().await?;
    let mut seen = Seen::default();
    while !publishing.is_empty() {
        while let Some(ended) = publishing.try_join_next() {
            ended??;
        }
        seen.truth.push(ledger.lag(&client).await?.as_secs_f64());
        seen.gauge.push(cluster.metric("taskcast_archive_lag_seconds").await?);
        sleep(LOOK).await;
    }
    Ok(seen)
}

/// Publishes numbered events at the pace of one connection; whoever is late catches up.
async fn publish(target: Target, ledger: Arc<Ledger>, connection: usize) -> anyhow::Result<()> {
    let mut conn = Conn::open(&target).await?;
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for turn in 0..HELD.as_millis() / PACE.as_millis() {
        ticks.tick().await;
        let place = connection * TASKS + turn as usize % TASKS;
        let number = turn as u64 / TASKS as u64;
        let body = format!(r#"{{"type":"bench.token","data":{{"n":{number},"text":"0123456789abc"}}}}"#);
        let answer = conn.call(&target.publish(ledger.task(place), &body), 201).await?;
        let index = number_after(answer, br#""index":"#);
        ensure!(index == Some(number), "event {number} of a task has index {index:?}");
        ledger.acknowledge(place);
    }
    Ok(())
}

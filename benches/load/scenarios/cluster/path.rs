//! What a publish asks of Redis and of Postgres before it is answered.
//!
//! One connection publishes one event after the other, and the servers' own statistics say what they were asked for,
//! that of Postgres less what an idle time of the same length does. Redis alone shows the path itself: with Postgres the
//! archiver asks for something as well, in the background. At the end Postgres is stopped, which no publish may notice.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::time::sleep;

use taskcast::bench::stats::percentile;

use crate::bench::Bench;
use crate::cluster::Cluster;
use crate::servers::Calls;
use taskcast::bench::http::Conn;
use taskcast::bench::table::{Figure, Goal, Row, digits};

use super::ledger::{archived, await_archive};
use taskcast::bench::scenarios::events;

/// Publishes of a measurement.
const PUBLISHES: u64 = 3_000;
/// After this long the archiver has nothing left to do, and how long it is then looked at.
const SETTLED: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(4);
/// After this long idle connections of Postgres have reported what they did.
const REPORTED: Duration = Duration::from_secs(11);

/// What a number of publishes took.
struct Publishes {
    task: String,
    elapsed: Duration,
    p50: f64,
    p99: f64,
}

/// Round trips to Redis, transactions of Postgres, and a publish without Postgres.
pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let alone = Cluster::without_archive(bench.launcher()?).await?;
    let (_, alone) = calls_of(&alone).await?;
    let mut cluster = Cluster::start(bench.launcher()?).await?;
    let (running, with_archive) = calls_of(&cluster).await?;
    await_archive(&mut cluster, &[(running.task.clone(), PUBLISHES)]).await?;
    let (idle, idle_cpu) = idle(&cluster).await?;
    let transactions = transactions(&mut cluster).await?;
    let stopped = without_postgres(&mut cluster).await?;
    eprintln!("calls a publish, Redis alone: {}", listing(&alone));
    eprintln!("calls a publish, with Postgres: {}", listing(&with_archive));
    eprintln!("calls a second while nobody publishes: {}", listing(&idle));
    let scripts = |calls: &[(String, f64)]| of(calls, "evalsha") + of(calls, "eval");
    let (path, both) = (scripts(&alone), scripts(&with_archive));
    Ok(vec![
        row("round trips to Redis a publish", (path, format!("{path:.3}")), Goal::AtMost(1.005, "1".into())),
        row(
            "the same with Postgres, and with those of the archiver",
            (both, format!("{both:.3}, of which {:.3} commit", of(&with_archive, "xadd"))),
            Goal::Open,
        ),
        row(
            "scripts a second while nobody publishes, CPU of instances and Redis",
            (
                scripts(&idle),
                format!("{:.0}, {} % and {} %", scripts(&idle), digits(idle_cpu[0]), digits(idle_cpu[1])),
            ),
            Goal::Open,
        ),
        row(
            "messages a publish, after its answer",
            (of(&alone, "publish"), format!("{:.3}", of(&alone, "publish"))),
            Goal::Open,
        ),
        row(
            "transactions of Postgres a publish, all in the background",
            (transactions, format!("{transactions:.4}")),
            Goal::AtMost(0.1, "0 for an answer".into()),
        ),
        row(
            "publish while Postgres is stopped, p50 / p99",
            (stopped.p50, format!("{} (running {})", stopped.text(), running.text())),
            Goal::Open,
        ),
    ])
}

fn row(name: &str, (value, text): (f64, String), goal: Goal) -> Row {
    let scenario = format!("two instances: {name}");
    Row { scenario, baseline: None, server: Figure::worded(value, "", text), goal }
}

/// How often each command is called, a publish, whoever asks for it.
async fn calls_of(cluster: &Cluster) -> anyhow::Result<(Publishes, Vec<(String, f64)>)> {
    publish(cluster, PUBLISHES / 10).await?;
    sleep(SETTLED).await;
    let before = cluster.redis.calls().await?;
    let published = publish(cluster, PUBLISHES).await?;
    let after = cluster.redis.calls().await?;
    Ok((published, calls_between(&before, &after, PUBLISHES as f64)))
}

/// How often each command is called in a second in which nobody publishes, and what part of a processor the instances
/// and Redis then use, in percent.
async fn idle(cluster: &Cluster) -> anyhow::Result<(Vec<(String, f64)>, [f64; 2])> {
    sleep(SETTLED).await;
    let (before, used) = (cluster.redis.calls().await?, cluster.used()?);
    sleep(IDLE).await;
    let (after, used_by_then) = (cluster.redis.calls().await?, cluster.used()?);
    let part = |from, to: Duration| 100.0 * to.saturating_sub(from).as_secs_f64() / IDLE.as_secs_f64();
    let instances = part(used.instances, used_by_then.instances);
    let redis = part(used.redis, used_by_then.redis);
    Ok((calls_between(&before, &after, IDLE.as_secs_f64()), [instances, redis]))
}

fn calls_between(before: &Calls, after: &Calls, share: f64) -> Vec<(String, f64)> {
    let calls = after.iter().map(|(name, count)| {
        let count = count - before.get(name).copied().unwrap_or_default();
        (name.clone(), count as f64 / share)
    });
    calls.collect()
}

fn of(calls: &[(String, f64)], name: &str) -> f64 {
    calls.iter().find(|(called, _)| called == name).map_or(0.0, |(_, each)| *each)
}

/// Everything that is called more than now and then.
fn listing(calls: &[(String, f64)]) -> String {
    let often = calls.iter().filter(|(_, each)| *each > 0.001);
    often.map(|(name, each)| format!("{name} {each:.3}")).collect::<Vec<_>>().join(", ")
}

/// Transactions of Postgres a publish, beyond those of an idle time as long.
async fn transactions(cluster: &mut Cluster) -> anyhow::Result<f64> {
    sleep(REPORTED).await;
    let before = committed(cluster).await?;
    let published = publish(cluster, PUBLISHES).await?;
    await_archive(cluster, &[(published.task, PUBLISHES)]).await?;
    sleep(REPORTED).await;
    let between = committed(cluster).await?;
    sleep(published.elapsed + REPORTED).await;
    let after = committed(cluster).await?;
    Ok(((between - before) - (after - between)) as f64 / PUBLISHES as f64)
}

/// Transactions that were committed so far.
async fn committed(cluster: &mut Cluster) -> anyhow::Result<i64> {
    let client = cluster.postgres()?.connect().await?;
    let sum = "SELECT sum(xact_commit)::int8 FROM pg_stat_database";
    Ok(client.query_one(sum, &[]).await?.try_get(0)?)
}

/// Publishes while Postgres is stopped, and sees that it has everything once it is back.
async fn without_postgres(cluster: &mut Cluster) -> anyhow::Result<Publishes> {
    cluster.postgres()?.stop();
    let published = publish(cluster, PUBLISHES).await?;
    cluster.postgres()?.resume().await?;
    let has = archived(&cluster.postgres()?.connect().await?).await?;
    ensure!(!has.contains_key(&published.task), "Postgres has a task of the time in which it was stopped");
    await_archive(cluster, &[(published.task.clone(), PUBLISHES)]).await?;
    Ok(published)
}

/// Publishes to the first instance, one event after the other, to a fresh task.
async fn publish(cluster: &Cluster, count: u64) -> anyhow::Result<Publishes> {
    let [target, _] = cluster.targets();
    let task = target.create_tasks(1).await?.remove(0);
    let request = target.publish(&task, events::PLAIN);
    let mut conn = Conn::open(target).await?;
    let started = Instant::now();
    let mut times = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let sent = Instant::now();
        conn.call(&request, 201).await?;
        times.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    let elapsed = started.elapsed();
    let mut part = |part| percentile(&mut times, part).context("nothing was published");
    Ok(Publishes { task, elapsed, p50: part(0.5)?, p99: part(0.99)? })
}

impl Publishes {
    fn text(&self) -> String {
        format!("{} / {} ms", digits(self.p50), digits(self.p99))
    }
}

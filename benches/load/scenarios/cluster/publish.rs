//! Publishing to two instances at the same time.

use std::time::Duration;

use crate::bench::Bench;
use crate::cluster::Cluster;
use taskcast::bench::table::{Figure, Goal, Row, digits};

use super::spread;
use taskcast::bench::scenarios::events;
use taskcast::bench::scenarios::publish::{BATCH, Plan, measure_over};

/// The references and the multiples of them that are to be reached: events a second of another implementation.
const SINGLE: (f64, f64) = (1_700.0, 10.0);
const SERIES: (f64, f64) = (1_000.0, 10.0);
const BATCHES: (f64, f64) = (2_400.0, 40.0);

/// What a round gave.
struct Round {
    /// Events a second.
    rate: f64,
    /// CPU time an event of the instances, of Redis and of Postgres, in microseconds.
    cpu: [f64; 3],
}

/// One plain event a request, a task a connection.
pub async fn single(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let name = "publish one event a request, a task a connection";
    run(bench, name, &Plan::plain(bench.pace.connections), SINGLE).await
}

/// One accumulate delta a request, a series a connection.
pub async fn series(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let plan = Plan { body: events::SERIES.to_owned(), events: 1, tasks: bench.pace.connections };
    run(bench, "publish one accumulate delta a request", &plan, SERIES).await
}

/// Batches of plain events, a task a connection.
pub async fn batch(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let name = format!("publish in batches of {BATCH}, events");
    run(bench, &name, &Plan::batches(bench.pace.connections), BATCHES).await
}

async fn run(
    bench: &Bench,
    name: &str,
    plan: &Plan,
    (reference, multiple): (f64, f64),
) -> anyhow::Result<Vec<Row>> {
    let cluster = Cluster::start(bench.launcher()?).await?;
    let mut rounds = Vec::with_capacity(bench.pace.rounds);
    for _ in 0..bench.pace.rounds {
        rounds.push(round(bench, &cluster, plan).await?);
    }
    let rates = spread(rounds.iter().map(|round| round.rate / 1e3).collect(), "k/s");
    let cpu = (0..3).map(|part| spread(rounds.iter().map(|round| round.cpu[part]).collect(), "µs").value);
    let cpu: Vec<String> = cpu.map(digits).collect();
    let text = format!("{}; CPU an event {} µs", rates.text, cpu.join(" + "));
    let per_second = |rate: f64| Figure::new(rate / 1e3, "k/s");
    Ok(vec![Row {
        scenario: format!("two instances: {name} (CPU: instances + Redis + Postgres)"),
        baseline: Some(per_second(reference)),
        server: Figure::worded(rates.value, rates.unit, text),
        goal: Goal::RatioAtLeast(multiple),
    }])
}

/// CPU time is that of the whole round, which is a little more than the measured time.
async fn round(bench: &Bench, cluster: &Cluster, plan: &Plan) -> anyhow::Result<Round> {
    let before = cluster.used()?;
    let outcome = measure_over(&bench.pace, &cluster.targets(), plan).await?;
    let after = cluster.used()?;
    let answers: usize = outcome.received.iter().map(|received| received.indexes.len()).sum();
    let events = (answers * plan.events) as f64;
    let each = |after: Duration, before| after.saturating_sub(before).as_secs_f64() * 1e6 / events;
    let cpu = [
        each(after.instances, before.instances),
        each(after.redis, before.redis),
        each(after.postgres, before.postgres),
    ];
    Ok(Round { rate: outcome.rate, cpu })
}

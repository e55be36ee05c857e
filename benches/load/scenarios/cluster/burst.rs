//! How fast Postgres gets what was published faster than it can take it.

use std::time::Instant;

use crate::bench::Bench;
use crate::cluster::Cluster;
use taskcast::bench::closed_loop::{self, Expect, Load, Until};
use taskcast::bench::table::{Figure, Goal, Row, digits};

use super::ledger::await_archive;
use taskcast::bench::scenarios::events;
use taskcast::bench::scenarios::publish::BATCH;

/// Batches of each connection, to a task of its own.
const BATCHES: u64 = 100;

/// Batches at full speed, and the time until Postgres has them all, in order.
pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut cluster = Cluster::start(bench.launcher()?).await?;
    let targets = cluster.targets();
    let tasks = targets[0].create_tasks(bench.pace.connections).await?;
    let body = events::batch(events::PLAIN, BATCH);
    let load = Load {
        requests: tasks
            .iter()
            .zip(targets.iter().cycle())
            .map(|(task, to)| to.publish(task, &body))
            .collect(),
        expect: Expect::Events(BATCH as u64),
        until: Until::Requests(BATCHES),
    };
    let started = Instant::now();
    closed_loop::run_over(&targets, load).await?;
    let published = started.elapsed().as_secs_f64();
    let each = BATCHES * BATCH as u64;
    let totals: Vec<_> = tasks.into_iter().map(|task| (task, each)).collect();
    let behind = await_archive(&mut cluster, &totals).await?.as_secs_f64();
    let events = (totals.len() as u64 * each) as f64;
    let rate = events / (published + behind) / 1e3;
    let text = format!("{} s, {} k/s from the first to the last", digits(behind), digits(rate));
    Ok(vec![Row {
        scenario: format!(
            "two instances: {events} events in {} s, until Postgres had everything",
            digits(published)
        ),
        baseline: None,
        server: Figure::worded(behind, "s", text),
        goal: Goal::Open,
    }])
}

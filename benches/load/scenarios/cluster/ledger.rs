//! What was acknowledged and when, against what Postgres has.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use parking_lot::Mutex;
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::cluster::Cluster;

/// Time for Postgres to get what it lacks after the last publish.
const CATCH_UP: Duration = Duration::from_secs(60);

/// When the events of each task were acknowledged, by their indexes.
pub(super) struct Ledger {
    tasks: Vec<(String, Mutex<Vec<Instant>>)>,
}

impl Ledger {
    /// A ledger of these tasks, which have no event yet.
    pub(super) fn new(tasks: Vec<String>) -> Self {
        Self { tasks: tasks.into_iter().map(|task| (task, Mutex::default())).collect() }
    }

    /// A task by its place.
    pub(super) fn task(&self, place: usize) -> &str {
        &self.tasks[place].0
    }

    /// The next event of a task was acknowledged now.
    pub(super) fn acknowledge(&self, place: usize) {
        self.tasks[place].1.lock().push(Instant::now());
    }

    /// How many events of each task were acknowledged.
    pub(super) fn totals(&self) -> Vec<(String, u64)> {
        let count = |times: &Mutex<Vec<Instant>>| times.lock().len() as u64;
        self.tasks.iter().map(|(task, times)| (task.clone(), count(times))).collect()
    }

    /// How long ago the oldest event was acknowledged that Postgres lacks.
    pub(super) async fn lag(&self, client: &Client) -> anyhow::Result<Duration> {
        let has = archived(client).await?;
        let oldest = self.tasks.iter().filter_map(|(task, times)| {
            let version = has.get(task).copied().unwrap_or_default();
            times.lock().get(usize::try_from(version).ok()?).copied()
        });
        Ok(oldest.min().map_or(Duration::ZERO, |oldest| oldest.elapsed()))
    }
}

/// How many events Postgres has of each task, as far as it has committed them.
pub(super) async fn archived(client: &Client) -> anyhow::Result<HashMap<String, u64>> {
    let rows = client.query("SELECT id, version FROM taskcast_tasks", &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get::<_, i64>(1)?.unsigned_abs()))).collect()
}

/// Waits until Postgres has exactly so many events of each task, each once and in order; says how long that took.
pub(super) async fn await_archive(
    cluster: &mut Cluster,
    totals: &[(String, u64)],
) -> anyhow::Result<Duration> {
    let client = cluster.postgres()?.connect().await?;
    let started = Instant::now();
    let behind = |has: &HashMap<String, u64>| totals.iter().any(|(task, total)| has.get(task) != Some(total));
    while behind(&archived(&client).await?) {
        ensure!(started.elapsed() < CATCH_UP, "Postgres still lacks events {} s later", CATCH_UP.as_secs());
        sleep(Duration::from_millis(20)).await;
    }
    let took = started.elapsed();
    for (task, total) in totals {
        check(&client, task, *total).await?;
    }
    Ok(took)
}

/// Checks that the rows of a task have the indexes from 0 on, in the order of time, and, where events are numbered, in
/// the order in which they were published.
async fn check(client: &Client, task: &str, total: u64) -> anyhow::Result<()> {
    const ROWS: &str =
        "SELECT idx, ts, (data->>'n')::int8 FROM taskcast_events WHERE task_id = $1 ORDER BY idx";
    let rows = client.query(ROWS, &[&task]).await.context("reading what was archived")?;
    ensure!(rows.len() as u64 == total, "Postgres has {} events of {total} of a task", rows.len());
    let mut last = i64::MIN;
    for (place, row) in (0..).zip(&rows) {
        let (index, at, number): (i64, i64, Option<i64>) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let fits = index == place && number.is_none_or(|number| number == place) && at >= last;
        ensure!(fits, "in the place of event {place} Postgres has {index}, published as {number:?}");
        last = at;
    }
    Ok(())
}

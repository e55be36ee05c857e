//! SQLite storage against memory storage, and its restart.

use std::time::Instant;

use anyhow::{Context, ensure};

use taskcast::bench::Both;

use crate::bench::{Bench, MEMORY_SERVER};
use crate::process::{Program, Storage};
use taskcast::bench::closed_loop::{self, Expect, Load, Until};
use taskcast::bench::http::Conn;
use taskcast::bench::table::{Figure, Goal, Row, digits};
use taskcast::bench::target::id_of;

use taskcast::bench::scenarios::publish::{self, Plan, Speed};

/// Tasks at the restart.
const TASKS: u64 = 100_000;

/// Single events: throughput on SQLite as a ratio to memory.
pub async fn publish(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let plan = Plan::plain(bench.pace.connections);
    let speeds = compare(bench, &plan).await?;
    Ok(vec![rate_row("SQLite: publish one event a request", &speeds, 0.4)])
}

/// Batches: throughput on SQLite as a ratio to memory.
pub async fn batch(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let plan = Plan::batches(bench.pace.connections);
    let speeds = compare(bench, &plan).await?;
    Ok(vec![rate_row("SQLite: publish in batches of 100, events", &speeds, 0.5)])
}

async fn compare(bench: &Bench, plan: &Plan) -> anyhow::Result<Both<Speed>> {
    let storage = bench.launcher()?.storage;
    ensure!(storage == Storage::Sqlite, "this scenario needs --storage sqlite");
    let measure = async |target: &_| publish::measure(&bench.pace, target, plan).await;
    bench.compare(MEMORY_SERVER, bench.pace.rounds, measure).await
}

/// Restarts the server on a file with many tasks.
pub async fn restart(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let launcher = bench.launcher()?;
    let program = Program::Server(Storage::Sqlite);
    let server = launcher.start(program).await?;
    let connections = bench.pace.connections as u64;
    let body = r#"{"type":"bench","ttl":86400}"#;
    let load = Load {
        requests: vec![server.target.request("POST", "/tasks", body); bench.pace.connections],
        expect: Expect::Task,
        until: Until::Requests(TASKS.div_ceil(connections)),
    };
    let outcome = closed_loop::run(&server.target, load).await?;
    let folder = server.stop().await?;
    let started = Instant::now();
    let server = launcher.restart(program, folder).await?;
    let millis = started.elapsed().as_secs_f64() * 1e3;
    for received in &outcome.received {
        let path = format!("/tasks/{}", id_of(&received.last)?);
        let get = server.target.request("GET", &path, "");
        let mut conn = Conn::open(&server.target).await?;
        conn.call(&get, 200).await.context("a task is gone after the restart")?;
    }
    Ok(vec![Row {
        scenario: format!("SQLite: restart with {TASKS} tasks, time until ready"),
        baseline: None,
        server: Figure::new(millis, "ms"),
        goal: Goal::AtMost(1000.0, "≤ 1 s".to_owned()),
    }])
}

/// The row of a throughput.
fn rate_row(name: &str, speeds: &Both<Speed>, least: f64) -> Row {
    let (memory, sqlite) = speeds.medians(|speed| speed.rate);
    let figure = |rate: f64| Figure::worded(rate, "1/s", format!("{} k/s", digits(rate / 1e3)));
    Row {
        scenario: name.to_owned(),
        baseline: memory.map(figure),
        server: figure(sqlite),
        goal: Goal::RatioAtLeast(least),
    }
}

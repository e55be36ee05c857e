//! Memory of idle readers and of running tasks.

use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::bench::Bench;
use crate::process::{Program, resident};
use taskcast::bench::Ground as _;
use taskcast::bench::http::Conn;
use taskcast::bench::sse::{Order, SseReader, number_after};
use taskcast::bench::table::{Figure, Goal, Row};
use taskcast::bench::target::{Target, id_of};

use taskcast::bench::scenarios::events;

/// Idle readers of one task.
const READERS: usize = 4_000;
/// Running tasks.
const TASKS: usize = 20_000;
/// Events of each running task.
const EVENTS: usize = 5;
/// Tasks or readers before the measurement, so that pools and caches are there.
const WARM_UP: usize = 64;
/// Time for the server to settle before its memory is read.
const SETTLE: Duration = Duration::from_secs(1);
/// Bytes of a kilobyte.
const KB: f64 = 1024.0;

/// Resident memory of an idle reader.
pub async fn idle_readers(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    bench.launcher()?;
    let both = bench.compare(Program::Floor, 1, async |target| readers(target).await).await?;
    let (floor, server) = both.medians(|bytes| *bytes);
    Ok(vec![Row {
        scenario: format!("memory per idle reader ({READERS} on one task)"),
        baseline: floor.map(|bytes| Figure::new(bytes / KB, "KB")),
        server: Figure::new(server / KB, "KB"),
        goal: Goal::RatioAtMost(1.2),
    }])
}

async fn readers(target: &Target) -> anyhow::Result<f64> {
    let tasks = target.create_tasks(1).await?;
    let task = &tasks[0];
    let mut open = open_readers(target, task, WARM_UP).await?;
    let pid = target.pid.context("the process is not known")?;
    sleep(SETTLE).await;
    let before = resident(pid)?;
    open.extend(open_readers(target, task, READERS).await?);
    sleep(SETTLE).await;
    let after = resident(pid)?;
    // Readers that get an event now were really open.
    Conn::open(target).await?.call(&target.publish(task, events::PLAIN), 201).await?;
    for reader in &mut open {
        reader.read_frames(1, |_| Ok(())).await?;
    }
    Ok((after as f64 - before as f64) / READERS as f64)
}

/// Opens readers, 64 at a time.
async fn open_readers(target: &Target, task: &str, count: usize) -> anyhow::Result<Vec<SseReader>> {
    let mut opening = JoinSet::new();
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        let (target, path) = (target.clone(), format!("/tasks/{task}/events"));
        opening.spawn(async move { SseReader::open(&target, &path, Order::Consecutive).await });
        if opening.len() >= 64
            && let Some(reader) = opening.join_next().await
        {
            open.push(reader??);
        }
    }
    while let Some(reader) = opening.join_next().await {
        open.push(reader??);
    }
    Ok(open)
}

/// Resident memory of a running task with five events.
pub async fn running_tasks(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    bench.launcher()?;
    let bytes = bench.alone(async |target| tasks(bench, target).await).await?;
    Ok(vec![Row {
        scenario: format!("memory per running task with {EVENTS} small events ({TASKS})"),
        baseline: None,
        server: Figure::new(bytes / KB, "KB"),
        goal: Goal::AtMost(3.0, "≤ 3 KB".to_owned()),
    }])
}

async fn tasks(bench: &Bench, target: &Target) -> anyhow::Result<f64> {
    make_tasks(bench, target, bench.pace.connections * WARM_UP).await?;
    let pid = target.pid.context("the process is not known")?;
    sleep(SETTLE).await;
    let before = resident(pid)?;
    let made = make_tasks(bench, target, TASKS).await?;
    sleep(SETTLE).await;
    let after = resident(pid)?;
    Ok((after as f64 - before as f64) / made as f64)
}

/// Makes at least `count` running tasks with events on all connections; the result is how many.
async fn make_tasks(bench: &Bench, target: &Target, count: usize) -> anyhow::Result<usize> {
    let each = count.div_ceil(bench.pace.connections);
    let mut makers = JoinSet::new();
    for _ in 0..bench.pace.connections {
        let target = target.clone();
        makers.spawn(async move {
            let mut conn = Conn::open(&target).await?;
            for _ in 0..each {
                make_task(&target, &mut conn).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(made) = makers.join_next().await {
        made??;
    }
    Ok(each * bench.pace.connections)
}

/// Makes a running task with its events, which follow the status event at index 0.
async fn make_task(target: &Target, conn: &mut Conn) -> anyhow::Result<()> {
    let create = target.request("POST", "/tasks", r#"{"type":"bench"}"#);
    let task = id_of(conn.call(&create, 201).await?)?;
    conn.call(&target.set_running(&task), 200).await?;
    let publish = target.publish(&task, events::PLAIN);
    for index in 1..=EVENTS as u64 {
        let body = conn.call(&publish, 201).await?;
        let got = number_after(body, br#""index":"#);
        ensure!(got == Some(index), "an event has index {got:?} instead of {index}");
    }
    Ok(())
}

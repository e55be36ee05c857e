//! Reading a log from its start: full replay, and the snapshot of a series.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::time::timeout;

use crate::bench::Ground;
use crate::bench::sse::{Order, SseReader};
use crate::bench::stats::median;
use crate::bench::table::{Figure, Goal, Row};
use crate::bench::target::Target;

use super::events;
use super::log::Log;
use super::resume::warm;

/// Events of a full replay.
const EVENTS: u64 = 10_000;
/// Deltas of the series that is joined late.
const DELTAS: u64 = 2_000;
/// Repeats of each measurement.
const REPEATS: usize = 30;

/// Replays a whole log.
pub async fn full(ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
    let millis = ground.alone(async |target| {
        let log = Log::fill(target, events::PLAIN, EVENTS).await?;
        let path = format!("/tasks/{}/events?since.index=-1", log.task);
        let mut times = Vec::with_capacity(REPEATS);
        for _ in 0..REPEATS {
            let conn = warm(target, &log.task).await?;
            let request = target.request("GET", &path, "");
            let started = Instant::now();
            let mut reader = SseReader::subscribe(conn, &request, Order::Consecutive).await?;
            reader.read_frames(log.total, |_| Ok(())).await?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
            ensure!(reader.frames.first == Some(0), "a replay begins at {:?}", reader.frames.first);
        }
        target.delete_tasks(&[log.task]).await?;
        median(times.into_iter()).context("no repeats")
    });
    Ok(vec![row(&format!("full replay of {EVENTS} events, p50"), millis.await?, 15.0)])
}

/// Joins a series after its deltas: the status event, then one snapshot.
pub async fn late_join(ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
    let millis = ground.alone(async |target| {
        let log = Log::fill(target, events::SHORT_DELTA, DELTAS).await?;
        let mut times = Vec::with_capacity(REPEATS);
        for _ in 0..REPEATS {
            times.push(join(target, &log).await?);
        }
        target.delete_tasks(&[log.task]).await?;
        median(times.into_iter()).context("no repeats")
    });
    let name = format!("late join on a series of {DELTAS} deltas, one snapshot, p50");
    Ok(vec![row(&name, millis.await?, 1.0)])
}

/// The time in milliseconds until the snapshot has come.
async fn join(target: &Target, log: &Log) -> anyhow::Result<f64> {
    let request = target.request("GET", &format!("/tasks/{}/events", log.task), "");
    let conn = warm(target, &log.task).await?;
    let started = Instant::now();
    let mut snapshot = Vec::new();
    let mut reader = SseReader::subscribe(conn, &request, Order::Ascending).await?;
    reader
        .read_frames(2, |data| {
            snapshot.clear();
            snapshot.extend_from_slice(data);
            Ok(())
        })
        .await?;
    let time = started.elapsed();
    let last = reader.frames.last;
    ensure!(last == Some(log.total - 1), "the snapshot stands at {last:?}");
    check_snapshot(&snapshot)?;
    if let Ok(read) = timeout(Duration::from_millis(20), reader.read(|_| Ok(()))).await {
        read?;
        bail!("something came after the snapshot");
    }
    Ok(time.as_secs_f64() * 1e3)
}

/// Checks mark and text of the snapshot.
fn check_snapshot(data: &[u8]) -> anyhow::Result<()> {
    let envelope: Value = serde_json::from_slice(data).context("parsing a snapshot")?;
    ensure!(envelope["seriesSnapshot"] == true, "the last frame is no snapshot");
    let length = envelope["data"]["delta"].as_str().map(str::len);
    let wanted = DELTAS as usize * events::SHORT_DELTA_LENGTH;
    ensure!(length == Some(wanted), "a snapshot holds {length:?} bytes of text, not {wanted}");
    Ok(())
}

fn row(name: &str, millis: f64, most: f64) -> Row {
    Row {
        scenario: name.to_owned(),
        baseline: None,
        server: Figure::new(millis, "ms"),
        goal: Goal::AtMost(most, format!("≤ {most} ms")),
    }
}

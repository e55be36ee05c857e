//! Reading the end of a long log: resumed streams and history.

use std::time::Instant;

use anyhow::{Context, ensure};
use memchr::memmem;

use crate::bench::Ground;
use crate::bench::http::Conn;
use crate::bench::sse::{Order, SseReader, number_after};
use crate::bench::stats::median;
use crate::bench::table::{Figure, Goal, Row};
use crate::bench::target::Target;

use super::events;
use super::log::Log;

/// Lengths of the logs.
const LOGS: [u64; 2] = [10_000, 1_000_000];
/// Events that are read.
const LAST: u64 = 10;
/// Repeats of each measurement.
const REPEATS: usize = 100;

/// Resumes streams at the last ten events, by index and by id.
pub async fn stream(ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
    let times = ground.alone(async |target| {
        let mut times = Vec::new();
        for length in LOGS {
            let log = Log::fill(target, events::PLAIN, length).await?;
            let by_index = format!("since.index={}", log.index_before_last(LAST));
            let by_id = format!("since.id={}", log.id_before_last(LAST as usize)?);
            times.push((
                length,
                [resume(target, &log, &by_index).await?, resume(target, &log, &by_id).await?],
            ));
            target.delete_tasks(&[log.task]).await?;
        }
        Ok(times)
    });
    let times = times.await?;
    let rows = ["since.index", "since.id"].into_iter().enumerate().flat_map(|(way, name)| {
        let times: Vec<_> = times.iter().map(|(length, times)| (*length, times[way])).collect();
        rows(&format!("resume with {name} at"), &times, 1.0)
    });
    Ok(rows.collect())
}

/// Reads the last ten events of a history.
pub async fn history(ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
    let times = ground.alone(async |target| {
        let mut times = Vec::new();
        for length in LOGS {
            let log = Log::fill(target, events::PLAIN, length).await?;
            times.push((length, read_history(target, &log).await?));
            target.delete_tasks(&[log.task]).await?;
        }
        Ok(times)
    });
    Ok(rows("history,", &times.await?, 0.5))
}

/// The median time in milliseconds from the request to the last frame, each on an open connection.
async fn resume(target: &Target, log: &Log, query: &str) -> anyhow::Result<f64> {
    let request = target.request("GET", &format!("/tasks/{}/events?{query}", log.task), "");
    let mut times = Vec::with_capacity(REPEATS);
    for _ in 0..REPEATS {
        let conn = warm(target, &log.task).await?;
        let started = Instant::now();
        let mut reader = SseReader::subscribe(conn, &request, Order::Consecutive).await?;
        reader.read_frames(LAST, |_| Ok(())).await?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        let (first, last) = (reader.frames.first, reader.frames.last);
        let wanted = (Some(log.total - LAST), Some(log.total - 1));
        ensure!((first, last) == wanted, "frames {first:?} to {last:?} came, not {wanted:?}");
    }
    median(times.into_iter()).context("no repeats")
}

/// A connection that has been accepted and used once.
pub async fn warm(target: &Target, task: &str) -> anyhow::Result<Conn> {
    let mut conn = Conn::open(target).await?;
    conn.call(&target.request("GET", &format!("/tasks/{task}"), ""), 200).await?;
    Ok(conn)
}

/// The median time in milliseconds of a request for the last events.
async fn read_history(target: &Target, log: &Log) -> anyhow::Result<f64> {
    let from = log.index_before_last(LAST);
    let path = format!("/tasks/{}/events/history?since.index={from}", log.task);
    let request = target.request("GET", &path, "");
    let mut conn = warm(target, &log.task).await?;
    let mut times = Vec::with_capacity(REPEATS);
    for _ in 0..REPEATS {
        let started = Instant::now();
        let body = conn.call(&request, 200).await?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        let found = memmem::find_iter(body, br#""index":"#).count() as u64;
        ensure!(found == LAST, "a history has {found} events instead of {LAST}");
        let first = number_after(body, br#""index":"#);
        ensure!(first == Some(from + 1), "a history after {from} begins at {first:?}");
    }
    median(times.into_iter()).context("no repeats")
}

/// Rows of times by log length; a longer log may take no more than the shortest, with some noise.
fn rows(name: &str, times: &[(u64, f64)], most: f64) -> Vec<Row> {
    let shortest = times.first().map_or(f64::INFINITY, |(_, time)| *time);
    let no_more = (1.5 * shortest).max(shortest + 0.1);
    let row = |&(length, time): &(u64, f64)| Row {
        scenario: format!("{name} last {LAST} of {length} events, p50"),
        baseline: None,
        server: Figure::new(time, "ms"),
        goal: if length == LOGS[0] {
            Goal::AtMost(most, format!("≤ {most} ms"))
        } else {
            Goal::AtMost(most.min(no_more), format!("≤ {most} ms, no more than at {}", LOGS[0]))
        },
    };
    times.iter().map(row).collect()
}

//! Delivery latency at a steady pace.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::bench::http::Conn;
use crate::bench::sse::{Order, SseReader, number_after};
use crate::bench::stats::percentile;
use crate::bench::table::{Figure, Goal, Row};
use crate::bench::target::Target;
use crate::bench::{Ground, Pace};

/// Readers of the task.
pub const READERS: usize = 100;
/// Time between two events.
const PACE: Duration = Duration::from_millis(10);

/// Latencies of a round, in milliseconds.
pub struct Latencies {
    /// The median.
    pub p50: f64,
    /// What one of a hundred exceeds.
    pub p99: f64,
}

/// One task, 100 readers, 100 events a second.
pub async fn run(pace: &Pace, ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
    let both = ground.in_turn(pace.rounds, async |target| measure(pace, target, target).await).await?;
    let row = |part: &str, (baseline, server): (Option<f64>, f64), goal| Row {
        scenario: format!("fan-out {READERS} readers at 100 events/s, delivery latency {part}"),
        baseline: baseline.map(|millis| Figure::new(millis, "ms")),
        server: Figure::new(server, "ms"),
        goal,
    };
    Ok(vec![
        row("p50", both.medians(|latencies| latencies.p50), Goal::Open),
        row("p99", both.medians(|latencies| latencies.p99), Goal::RatioAtMost(1.5)),
    ])
}

/// Publishes to one instance and reads from another one, or from the same.
pub async fn measure(pace: &Pace, target: &Target, read_from: &Target) -> anyhow::Result<Latencies> {
    let events = (pace.window.as_secs_f64() / PACE.as_secs_f64()).ceil() as u64;
    let tasks = target.create_tasks(1).await?;
    let epoch = Instant::now();
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let path = format!("/tasks/{}/events", tasks[0]);
        let reader = SseReader::open(read_from, &path, Order::Consecutive).await?;
        readers.spawn(delays(reader, events, epoch));
    }
    publish(target, &tasks[0], events, epoch).await?;
    let mut all = Vec::new();
    while let Some(delays) = readers.join_next().await {
        all.extend(delays??);
    }
    target.delete_tasks(&tasks).await?;
    ensure!(all.len() as u64 == events * READERS as u64, "frames are missing");
    Ok(Latencies {
        p50: percentile(&mut all, 0.5).context("no latencies")?,
        p99: percentile(&mut all, 0.99).context("no latencies")?,
    })
}

/// Publishes at the pace; `data` holds the time of sending in microseconds since `epoch`.
async fn publish(target: &Target, task: &str, events: u64, epoch: Instant) -> anyhow::Result<()> {
    let mut conn = Conn::open(target).await?;
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..events {
        ticks.tick().await;
        let sent = epoch.elapsed().as_micros();
        let body = format!(r#"{{"type":"bench.token","data":{{"sent":{sent}}}}}"#);
        conn.call(&target.publish(task, &body), 201).await?;
    }
    Ok(())
}

/// Reads all frames of a reader and returns their ages on arrival in milliseconds.
async fn delays(mut reader: SseReader, events: u64, epoch: Instant) -> anyhow::Result<Vec<f64>> {
    let mut delays = Vec::with_capacity(events as usize);
    let read = reader.read_frames(events, |data| {
        let sent = number_after(data, br#""sent":"#).context("a frame without its time")?;
        let age = epoch.elapsed().saturating_sub(Duration::from_micros(sent));
        delays.push(age.as_secs_f64() * 1e3);
        Ok(())
    });
    read.await?;
    Ok(delays)
}

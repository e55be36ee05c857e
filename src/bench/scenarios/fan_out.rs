//! Fan-out at full speed: the cost of a delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::bench::closed_loop::{self, Expect, Load, Until};
use crate::bench::cpu::cpu_time;
use crate::bench::sse::{Order, SseReader};
use crate::bench::table::{Goal, Row};
use crate::bench::target::Target;
use crate::bench::{Ground, Pace};

use super::events;
use super::publish::{Speed, speed_row};

/// Readers of the task.
const READERS: usize = 200;
/// Publishing connections: one, so that a frame goes out alone, and several, so that frames queue.
const PUBLISHERS: [usize; 2] = [1, 8];
/// Time for the last frames to arrive after the last publish.
const DRAIN: Duration = Duration::from_secs(30);

/// One task, many readers, publishers in a closed loop.
pub async fn run(pace: &Pace, ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for publishers in PUBLISHERS {
        let measure = async |target: &_| measure(pace, target, publishers).await;
        let speeds = ground.in_turn(pace.rounds, measure).await?;
        let name = format!("fan-out 1 task → {READERS} readers, {publishers} publishing, a delivery");
        rows.push(speed_row(&name, &speeds, Goal::RatioAtMost(1.0)));
    }
    Ok(rows)
}

async fn measure(pace: &Pace, target: &Target, publishers: usize) -> anyhow::Result<Speed> {
    let tasks = target.create_tasks(1).await?;
    let mut readers = Readers::open(target, &tasks[0]).await?;
    let started = Instant::now();
    let cpu = target.pid.map(cpu_time).transpose()?;
    let load = Load {
        requests: vec![target.publish(&tasks[0], events::PLAIN); publishers],
        expect: Expect::Event,
        until: Until::Elapsed(pace.window),
    };
    let outcome = closed_loop::run(target, load).await?;
    let events: usize = outcome.received.iter().map(|received| received.indexes.len()).sum();
    readers.wait_for(events as u64).await?;
    let deliveries = (events * READERS) as f64;
    let elapsed = started.elapsed();
    let used = target.pid.map(cpu_time).transpose()?;
    drop(readers);
    target.delete_tasks(&tasks).await?;
    let used = used.zip(cpu).map(|(after, before)| after - before);
    Ok(Speed {
        cpu_micros: used.map(|used| used.as_secs_f64() * 1e6 / deliveries),
        rate: deliveries / elapsed.as_secs_f64(),
    })
}

/// Readers that run in the background and count.
struct Readers {
    running: JoinSet<anyhow::Result<()>>,
    counts: Vec<Arc<AtomicU64>>,
}

impl Readers {
    async fn open(target: &Target, task: &str) -> anyhow::Result<Self> {
        let mut readers = Self { running: JoinSet::new(), counts: Vec::new() };
        for _ in 0..READERS {
            let path = format!("/tasks/{task}/events");
            let mut reader = SseReader::open(target, &path, Order::Consecutive).await?;
            let count = Arc::new(AtomicU64::new(0));
            readers.counts.push(count.clone());
            readers.running.spawn(async move {
                loop {
                    reader.read(|_| Ok(())).await?;
                    count.store(reader.frames.count, Ordering::Relaxed);
                }
            });
        }
        Ok(readers)
    }

    /// Waits until each reader has exactly `events` frames.
    async fn wait_for(&mut self, events: u64) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            if let Some(ended) = self.running.try_join_next() {
                ended??;
            }
            let counts = || self.counts.iter().map(|count| count.load(Ordering::Relaxed));
            if counts().all(|count| count == events) {
                return Ok(());
            }
            if let Some(more) = counts().find(|&count| count > events) {
                bail!("a reader got {more} frames of {events} events");
            }
            if started.elapsed() > DRAIN {
                let least = counts().min().unwrap_or_default();
                bail!("a reader has {least} of {events} frames {} s after the last publish", DRAIN.as_secs());
            }
            sleep(Duration::from_millis(2)).await;
        }
    }
}

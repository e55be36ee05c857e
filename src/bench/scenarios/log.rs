//! Running tasks with long logs, for the scenarios that read them.

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::bench::http::Conn;
use crate::bench::target::Target;

use super::events;

/// Events of a batch while a log is filled.
const BATCH: u64 = 1000;

/// A running task with a long log.
pub struct Log {
    /// The task.
    pub task: String,
    /// Events in the log: the status event and the published ones.
    pub total: u64,
    /// The last published events, the newest last.
    tail: Vec<Value>,
}

impl Log {
    /// Makes a running task and publishes `count` equal events, a multiple of 1,000.
    pub async fn fill(target: &Target, event: &str, count: u64) -> anyhow::Result<Self> {
        ensure!(count > 0 && count.is_multiple_of(BATCH), "a log has whole batches");
        let task = target.running_task().await?;
        let request = target.publish(&task, &events::batch(event, BATCH as usize));
        let mut conn = Conn::open(target).await?;
        for _ in 1..count / BATCH {
            conn.call(&request, 201).await?;
        }
        let tail: Vec<Value> = serde_json::from_slice(conn.call(&request, 201).await?)?;
        let last = tail.last().and_then(|event| event["index"].as_u64());
        ensure!(last == Some(count), "the last of {count} events has index {last:?}");
        Ok(Self { task, total: count + 1, tail })
    }

    /// The index of the event before the last `count` ones.
    pub fn index_before_last(&self, count: u64) -> u64 {
        self.total - 1 - count
    }

    /// The id of the event before the last `count` ones.
    pub fn id_before_last(&self, count: usize) -> anyhow::Result<&str> {
        let place = self.tail.len().checked_sub(count + 1);
        let event = place.and_then(|place| self.tail.get(place));
        event.and_then(|event| event["id"].as_str()).context("no event id at that place")
    }
}

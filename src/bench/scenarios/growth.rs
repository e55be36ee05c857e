//! Growth: the cost of a delta at the end of a long series against its start.

use anyhow::ensure;

use crate::bench::Ground;
use crate::bench::closed_loop::{self, Expect, Load, Until};
use crate::bench::table::{Figure, Goal, Row, digits};
use crate::bench::target::Target;

use super::events;

/// Series that grow at the same time, so that CPU clock ticks are fine enough.
const TASKS: usize = 8;
/// Deltas of each series.
const DELTAS: u64 = 100_000;
/// Deltas of a request.
const BATCH: u64 = 100;

/// Publishes long series and compares their first and their last tenth.
pub async fn run(ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
    let (first, last) = ground.alone(async |target| measure(target).await).await?;
    let ratio = last / first;
    Ok(vec![Row {
        scenario: format!("growth: last against first tenth of {DELTAS} deltas, an event"),
        baseline: None,
        server: Figure::worded(ratio, "×", format!("{} → {} µs ({ratio:.2} ×)", digits(first), digits(last))),
        goal: Goal::AtMost(1.25, "≤ 1.25 × the first".to_owned()),
    }])
}

/// The cost of an event in the first and in the last tenth in microseconds.
async fn measure(target: &Target) -> anyhow::Result<(f64, f64)> {
    let warm_up = target.create_tasks(TASKS).await?;
    grow(target, &warm_up, DELTAS / 10).await?;
    target.delete_tasks(&warm_up).await?;
    let tasks = target.create_tasks(TASKS).await?;
    let first = grow(target, &tasks, DELTAS / 10).await?;
    grow(target, &tasks, DELTAS / 10 * 8).await?;
    let last = grow(target, &tasks, DELTAS / 10).await?;
    for task in &tasks {
        check_value(target, task).await?;
    }
    target.delete_tasks(&tasks).await?;
    Ok((first, last))
}

/// Publishes deltas to each task; the result is the cost of one in microseconds, as CPU time where
/// the process is known.
async fn grow(target: &Target, tasks: &[String], deltas: u64) -> anyhow::Result<f64> {
    let body = events::batch(events::SHORT_DELTA, BATCH as usize);
    let load = Load {
        requests: tasks.iter().map(|task| target.publish(task, &body)).collect(),
        expect: Expect::Events(BATCH),
        until: Until::Requests(deltas / BATCH),
    };
    let outcome = closed_loop::run(target, load).await?;
    Ok(outcome.cpu_micros.unwrap_or(1e6 / outcome.rate))
}

/// Checks that the newest event carries the whole text.
async fn check_value(target: &Target, task: &str) -> anyhow::Result<()> {
    let query = format!("since.index={}&seriesFormat=accumulated", DELTAS - 2);
    let tail = target.history(task, &query).await?;
    let length = tail.last().and_then(|event| event["data"]["delta"].as_str()).map(str::len);
    let wanted = DELTAS as usize * events::SHORT_DELTA_LENGTH;
    let fits = tail.len() == 1 && length == Some(wanted);
    ensure!(fits, "{} events with {length:?} bytes of text, not one with {wanted}", tail.len());
    Ok(())
}

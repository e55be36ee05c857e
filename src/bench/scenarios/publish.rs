//! Publishing: single events, deltas of a series, batches.

use anyhow::ensure;

use crate::bench::closed_loop::{self, Expect, Load, Outcome, Until};
use crate::bench::table::{Figure, Goal, Row, digits};
use crate::bench::target::Target;
use crate::bench::{Both, Ground, Pace};

use super::events;

/// Events of a batch.
pub const BATCH: usize = 100;

/// How fast a program did something.
#[derive(Clone, Copy, Debug)]
pub struct Speed {
    /// Server CPU time an operation in microseconds, when the process is known.
    pub cpu_micros: Option<f64>,
    /// Operations a second.
    pub rate: f64,
}

impl Speed {
    /// The speed of a closed loop.
    pub fn of(outcome: &Outcome) -> Self {
        Self { cpu_micros: outcome.cpu_micros, rate: outcome.rate }
    }
}

/// What is published, and to how many tasks.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The body of each request.
    pub body: String,
    /// Events in it; more than one means an array.
    pub events: usize,
    /// Tasks, over which the connections are spread.
    pub tasks: usize,
}

impl Plan {
    /// Single plain events to this many tasks.
    pub fn plain(tasks: usize) -> Self {
        Self { body: events::PLAIN.to_owned(), events: 1, tasks }
    }

    /// Batches of plain events to this many tasks.
    pub fn batches(tasks: usize) -> Self {
        Self { body: events::batch(events::PLAIN, BATCH), events: BATCH, tasks }
    }
}

/// One plain event a request, to a task a connection and to one task.
pub async fn single(pace: &Pace, ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, tasks) in [
        ("publish one event a request, a task a connection", pace.connections),
        ("publish one event a request, all to one task", 1),
    ] {
        let plan = Plan::plain(tasks);
        let speeds = ground.in_turn(pace.rounds, async |target| measure(pace, target, &plan).await).await?;
        rows.push(speed_row(name, &speeds, Goal::RatioAtMost(1.4)));
    }
    Ok(rows)
}

/// One accumulate delta a request, a series a connection.
pub async fn series(pace: &Pace, ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
    let plan = Plan { body: events::SERIES.to_owned(), events: 1, tasks: pace.connections };
    let speeds = ground.in_turn(pace.rounds, async |target| measure(pace, target, &plan).await).await?;
    Ok(vec![speed_row("publish one accumulate delta a request", &speeds, Goal::RatioAtMost(1.4))])
}

/// Batches of plain events.
pub async fn batch(pace: &Pace, ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
    let plan = Plan::batches(pace.connections);
    let speeds = ground.in_turn(pace.rounds, async |target| measure(pace, target, &plan).await).await?;
    Ok(vec![speed_row("publish in batches of 100, an event", &speeds, Goal::RatioAtMost(2.0))])
}

/// Publishes on all connections to fresh tasks, checks the indexes, and deletes the tasks.
pub async fn measure(pace: &Pace, target: &Target, plan: &Plan) -> anyhow::Result<Speed> {
    Ok(Speed::of(&measure_over(pace, &[target], plan).await?))
}

/// The same over instances of one cluster, which take the connections in turn.
pub async fn measure_over(pace: &Pace, targets: &[&Target], plan: &Plan) -> anyhow::Result<Outcome> {
    let tasks = targets[0].create_tasks(plan.tasks).await?;
    let task_of = |connection: usize| &tasks[connection % tasks.len()];
    let load = Load {
        requests: (0..pace.connections)
            .map(|connection| targets[connection % targets.len()].publish(task_of(connection), &plan.body))
            .collect(),
        expect: if plan.events == 1 { Expect::Event } else { Expect::Events(plan.events as u64) },
        until: Until::Elapsed(pace.window),
    };
    let outcome = closed_loop::run_over(targets, load).await?;
    for (number, task) in tasks.iter().enumerate() {
        let total = check_indexes(&outcome, plan, number)?;
        for target in targets {
            check_tail(target, task, total).await?;
        }
    }
    targets[0].delete_tasks(&tasks).await?;
    Ok(outcome)
}

/// Checks that the answers of a task have each index once; the result is the number of events.
fn check_indexes(outcome: &Outcome, plan: &Plan, task: usize) -> anyhow::Result<u64> {
    let mut all = Vec::new();
    for received in outcome.received.iter().skip(task).step_by(plan.tasks) {
        let ascending = received.indexes.is_sorted_by(|one, next| one < next);
        ensure!(ascending, "a connection got indexes that do not ascend");
        all.extend_from_slice(&received.indexes);
    }
    all.sort_unstable();
    let events = plan.events as u64;
    let wrong = all.iter().zip(0..).find(|&(&index, place)| index != place * events);
    if let Some((index, place)) = wrong {
        anyhow::bail!("answer {place} of a task has index {index}, not {}", place * events);
    }
    Ok(all.len() as u64 * events)
}

/// Checks that the last acknowledged event is the last of the history, if the target has one.
async fn check_tail(target: &Target, task: &str, total: u64) -> anyhow::Result<()> {
    if !target.stores {
        return Ok(());
    }
    let from = i128::from(total) - 2;
    let tail = target.history(task, &format!("since.index={from}")).await?;
    let fits = tail.len() == 1 && tail[0]["index"] == total - 1;
    ensure!(fits, "history after {from} is {tail:?}, not the one last of {total} events");
    Ok(())
}

/// The row of a speed: CPU time decides, or throughput when the process is not known.
pub fn speed_row(name: &str, speeds: &Both<Speed>, goal: Goal) -> Row {
    let (baseline_rate, rate) = speeds.medians(|speed| speed.rate);
    let (baseline_cpu, cpu) = speeds.medians(|speed| speed.cpu_micros.unwrap_or(f64::NAN));
    let figure = |cpu: f64, rate: f64| {
        let rate_text = format!("{} k/s", digits(rate / 1000.0));
        match cpu.is_nan() {
            true => Figure::worded(rate, "1/s", rate_text),
            false => Figure::worded(cpu, "µs", format!("{} µs CPU, {rate_text}", digits(cpu))),
        }
    };
    Row {
        scenario: name.to_owned(),
        baseline: baseline_cpu.zip(baseline_rate).map(|(cpu, rate)| figure(cpu, rate)),
        server: figure(cpu, rate),
        goal,
    }
}

//! Two instances that write one task at the same time, as fast as they can.
//!
//! Whoever was overtaken reads the log again and tries again; whoever was overtaken too often in a row answers 503 and
//! has written nothing.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::task::JoinSet;

use crate::bench::Bench;
use crate::cluster::Cluster;
use taskcast::bench::http::Conn;
use taskcast::bench::sse::number_after;
use taskcast::bench::table::{Figure, Goal, Row};
use taskcast::bench::target::Target;

use super::spread;
use taskcast::bench::scenarios::events;

/// What the connections of one instance got.
#[derive(Default)]
struct Share {
    indexes: Vec<u64>,
    refused: u64,
    /// The longest time an answer took, in milliseconds.
    longest: f64,
}

/// Events a second, and how they are shared.
pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let cluster = Cluster::start(bench.launcher()?).await?;
    let (mut rates, mut smaller, mut refused, mut longest) = (vec![], vec![], vec![], vec![]);
    for _ in 0..bench.pace.rounds {
        let shares = round(bench, &cluster).await?;
        let [first, second] = shares.each_ref().map(|share| share.indexes.len() as f64);
        let refusals = shares.iter().map(|share| share.refused).sum::<u64>() as f64;
        rates.push((first + second) / bench.pace.window.as_secs_f64() / 1e3);
        smaller.push(100.0 * first.min(second) / (first + second));
        refused.push(100.0 * refusals / (first + second + refusals));
        longest.push(shares[0].longest.max(shares[1].longest));
    }
    let name = "two instances: publish one event a request, both to one task";
    let row = |name: String, server: Figure| Row { scenario: name, baseline: None, server, goal: Goal::Open };
    Ok(vec![
        row(name.to_owned(), spread(rates, "k/s")),
        row(format!("{name}: share of the slower one"), spread(smaller, "%")),
        row(format!("{name}: answered 503, nothing written"), spread(refused, "%")),
        row(format!("{name}: longest answer"), spread(longest, "ms")),
    ])
}

/// Publishes on all connections and checks that the log has what was acknowledged and nothing else.
async fn round(bench: &Bench, cluster: &Cluster) -> anyhow::Result<[Share; 2]> {
    let targets = cluster.targets();
    let tasks = targets[0].create_tasks(1).await?;
    let mut publishing = JoinSet::new();
    for connection in 0..bench.pace.connections {
        let target = targets[connection % 2].clone();
        let work = publish(target, tasks[0].clone(), bench.pace.window);
        publishing.spawn(async move { anyhow::Ok((connection % 2, work.await?)) });
    }
    let mut shares = [Share::default(), Share::default()];
    while let Some(ended) = publishing.join_next().await {
        let (instance, share) = ended??;
        shares[instance].indexes.extend(share.indexes);
        shares[instance].refused += share.refused;
        shares[instance].longest = shares[instance].longest.max(share.longest);
    }
    let mut all: Vec<u64> = shares.iter().flat_map(|share| share.indexes.iter().copied()).collect();
    all.sort_unstable();
    ensure!(all.iter().zip(0..).all(|(index, place)| *index == place), "an index is missing or given twice");
    let last = all.len() as i64 - 1;
    for target in targets {
        let tail = target.history(&tasks[0], &format!("since.index={}", last - 1)).await?;
        ensure!(tail.len() == 1 && tail[0]["index"] == last, "the log has not what was acknowledged");
    }
    targets[0].delete_tasks(&tasks).await?;
    Ok(shares)
}

/// Publishes in a closed loop for a time.
async fn publish(target: Target, task: String, window: Duration) -> anyhow::Result<Share> {
    let request = target.publish(&task, events::PLAIN);
    let mut conn = Conn::open(&target).await?;
    let mut share = Share::default();
    let started = Instant::now();
    while started.elapsed() < window {
        let sent = Instant::now();
        match conn.exchange(&request).await? {
            (201, body) => {
                let index = number_after(body, br#""index":"#).context("an event without an index")?;
                share.indexes.push(index);
            }
            (503, _) => share.refused += 1,
            (status, body) => bail!("a publish was answered {status}: {}", String::from_utf8_lossy(body)),
        }
        share.longest = share.longest.max(sent.elapsed().as_secs_f64() * 1e3);
    }
    Ok(share)
}

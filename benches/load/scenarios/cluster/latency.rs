//! Delivery latency from one instance to readers of the other.

use crate::bench::Bench;
use crate::cluster::Cluster;
use taskcast::bench::table::{Figure, Goal, Row};

use super::spread;
use taskcast::bench::scenarios::latency::{READERS, measure};

/// What one of a hundred deliveries of the other implementation exceeds, in milliseconds.
const REFERENCE: f64 = 9.0;

/// One task, 100 readers of the second instance, 100 events a second to the first one.
pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let cluster = Cluster::start(bench.launcher()?).await?;
    let [publish_to, read_from] = cluster.targets();
    let mut rounds = Vec::with_capacity(bench.pace.rounds);
    for _ in 0..bench.pace.rounds {
        rounds.push(measure(&bench.pace, publish_to, read_from).await?);
    }
    let name = format!("two instances: {READERS} readers of the other one at 100 events/s, delivery latency");
    Ok(vec![
        Row {
            scenario: format!("{name} p50"),
            baseline: None,
            server: spread(rounds.iter().map(|round| round.p50).collect(), "ms"),
            goal: Goal::Open,
        },
        Row {
            scenario: format!("{name} p99"),
            baseline: Some(Figure::new(REFERENCE, "ms")),
            server: spread(rounds.iter().map(|round| round.p99).collect(), "ms"),
            goal: Goal::AtMost(5.0, "≤ 5 ms".to_owned()),
        },
    ])
}

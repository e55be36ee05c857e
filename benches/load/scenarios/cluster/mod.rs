//! Two instances on one Redis and one Postgres.

pub mod burst;
pub mod lag;
pub mod latency;
mod ledger;
pub mod one_task;
pub mod path;
pub mod publish;

use taskcast::bench::stats::percentile;
use taskcast::bench::table::{Figure, digits};

/// The median of the rounds with the lowest and the highest behind it.
fn spread(mut values: Vec<f64>, unit: &'static str) -> Figure {
    let mut at = |part| percentile(&mut values, part).unwrap_or(f64::NAN);
    let (low, median, high) = (at(0.0), at(0.5), at(1.0));
    let text = format!("{} {unit} ({} to {})", digits(median), digits(low), digits(high));
    Figure::worded(median, unit, text)
}

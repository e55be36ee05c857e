//! Creating tasks.

use crate::bench::Bench;
use crate::closed_loop::{self, Expect, Load, Until};
use crate::http::Conn;
use crate::table::{Goal, Row};
use crate::target::{Target, id_of};

use super::publish::{Speed, speed_row};

/// Creates tasks on all connections.
pub async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let speeds = bench.against_floor(async |target| measure(bench, target).await).await?;
    Ok(vec![speed_row("create a task", &speeds, Goal::RatioAtMost(1.5))])
}

async fn measure(bench: &Bench, target: &Target) -> anyhow::Result<Speed> {
    let body = r#"{"type":"bench","params":{"prompt":"0123456789abc"}}"#;
    let request = target.request("POST", "/tasks", body);
    let load = Load {
        requests: vec![request; bench.connections],
        expect: Expect::Task,
        until: Until::Elapsed(bench.window),
    };
    let outcome = closed_loop::run(target, load).await?;
    for received in &outcome.received {
        let get = target.request("GET", &format!("/tasks/{}", id_of(&received.last)?), "");
        Conn::open(target).await?.call(&get, 200).await?;
    }
    Ok(Speed::of(&outcome))
}

//! Creating tasks.

use crate::bench::closed_loop::{self, Expect, Load, Until};
use crate::bench::http::Conn;
use crate::bench::table::{Goal, Row};
use crate::bench::target::{Target, id_of};
use crate::bench::{Ground, Pace};

use super::publish::{Speed, speed_row};

/// A task.
const LASTING: &str = r#"{"type":"bench","params":{"prompt":"0123456789abc"}}"#;

/// A task that ends by itself after a minute and is then removed.
const PASSING: &str = concat!(
    r#"{"type":"bench","params":{"prompt":"0123456789abc"},"ttl":60,"#,
    r#""cleanup":{"rules":[{"target":"all","trigger":{}}]}}"#
);

/// Creates tasks on all connections.
pub async fn run(pace: &Pace, ground: &impl Ground) -> anyhow::Result<Vec<Row>> {
    let speeds = ground.in_turn(pace.rounds, async |target| measure(pace, target).await).await?;
    Ok(vec![speed_row("create a task", &speeds, Goal::RatioAtMost(1.5))])
}

async fn measure(pace: &Pace, target: &Target) -> anyhow::Result<Speed> {
    // A server of somebody's own is not to keep them.
    let body = if target.pid.is_some() { LASTING } else { PASSING };
    let request = target.request("POST", "/tasks", body);
    let load = Load {
        requests: vec![request; pace.connections],
        expect: Expect::Task,
        until: Until::Elapsed(pace.window),
    };
    let outcome = closed_loop::run(target, load).await?;
    for received in &outcome.received {
        let get = target.request("GET", &format!("/tasks/{}", id_of(&received.last)?), "");
        Conn::open(target).await?.call(&get, 200).await?;
    }
    Ok(Speed::of(&outcome))
}

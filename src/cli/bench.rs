//! `taskcast bench`: how fast is a server?

use std::time::Duration;

use clap::ValueEnum as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::connect::Connect;
use super::exit::Exit;
use super::output::{self, Format};
use super::table::{Cell, Table};
use crate::bench::Pace;
use crate::bench::scenarios::{Scenario, name};
use crate::bench::table::Row;
use crate::bench::target::Target;

/// Measure how fast a server is, and check every answer meanwhile.
///
/// It drives the server as hard as it can: do not aim it at one that others need. Tasks that `create` makes
/// are gone after a minute, all others at once; their type is bench. Without --scenario, all run that do not fill the server with a million events.
///
/// Example: taskcast bench --url http://127.0.0.1:3721 --scenario publish --scenario latency --duration 10
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to measure; repeat for several
    #[arg(long = "scenario", value_enum, value_name = "NAME")]
    scenarios: Vec<Scenario>,
    /// Measured seconds of each scenario
    #[arg(long, value_name = "SECONDS", default_value = "6", value_parser = seconds)]
    duration: Duration,
    /// Connections that publish at the same time
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    connections: u16,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    format: Format,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.1..=3600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "this is no time from 0.1 to 3600 seconds".to_owned())
}

/// Runs the scenarios one after the other, also when one of them fails.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    // The driver speaks no more HTTP than it needs: what can be wrong is found here.
    let client = args.connect.builder()?.attempts(1).build()?;
    client.health().await?;
    let (url, token) = args.connect.server()?;
    let target = Target::remote(&url, token.map(|token| token.reveal().to_owned())).await?;
    let pace = Pace { rounds: 1, window: args.duration, connections: args.connections.into() };
    let mut chosen = args.scenarios;
    if chosen.is_empty() {
        chosen.extend(Scenario::value_variants().iter().filter(|scenario| !scenario.is_heavy()));
    }
    let (mut rows, mut exit) = (Vec::new(), Exit::DONE);
    let bar = bar(chosen.len());
    for scenario in chosen {
        bar.set_message(name(&scenario));
        match scenario.run(&pace, &target).await {
            Ok(measured) => rows.extend(measured),
            Err(error) => {
                exit = Exit::NOT_WELL;
                bar.suspend(|| output::remark(&format!("{} failed: {error:#}", name(&scenario))));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    show(args.format, &rows)?;
    Ok(exit)
}

/// How far it is, on a terminal.
fn bar(scenarios: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} [{bar:24}] {pos}/{len} {msg} ({elapsed})");
    let bar = ProgressBar::new(scenarios as u64);
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("=> "));
    }
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}

fn show(format: Format, rows: &[Row]) -> anyhow::Result<()> {
    if format.json {
        let json = |row: &Row| {
            let figure = &row.server;
            output::json(&json!({"scenario": row.scenario, "value": figure.value, "unit": figure.unit}))
        };
        return rows.iter().try_for_each(json);
    }
    if rows.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(["SCENARIO", "RESULT"]);
    for row in rows {
        table.add([Cell::from(row.scenario.as_str()), Cell::from(row.server.text.as_str())]);
    }
    table.write()
}

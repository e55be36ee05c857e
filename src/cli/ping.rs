//! `taskcast ping`: is the server there?

use std::time::Instant;

use serde_json::json;

use super::connect::Connect;
use super::exit::Exit;
use super::output::{self, Format};

/// Ask whether the server is there, and how long it takes to say so.
///
/// Example: taskcast ping --url http://tasks.example.org:3721
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    format: Format,
}

/// Asks once.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let client = args.connect.builder()?.attempts(1).build()?;
    let asked = Instant::now();
    let health = client.health().await?;
    let took_ms = asked.elapsed().as_secs_f64() * 1000.0;
    if args.format.json {
        output::json(&json!({"ok": health.ok, "version": health.version, "tookMs": took_ms}))?;
    } else {
        let base = client.base();
        output::line(&format!("{base} is there: taskcast {}, {took_ms:.1} ms", health.version))?;
    }
    Ok(Exit::DONE)
}

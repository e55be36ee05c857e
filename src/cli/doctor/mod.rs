//! `taskcast doctor`: ask each part how it does, and say how to mend what is not well.
//!
//! - [`report`]: what was found, a line each.
//! - [`machine`], [`service`], [`access`]: what can be asked.
//! - [`trip`]: a task that lives for a moment, to measure how events travel, read as bytes by [`stream`].
//! - [`probe`]: the same through a proxy, and what proxies do to streams.

mod access;
mod machine;
mod probe;
mod report;
mod service;
mod stream;
mod trip;

use std::time::Duration;

use self::report::Report;
use super::connect::Connect;
use super::exit::Exit;
use super::output::Format;
use crate::client::ClientBuilder;

/// Who does not answer within this time is not well.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ask each part of a server how it does, and say how to mend what is not well.
///
/// Creates a task for a moment to measure how long an event takes. Ends with 1 when something is not well. With --probe
/// it also follows a task through a proxy, and measures whether events are held back and idle streams are cut.
///
/// Example: taskcast doctor --url http://10.0.0.5:3721 --probe https://tasks.example.org
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address of the same server behind a proxy, which is to be measured
    #[arg(long, value_name = "URL")]
    probe: Option<String>,
    /// How long a stream through the proxy is watched while nothing happens
    #[arg(long, value_name = "SECONDS", default_value_t = 20, requires = "probe")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=3600))]
    idle: u32,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    format: Format,
}

/// Asks one after the other.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let client = once(args.connect.builder()?).build()?;
    let proxied = args.probe.as_deref().map(|url| anyhow::Ok(once(args.connect.builder_at(url)?).build()?));
    let proxied = proxied.transpose()?;
    let mut report = Report::new(args.format);
    report.add(machine::open_files())?;
    if service::check(&client, &mut report).await? && access::check(&client, &mut report).await? {
        trip::check(&client, &mut report).await?;
    }
    if let Some(proxied) = proxied {
        probe::check(&proxied, Duration::from_secs(args.idle.into()), &mut report).await?;
    }
    Ok(report.exit())
}

/// A client that hides no failure behind another attempt.
fn once(builder: ClientBuilder) -> ClientBuilder {
    builder.attempts(1).request_timeout(PATIENCE).connect_timeout(PATIENCE)
}

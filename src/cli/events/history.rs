//! `taskcast events history`.

use super::super::connect::Connect;
use super::super::exit::Exit;
use super::super::output::{self, Format};
use super::super::show;
use crate::client::{Cursor, Filter, HistoryQuery};

/// Show the events of a task, as far as they are still visible.
///
/// Example: taskcast events history 01KDA0Q1Y2M3N4P5Q6R7S8T9V0 --type 'llm.*' --accumulated
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of the task
    id: String,
    /// Only what came after this: an index, or the id of an event
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    since: Option<Cursor>,
    /// Only events whose type fits, such as llm.text or llm.*; repeat for several
    #[arg(short = 't', long = "type", value_name = "PATTERN")]
    types: Vec<String>,
    /// Each text series as one event with its whole text
    #[arg(short, long)]
    accumulated: bool,
    /// At most so many, the first of them
    #[arg(short = 'n', long, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    format: Format,
}

/// Reads the history and shows it.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let types = Some(args.types).filter(|types| !types.is_empty());
    let query = HistoryQuery {
        filter: Filter { types, ..Filter::default() },
        since: args.since,
        limit: args.limit,
        accumulated: args.accumulated,
    };
    let events = args.connect.client()?.history(&args.id, &query).await?;
    if events.is_empty() && !args.format.json {
        output::remark("there are no such events");
    }
    for event in &events {
        show::event(args.format, event)?;
    }
    Ok(Exit::DONE)
}

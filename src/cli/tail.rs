//! `taskcast tail`: what all tasks publish, from now on.

use futures_util::StreamExt as _;
use serde_json::json;

use super::connect::Connect;
use super::exit::Exit;
use super::logs::Chosen;
use super::output::{self, Format, tame};
use crate::client::{Event, Received};

/// Longest text of an event that is shown to people.
const MOST_SHOWN: usize = 200;

/// Follow all tasks, from now on.
///
/// Example: taskcast tail --type 'agent.*' --level error
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    format: Format,
}

/// Follows until it is interrupted.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let client = args.connect.client()?;
    args.connect.builder()?.attempts(1).build()?.health().await?;
    let mut events = client.subscribe_all().filter(args.chosen.filter()).stream();
    while let Some(received) = events.next().await {
        match received? {
            Received::Event(event) if args.format.json => output::json(&event)?,
            Received::Event(event) => output::line(&line(&event))?,
            Received::Gap if args.format.json => output::json(&json!({"gap": true}))?,
            Received::Gap => {
                let lost = "taskcast: the connection was lost: what happened meanwhile is missing here";
                output::remark(&output::dim(lost));
            }
            Received::Done(_) => break,
        }
    }
    Ok(Exit::DONE)
}

fn line(event: &Event) -> String {
    let data = tame(event.data.as_str());
    let shown = &data[..data.floor_char_boundary(MOST_SHOWN)];
    let more = if shown.len() < data.len() { "…" } else { "" };
    let at = output::dim(&output::moment(event.timestamp));
    format!("{at} {} {} {shown}{more}", tame(&event.task_id), output::dim(&tame(&event.event_type)))
}

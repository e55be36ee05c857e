//! `taskcast tasks create`.

use serde_json::Value;

use super::super::connect::{Connect, json_object};
use super::super::exit::Exit;
use super::super::output::{self, Format};
use super::super::show;
use crate::client::NewTask;

/// Create a task. Writes its id.
///
/// Example: taskcast tasks create --type llm.chat --params '{"prompt": "hello"}' --ttl 600 --start
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of the task; the server makes one up when absent
    #[arg(long)]
    id: Option<String>,
    /// Type of the task
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    task_type: Option<String>,
    /// What the task is to work with, an object
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    params: Option<Value>,
    /// What else is to be known of it, an object
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    metadata: Option<Value>,
    /// After so many seconds it times out
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    ttl: Option<u32>,
    /// A tag; repeat for several
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Set it running at once
    #[arg(long)]
    start: bool,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    format: Format,
}

/// Creates the task, and starts it if asked to.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let client = args.connect.client()?;
    let wish = NewTask {
        id: args.id,
        task_type: args.task_type,
        params: args.params,
        metadata: args.metadata,
        ttl: args.ttl,
        tags: Some(args.tags).filter(|tags| !tags.is_empty()),
        ..NewTask::default()
    };
    let mut task = client.create_task(wish).await?.task;
    if args.start {
        task = client.start(task.id.as_str()).await?;
    }
    if args.format.json {
        return show::outcome(args.format, &task).map(Exit::done);
    }
    // The id alone, so that it can be taken into a variable.
    output::line(task.id.as_str()).map(Exit::done)
}

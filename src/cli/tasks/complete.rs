//! `taskcast tasks complete`.

use serde_json::Value;

use super::super::connect::json_object;
use super::super::exit::Exit;
use super::super::show;
use super::Which;

/// Complete a running task.
///
/// Example: taskcast tasks complete 01KDA0Q1Y2M3N4P5Q6R7S8T9V0 --result '{"tokens": 42}'
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What came of it, an object
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    result: Option<Value>,
    #[command(flatten)]
    task: Which,
}

/// Completes the task.
pub(super) async fn run(Args { result, task }: Args) -> anyhow::Result<Exit> {
    let completed = task.connect.client()?.complete(&task.id, result.unwrap_or_default()).await?;
    show::outcome(task.format, &completed).map(Exit::done)
}

//! `taskcast tasks get`.

use super::super::exit::Exit;
use super::super::show;
use super::Which;

/// Show everything about a task.
///
/// Example: taskcast tasks get 01KDA0Q1Y2M3N4P5Q6R7S8T9V0
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    task: Which,
}

/// Asks for the task and shows it.
pub(super) async fn run(Args { task }: Args) -> anyhow::Result<Exit> {
    let view = task.connect.client()?.get_task(&task.id).await?;
    if task.format.json { show::view_json(&view) } else { show::details(&view) }.map(Exit::done)
}

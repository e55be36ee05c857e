//! `taskcast tasks cancel`.

use super::super::exit::Exit;
use super::super::show;
use super::Which;

/// Cancel a task: whoever follows it is told so.
///
/// Example: taskcast tasks cancel 01KDA0Q1Y2M3N4P5Q6R7S8T9V0
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    task: Which,
}

/// Cancels the task.
pub(super) async fn run(Args { task }: Args) -> anyhow::Result<Exit> {
    let cancelled = task.connect.client()?.cancel(&task.id).await?;
    show::outcome(task.format, &cancelled).map(Exit::done)
}

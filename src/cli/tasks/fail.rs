//! `taskcast tasks fail`.

use super::super::exit::Exit;
use super::super::show;
use super::Which;
use crate::client::TaskError;

/// End a running task with an error.
///
/// Example: taskcast tasks fail 01KDA0Q1Y2M3N4P5Q6R7S8T9V0 --message 'the model is gone' --code model_gone
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What went wrong, for people
    #[arg(short, long, value_name = "TEXT")]
    message: String,
    /// What went wrong, for programs
    #[arg(long)]
    code: Option<String>,
    #[command(flatten)]
    task: Which,
}

/// Fails the task.
pub(super) async fn run(Args { message, code, task }: Args) -> anyhow::Result<Exit> {
    let error = TaskError { message, code, details: None };
    let failed = task.connect.client()?.fail(&task.id, error).await?;
    show::outcome(task.format, &failed).map(Exit::done)
}

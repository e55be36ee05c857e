//! `taskcast tasks delete`.

use serde_json::json;

use super::super::exit::Exit;
use super::super::output;
use super::Which;

/// Delete a task with everything that belongs to it.
///
/// Example: taskcast tasks delete 01KDA0Q1Y2M3N4P5Q6R7S8T9V0
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    task: Which,
}

/// Deletes the task.
pub(super) async fn run(Args { task }: Args) -> anyhow::Result<Exit> {
    task.connect.client()?.delete_task(&task.id).await?;
    if task.format.json {
        output::json(&json!({"id": task.id, "deleted": true}))?;
    } else {
        output::line(&format!("{} deleted", output::tame(&task.id)))?;
    }
    Ok(Exit::DONE)
}

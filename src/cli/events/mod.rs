//! `taskcast events`: publish to a task, and read what was published. One command per file.

mod history;
mod publish;

use super::exit::Exit;

/// Publish events, and read those that were published.
///
/// Example: taskcast events publish 01KDA0Q1Y2M3N4P5Q6R7S8T9V0 agent.step '{"tool": "search"}'
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Publish(publish::Args),
    History(history::Args),
}

/// Runs the chosen command.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Publish(args) => publish::run(args).await,
        Command::History(args) => history::run(args).await,
    }
}

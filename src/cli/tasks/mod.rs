//! `taskcast tasks`: look at tasks, and move them on. One command per file.

mod cancel;
mod complete;
mod create;
mod delete;
mod fail;
mod get;
mod list;

use super::connect::Connect;
use super::exit::Exit;
use super::output::Format;

/// Look at tasks, create them and end them.
///
/// Example: taskcast tasks list --status running --newest
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::Args),
    Get(get::Args),
    Create(create::Args),
    Cancel(cancel::Args),
    Complete(complete::Args),
    Fail(fail::Args),
    Delete(delete::Args),
}

/// Which task, where, and for whom the answer is.
#[derive(Debug, clap::Args)]
struct Which {
    /// Id of the task
    id: String,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    format: Format,
}

/// Runs the chosen command.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::List(args) => list::run(args).await,
        Command::Get(args) => get::run(args).await,
        Command::Create(args) => create::run(args).await,
        Command::Cancel(args) => cancel::run(args).await,
        Command::Complete(args) => complete::run(args).await,
        Command::Fail(args) => fail::run(args).await,
        Command::Delete(args) => delete::run(args).await,
    }
}

//! `taskcast node`: servers by name. One command per file; the file they are in is [`super::nodes`].

mod add;
mod choose;
mod list;
mod remove;

use serde_json::{Value, json};

use super::exit::Exit;
use super::nodes::{Node, Nodes};

/// Keep servers under names, with their tokens in a file that only you can read.
///
/// Example: taskcast node add prod https://tasks.example.org --use
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Add(add::Args),
    Use(choose::Args),
    List(list::Args),
    Remove(remove::Args),
}

/// Runs the chosen command.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Add(args) => add::run(args),
        Command::Use(args) => choose::run(args),
        Command::List(args) => list::run(args),
        Command::Remove(args) => remove::run(args),
    }
}

/// A node for machines, without its token.
fn as_json(nodes: &Nodes, name: &str, node: &Node) -> Value {
    let current = nodes.current.as_deref() == Some(name);
    json!({"name": name, "url": node.url, "current": current, "token": node.token.is_some()})
}

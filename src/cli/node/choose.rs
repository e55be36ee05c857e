//! `taskcast node use`.

use super::super::exit::Exit;
use super::super::nodes::Nodes;
use super::super::output::{self, Format};

/// Use a server from now on, wherever no other is named.
///
/// Example: taskcast node use prod
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the server
    name: String,
    #[command(flatten)]
    format: Format,
}

/// Makes the node the current one.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let mut nodes = Nodes::read()?;
    let node = nodes.get(&args.name)?.clone();
    nodes.current = Some(args.name.clone());
    nodes.write()?;
    if args.format.json {
        return output::json(&super::as_json(&nodes, &args.name, &node)).map(Exit::done);
    }
    output::line(&format!("{} is in use: {}", args.name, node.url)).map(Exit::done)
}

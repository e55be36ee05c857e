//! `taskcast node remove`.

use serde_json::json;

use super::super::exit::Exit;
use super::super::nodes::Nodes;
use super::super::output::{self, Format};

/// Forget a server and its token. When it was the one in use, none is afterwards.
///
/// Example: taskcast node remove prod
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the server
    name: String,
    #[command(flatten)]
    format: Format,
}

/// Removes the node.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let mut nodes = Nodes::read()?;
    nodes.get(&args.name)?;
    nodes.nodes.remove(&args.name);
    nodes.current = nodes.current.filter(|current| *current != args.name);
    nodes.write()?;
    if args.format.json {
        return output::json(&json!({"name": args.name, "removed": true})).map(Exit::done);
    }
    output::line(&format!("{} removed", args.name)).map(Exit::done)
}

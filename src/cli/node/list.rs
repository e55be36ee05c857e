//! `taskcast node list`.

use anstyle::{AnsiColor, Style};

use super::super::exit::Exit;
use super::super::nodes::Nodes;
use super::super::output::{self, Format};
use super::super::table::{Cell, Table};

/// List the servers that are kept, and which one is in use. Tokens are not shown.
///
/// Example: taskcast node list --json
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    format: Format,
}

/// Shows them, by name.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let nodes = Nodes::read()?;
    let mut table = Table::new(["IN USE", "NAME", "URL", "TOKEN"]);
    for (name, node) in &nodes.nodes {
        if args.format.json {
            output::json(&super::as_json(&nodes, name, node))?;
            continue;
        }
        let current = nodes.current.as_ref() == Some(name);
        let mark = Style::new().fg_color(Some(AnsiColor::Green.into()));
        let yes_or_no = if node.token.is_some() { "yes" } else { "no" };
        let mark = Cell::styled(if current { "*" } else { "" }, mark);
        table.add([mark, name.as_str().into(), node.url.as_str().into(), yes_or_no.into()]);
    }
    match (args.format.json, nodes.nodes.is_empty()) {
        (true, _) => {}
        (false, false) => table.write()?,
        (false, true) => output::remark("there are no nodes: add one with `taskcast node add NAME URL`"),
    }
    Ok(Exit::DONE)
}

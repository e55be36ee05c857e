//! `taskcast node add`.

use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, bail};
use nix::sys::termios::{self, LocalFlags, SetArg};

use super::super::connect::token_from_environment;
use super::super::exit::Exit;
use super::super::nodes::{Node, Nodes, Token};
use super::super::output::{self, Format};
use super::super::values;
use crate::client::Client;

/// Keep a server under a name; one that has the name already is replaced.
///
/// The first one is used from then on. A token is never an argument, which every user of the machine could read.
///
/// Example: taskcast node add prod https://tasks.example.org --use --token-stdin < token.txt
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the server
    #[arg(value_parser = values::node_name)]
    name: String,
    /// Address of the server, http or https
    url: String,
    /// Use it from now on
    #[arg(long = "use")]
    choose: bool,
    /// Keep the token that is the first line of standard input
    #[arg(long, conflicts_with = "token_env")]
    token_stdin: bool,
    /// Keep the token that is in TASKCAST_TOKEN
    #[arg(long)]
    token_env: bool,
    #[command(flatten)]
    format: Format,
}

/// Checks the server's address and token, and keeps them.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let mut builder = Client::builder(&args.url);
    builder.clone().build()?;
    let token = token(&args)?;
    if let Some(token) = &token {
        builder = builder.token(token.reveal());
        builder.build()?;
    }
    let mut nodes = Nodes::read()?;
    let said = if nodes.nodes.contains_key(&args.name) { "replaced" } else { "added" };
    if args.choose || nodes.nodes.is_empty() {
        nodes.current = Some(args.name.clone());
    }
    let used = if nodes.current.as_ref() == Some(&args.name) { ", in use" } else { "" };
    let with = if token.is_some() { " with a token" } else { "" };
    let node = Node { url: args.url, token };
    nodes.nodes.insert(args.name.clone(), node.clone());
    nodes.write()?;
    if args.format.json {
        return output::json(&super::as_json(&nodes, &args.name, &node)).map(Exit::done);
    }
    output::line(&format!("{} {said}{with}{used}", args.name)).map(Exit::done)
}

fn token(args: &Args) -> anyhow::Result<Option<Token>> {
    if args.token_env {
        let token = token_from_environment()?;
        return token.map(Some).context("there is no token in TASKCAST_TOKEN: set it, or use --token-stdin");
    }
    if !args.token_stdin {
        return Ok(None);
    }
    let line = line().context("cannot read the token from standard input")?;
    match line.trim() {
        "" => bail!("there is no token on standard input"),
        token => Ok(Some(Token::new(token.to_owned()))),
    }
}

/// The first line of standard input, which a terminal does not show.
fn line() -> io::Result<String> {
    let mut line = String::new();
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        stdin.read_line(&mut line)?;
        return Ok(line);
    }
    let shown = termios::tcgetattr(&stdin)?;
    let mut hidden = shown.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    termios::tcsetattr(&stdin, SetArg::TCSAFLUSH, &hidden)?;
    output::remark("Paste the token, which is not shown, and press Enter:");
    let read = stdin.read_line(&mut line);
    termios::tcsetattr(&stdin, SetArg::TCSANOW, &shown)?;
    read.map(|_| line)
}

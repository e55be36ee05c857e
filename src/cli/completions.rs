//! `taskcast completions`.

use std::io::{self, Write as _};

use clap_complete::Shell;

use super::exit::Exit;

/// Write what makes a shell complete this program's commands.
///
/// Example: taskcast completions bash > ~/.local/share/bash-completion/completions/taskcast
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which shell
    shell: Shell,
}

/// Writes the script of the shell.
pub(super) fn run(args: &Args, mut program: clap::Command) -> anyhow::Result<Exit> {
    // Into memory first: the generator panics when standard output is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "taskcast", &mut script);
    Ok(io::stdout().write_all(&script).map(Exit::done)?)
}

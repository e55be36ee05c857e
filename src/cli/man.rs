//! `taskcast man`.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;

use super::exit::Exit;

/// Write the manual page, or one page for each command into a folder.
///
/// Example: taskcast man ~/.local/share/man/man1
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder for the pages of all commands; without it the main page goes to standard output
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Writes the pages.
pub(super) fn run(args: &Args, program: clap::Command) -> anyhow::Result<Exit> {
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(program).render(&mut page)?;
        return Ok(io::stdout().write_all(&page).map(Exit::done)?);
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let written = clap_mangen::generate_to(program, folder);
    written.map(Exit::done).with_context(|| format!("cannot write to {}", folder.display()))
}

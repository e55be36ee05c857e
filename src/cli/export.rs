//! `taskcast export`: a whole task as a file.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::connect::Connect;
use super::exit::Exit;
use super::output::{self, Format};

/// Write a task with its whole history as an archive, which `taskcast import` reads.
///
/// Example: taskcast export 01KDA0Q1Y2M3N4P5Q6R7S8T9V0 -o task.json
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of the task
    id: String,
    /// File to write, which is replaced as a whole; standard output when absent
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    format: Format,
}

/// Fetches the archive and writes it.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let archive = args.connect.client()?.archive(&args.id).await?;
    let Some(file) = args.output.filter(|file| file != Path::new("-")) else {
        return output::raw(archive.as_json()).map(Exit::done);
    };
    replace(&file, archive.as_json()).with_context(|| format!("cannot write {}", file.display()))?;
    let events = archive.events()?.len();
    if args.format.json {
        output::json(&json!({"id": args.id, "file": file, "events": events}))?;
    } else {
        output::line(&format!("{} is in {} with {events} events", output::tame(&args.id), file.display()))?;
    }
    Ok(Exit::DONE)
}

/// Whoever opens `file` finds all of the old text or all of the new one.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let mut draft = file.as_os_str().to_owned();
    draft.push(format!(".{}.tmp", std::process::id()));
    let written = write(Path::new(&draft), text).and_then(|()| fs::rename(&draft, file));
    if written.is_err() {
        let _gone = fs::remove_file(&draft);
    }
    written
}

fn write(draft: &Path, text: &str) -> io::Result<()> {
    let mut draft = OpenOptions::new().write(true).create_new(true).open(draft)?;
    draft.write_all(text.as_bytes())?;
    draft.write_all(b"\n")?;
    draft.sync_all()
}

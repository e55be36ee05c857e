//! `taskcast import`: a whole task from a file.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::connect::Connect;
use super::exit::Exit;
use super::output::{self, Format};
use crate::client::Archive;

/// Put a task in that `taskcast export` wrote.
///
/// Example: taskcast export 01KDA0Q1Y2M3N4P5Q6R7S8T9V0 --node old | taskcast import - --node new
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// File with the archive; - reads standard input
    file: PathBuf,
    /// Replace a task with the same id
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    format: Format,
}

/// Reads the archive and sends it.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let client = args.connect.client()?;
    let name = args.file.display();
    let text = read(&args.file).with_context(|| format!("cannot read {name}"))?;
    let archive = Archive::from_json(&text).with_context(|| format!("cannot import {name}"))?;
    let imported = client.import(&archive, args.overwrite).await?;
    let (id, events) = (&imported.task_id, imported.event_count);
    if args.format.json {
        output::json(&json!({"id": id, "events": events, "overwritten": imported.overwritten}))?;
    } else {
        let replaced = if imported.overwritten { ", in place of another" } else { "" };
        output::line(&format!("{} is there with {events} events{replaced}", output::tame(id)))?;
    }
    Ok(Exit::DONE)
}

fn read(file: &Path) -> io::Result<String> {
    if file != Path::new("-") {
        return fs::read_to_string(file);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

//! `taskcast migrate`: bring the schema of the database up to date.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};

use crate::stores::postgres::PostgresSettings;
use crate::stores::postgres::schema::{self, Step};

/// Bring the schema of the Postgres database up to date.
///
/// Shows what it will do and where, and asks before it does it. Instances may go on working meanwhile.
///
/// Example: taskcast migrate --url postgres://taskcast:secret@db:5432/taskcast -y
#[derive(clap::Args)]
pub(super) struct Args {
    /// Where the database is, as a URL or in keywords
    #[arg(long, env = "TASKCAST_POSTGRES_URL", hide_env_values = true)]
    url: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Says nothing of the URL, which holds the password.
impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").field("yes", &self.yes).finish_non_exhaustive()
    }
}

/// Applies the steps that the database lacks, if the user agrees.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start a runtime")?;
    let settings = PostgresSettings::new(args.url.as_str());
    let place = settings.place()?;
    let pending = runtime.block_on(schema::pending(&settings))?;
    if pending.is_empty() {
        println!("The schema of {place} is up to date.");
        return Ok(());
    }
    show(&place, &pending);
    if !args.yes && !agreed()? {
        bail!("nothing was changed");
    }
    for step in runtime.block_on(schema::migrate(&settings))? {
        println!("applied {}", step.name);
    }
    println!("The schema of {place} is up to date.");
    Ok(())
}

fn show(place: &str, pending: &[Step]) {
    println!("The database {place} lacks these steps:");
    for step in pending {
        println!("  {}", step.name);
    }
}

/// Whether the user says yes. Without a terminal there is nobody to ask.
fn agreed() -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("there is no terminal to ask on, and nothing was changed; say -y to apply these steps");
    }
    print!("Apply them? [y/N] ");
    io::stdout().flush().context("cannot write to the terminal")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("cannot read from the terminal")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

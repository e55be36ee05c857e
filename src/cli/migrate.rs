//! `taskcast migrate`: bring the schema of the database up to date.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::output::{self, Format};
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
    #[command(flatten)]
    format: Format,
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
    if args.format.json {
        let applied = args.yes.then(|| runtime.block_on(schema::migrate(&settings))).transpose()?;
        return report(&place, &pending, applied.as_deref());
    }
    if pending.is_empty() {
        return output::line(&format!("The schema of {place} is up to date."));
    }
    show(&place, &pending)?;
    if !args.yes && !agreed()? {
        bail!("nothing was changed");
    }
    for step in runtime.block_on(schema::migrate(&settings))? {
        output::line(&format!("applied {}", step.name))?;
    }
    output::line(&format!("The schema of {place} is up to date."))
}

/// Tells programs what was lacking and what was applied; where nothing was to be, that is an error if something lacks.
fn report(place: &str, pending: &[Step], applied: Option<&[Step]>) -> anyhow::Result<()> {
    let names = |steps: &[Step]| steps.iter().map(|step| step.name.to_string()).collect::<Vec<_>>();
    let applied = applied.map(names);
    output::json(&json!({"database": place, "pending": names(pending), "applied": applied}))?;
    if applied.is_none() && !pending.is_empty() {
        bail!("nothing was changed; say -y to apply these steps");
    }
    Ok(())
}

fn show(place: &str, pending: &[Step]) -> anyhow::Result<()> {
    output::line(&format!("The database {place} lacks these steps:"))?;
    pending.iter().try_for_each(|step| output::line(&format!("  {}", step.name)))
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

//! `taskcast start`: serve until told to stop.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::app;
use crate::config::{Config, Flags, Storage, process_env};
use crate::telemetry;

/// Start the server, which `taskcast` alone does, too.
///
/// Example: taskcast start --port 8080 --storage memory
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Port to listen on [default: 3721]
    #[arg(short, long)]
    port: Option<u16>,
    /// Address to listen on [default: 127.0.0.1]
    #[arg(long)]
    host: Option<IpAddr>,
    /// Configuration file: YAML, TOML or JSON
    #[arg(short, long)]
    config: Option<PathBuf>,
    /// Where tasks are kept: memory, sqlite, redis or postgres [default: sqlite]
    #[arg(short, long)]
    storage: Option<Storage>,
    /// File of the sqlite storage [default: ./taskcast.db]
    #[arg(long)]
    db_path: Option<PathBuf>,
    /// Log every request
    #[arg(short, long)]
    verbose: bool,
}

/// Serves until the process is told to stop.
pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let flags = Flags {
        port: args.port,
        host: args.host,
        config: args.config,
        storage: args.storage,
        db_path: args.db_path,
        verbose: args.verbose,
    };
    let config = Config::load(flags, &process_env)?;
    telemetry::start(config.log_level);
    app::run(&config)?;
    Ok(())
}

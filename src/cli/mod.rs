//! The command line: one command per file. `taskcast` alone is `taskcast start`.

mod migrate;
mod start;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The task service between producers that stream and the people who follow.
#[derive(Debug, Parser)]
#[command(name = "taskcast", version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    start: start::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server (the default).
    Start(start::Args),
    Migrate(migrate::Args),
}

/// Runs the program with the process's arguments.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Start(args)) => start::run(args),
        Some(Command::Migrate(args)) => migrate::run(&args),
        None => start::run(cli.start),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("taskcast: {error:#}");
            ExitCode::FAILURE
        }
    }
}

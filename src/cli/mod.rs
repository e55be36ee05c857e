//! The command line: one command per file. `taskcast` alone is `taskcast start`.
//!
//! Everything but `start` and `migrate` speaks to a server through [`crate::client`], like any other program. What a
//! command shows goes to standard output; what goes wrong goes to standard error, with an exit code of the module
//! `exit`.

mod bench;
mod completions;
mod connect;
mod doctor;
mod events;
mod exit;
mod export;
mod import;
mod logs;
mod man;
mod migrate;
mod node;
mod nodes;
mod output;
mod ping;
mod pipe;
mod run;
mod show;
mod start;
mod table;
mod tail;
mod tasks;
mod text;
mod values;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use self::exit::Exit;

/// The task service between producers that stream and the people who follow.
///
/// Example: taskcast start --storage memory
#[derive(Debug, Parser)]
#[command(name = "taskcast", version, args_conflicts_with_subcommands = true)]
#[command(after_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    start: start::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    Start(start::Args),
    Migrate(migrate::Args),
    Ping(ping::Args),
    Run(run::Args),
    Pipe(pipe::Args),
    Logs(logs::Args),
    Tail(tail::Args),
    Doctor(doctor::Args),
    Tasks(tasks::Args),
    Events(events::Args),
    Export(export::Args),
    Import(import::Args),
    Node(node::Args),
    Bench(bench::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the program with the process's arguments.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Start(args)) => start::run(args).map(Exit::done),
        Some(Command::Migrate(args)) => migrate::run(&args).map(Exit::done),
        Some(Command::Ping(args)) => with_runtime(ping::run(args)),
        Some(Command::Run(args)) => with_runtime(run::run(args)),
        Some(Command::Pipe(args)) => with_runtime(pipe::run(args)),
        Some(Command::Logs(args)) => with_runtime(logs::run(args)),
        Some(Command::Tail(args)) => with_runtime(tail::run(args)),
        Some(Command::Doctor(args)) => with_runtime(doctor::run(args)),
        Some(Command::Tasks(args)) => with_runtime(tasks::run(args)),
        Some(Command::Events(args)) => with_runtime(events::run(args)),
        Some(Command::Export(args)) => with_runtime(export::run(args)),
        Some(Command::Import(args)) => with_runtime(import::run(args)),
        Some(Command::Node(args)) => node::run(args),
        Some(Command::Bench(args)) => with_runtime(bench::run(args)),
        Some(Command::Completions(args)) => completions::run(&args, Cli::command()),
        Some(Command::Man(args)) => man::run(&args, Cli::command()),
        None => start::run(cli.start).map(Exit::done),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(error) => exit::explain(&error),
    }
}

/// Runs a command that speaks to a server.
fn with_runtime(command: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(command)
}

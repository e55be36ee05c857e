//! The load driver: starts the server and the floor, runs the scenarios of the performance targets
//! against both in turn, checks every answer, and prints a table of ratios.
//!
//! ```text
//! cargo bench --bench load -- run                          all scenarios, memory storage
//! cargo bench --bench load -- run --storage sqlite         SQLite against memory, and a restart
//! cargo bench --bench load -- run --storage cluster        two instances on one Redis and one Postgres
//! cargo bench --bench load -- run --scenario publish       some scenarios
//! cargo bench --bench load -- run --url http://host:3721   a server that runs already
//! cargo bench --bench load -- floor --port 4000            only the floor
//! ```
//!
//! A wrong answer, a missing frame or a stall ends with exit code 1 and a message; a missed target
//! is only reported. Without a subcommand it explains itself and exits with 0, so that
//! `cargo bench` and `cargo test --all-targets` pass over it.

mod bench;
mod cluster;
mod floor;
mod process;
mod scenarios;
mod servers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, CommandFactory, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use taskcast::bench::Pace;
use taskcast::bench::scenarios::name;

use crate::bench::Bench;
use crate::process::{Launcher, Storage};
use crate::scenarios::Scenario;
use taskcast::bench::table::Table;
use taskcast::bench::target::Target;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Load driver and performance floor of Taskcast.
#[derive(Parser)]
#[command(name = "load")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the floor: the same routes with no task semantics
    Floor {
        /// Port on 127.0.0.1
        #[arg(long)]
        port: u16,
    },
    /// Run scenarios against the server and the floor and print a table
    Run(RunArgs),
    /// Serve the floor under the command line of the server, to try the driver itself
    #[command(hide = true)]
    Start {
        #[arg(long)]
        port: u16,
        #[arg(long)]
        storage: Option<String>,
        #[arg(long)]
        db_path: Option<PathBuf>,
    },
}

#[derive(Args)]
struct RunArgs {
    /// Storage of the server; `sqlite` and `cluster` run scenarios of their own unless others are
    /// named
    #[arg(long, value_enum, default_value_t = Storage::Memory)]
    storage: Storage,
    /// The `taskcast` program; the one of this build when absent
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Scenario to run; repeat for several
    #[arg(long, value_enum, value_name = "NAME")]
    scenario: Vec<Scenario>,
    /// Drive only this running server, without floor, CPU and memory; the tasks of the scenario
    /// `create` stay there for a minute
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Bearer token for `--url`
    #[arg(long, requires = "url")]
    token: Option<String>,
    /// Measured seconds of a scenario and program, split over the rounds
    #[arg(long, default_value_t = 6.0)]
    duration: f64,
    /// Rounds of floor and server in turn; the medians are shown
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Concurrent publishing connections
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Print the table as Markdown
    #[arg(long)]
    markdown: bool,
}

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the chosen command.
fn dispatch() -> anyhow::Result<()> {
    let arguments = std::env::args_os().filter(|argument| argument != "--bench");
    match Cli::parse_from(arguments).command {
        None => Ok(Cli::command().print_help()?),
        Some(Command::Floor { port } | Command::Start { port, .. }) => floor::serve(port),
        Some(Command::Run(arguments)) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(run_until_interrupted(arguments)),
    }
}

/// Runs the scenarios; an interrupt drops them, which kills the programs they started.
async fn run_until_interrupted(arguments: RunArgs) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = run(arguments) => result,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminate.recv() => bail!("terminated"),
    }
}

/// Runs the chosen scenarios and prints what they gave, also when some failed.
async fn run(arguments: RunArgs) -> anyhow::Result<()> {
    process::raise_open_files()?;
    let bench = prepare(&arguments).await?;
    let chosen = if arguments.scenario.is_empty() {
        Scenario::defaults(arguments.storage, arguments.url.is_some())
    } else {
        arguments.scenario
    };
    let mut table = Table::new(bench.baseline_title());
    let mut failed = 0;
    for scenario in chosen {
        eprintln!("running {} …", name(&scenario));
        match scenario.run(&bench).await {
            Ok(rows) => table.add(rows),
            Err(error) => {
                failed += 1;
                eprintln!("error: scenario {}: {error:#}", name(&scenario));
            }
        }
    }
    print!("{}", table.render(arguments.markdown));
    if failed > 0 {
        bail!("{failed} scenarios failed, see above");
    }
    Ok(())
}

/// Finds what is to be measured.
async fn prepare(arguments: &RunArgs) -> anyhow::Result<Bench> {
    let (launcher, remote) = match &arguments.url {
        Some(url) => (None, Some(Target::remote(url, arguments.token.clone()).await?)),
        None => {
            let built = option_env!("CARGO_BIN_EXE_taskcast").map(PathBuf::from);
            let server = arguments.server.clone().or(built);
            let server = server.context("name the taskcast program with --server")?;
            (Some(Launcher::new(&server, arguments.storage)?), None)
        }
    };
    if !arguments.duration.is_finite() || arguments.duration <= 0.0 {
        bail!("--duration must be positive");
    }
    Ok(Bench {
        launcher,
        remote,
        pace: Pace {
            rounds: arguments.rounds as usize,
            window: Duration::from_secs_f64(arguments.duration / f64::from(arguments.rounds)),
            connections: arguments.connections as usize,
        },
    })
}

//! `taskcast run`: any command as a task.
//!
//! What the command writes is shown here as ever, and published on the way. When the server cannot take it, the command
//! waits, as it would for any slow reader: nothing it writes is lost.

mod child;
mod outcome;
mod pump;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::sync::watch;

use self::child::{Child, Signals};
use self::outcome::{Outcome, Stopped};
use self::pump::Pump;
use super::connect::Connect;
use super::exit::{self, Exit};
use super::output::{dim, remark};
use crate::client::{Client, NewTask, Received, Subscription};

/// How long a command that was told to end gets before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// How much output may wait for the server, in bytes.
const WAITING: usize = 4 * 1024 * 1024;

/// Run a command as a task.
///
/// Its standard output becomes the text series `stdout`, its standard error one event a line, and both are still shown
/// here. The task completes or fails with the command; a failure tells the last lines. When the task is cancelled,
/// deleted or times out, the command and everything it started are told to end, and killed 10 seconds later. Signals are
/// passed on. Standard input is passed on unless it is a terminal.
///
/// Example: taskcast run --type build -- cargo build
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Type of the task
    #[arg(long = "type", default_value = "run")]
    task_type: String,
    /// Id of the task; the server makes one up when absent
    #[arg(long)]
    id: Option<String>,
    /// How long it may take, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=2_147_483_647))]
    ttl: Option<u32>,
    /// A tag of the task; repeat for several
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    #[command(flatten)]
    connect: Connect,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs the command, and ends with its exit code.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    // Before there is a task, a server that is not there is an error; afterwards it may be away for any time.
    let first = args.connect.client()?;
    let client = args.connect.builder()?.attempts(u32::MAX).build()?;
    let mut signals = Signals::listen()?;
    let id = create(&first, &args).await?;
    remark(&dim(&format!("taskcast: task {id} · follow it with: taskcast logs {id}")));
    let started = Instant::now();
    let mut child = match Child::start(&args.command, &id) {
        Ok(child) => child,
        Err(error) => {
            let outcome = Outcome::not_started(&error);
            outcome.tell(&client, &id, (started.elapsed(), Vec::new())).await?;
            exit::explain(&anyhow::Error::new(error).context(format!("cannot run {}", args.command[0])));
            return Ok(Exit::code(outcome.code()));
        }
    };
    let (exited, over) = watch::channel(false);
    let publisher = client.publisher(&id).buffer(WAITING).persistence(Duration::MAX).open();
    let pump = tokio::spawn(Pump::new(publisher, over).run(child.outputs()?));
    let end = client.subscribe(&id).types(["taskcast:status"]).stream();
    let outcome = watch_over(&mut child, &mut signals, end).await?;
    exited.send_replace(true);
    let telling = async {
        let lines = pump.await.context("the output was lost")?;
        outcome.tell(&client, &id, (started.elapsed(), lines)).await
    };
    tokio::select! {
        told = telling => told?,
        _ = signals.next() => bail!("interrupted before the server knew how task {id} ended"),
    }
    Ok(Exit::code(outcome.code()))
}

async fn create(client: &Client, args: &Args) -> anyhow::Result<String> {
    let task = NewTask {
        id: args.id.clone(),
        params: Some(json!({"command": args.command})),
        ttl: args.ttl,
        tags: Some(args.tags.clone()).filter(|tags| !tags.is_empty()),
        ..NewTask::of_type(&args.task_type)
    };
    let id = client.create_task(task).await?.id.to_string();
    client.start(&id).await?;
    Ok(id)
}

/// Waits for the command to end, and sees to it that it does when it has to.
async fn watch_over(
    child: &mut Child,
    signals: &mut Signals,
    mut end: Subscription,
) -> anyhow::Result<Outcome> {
    let (mut stopped, mut following) = (None, true);
    let mut deadline = None;
    loop {
        let patience = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            status = child.wait() => return Ok(Outcome::of(status?, stopped)),
            ended = task_ended(&mut end), if following => {
                following = false;
                if ended {
                    stopped = Some(Stopped::Task);
                    child.ask_to_end();
                    deadline = Some(tokio::time::Instant::now() + GRACE);
                }
            }
            signal = signals.next() => {
                // Whoever asks a second time means it.
                if stopped.is_some() { child.kill() } else { child.pass_on(signal) }
                stopped = stopped.or(Some(Stopped::Signal));
            }
            () = patience => {
                child.kill();
                deadline = None;
            }
        }
    }
}

/// Waits until the task is over. False when that cannot be known any more.
async fn task_ended(end: &mut Subscription) -> bool {
    use futures_util::StreamExt as _;
    loop {
        match end.next().await {
            Some(Ok(Received::Done(_))) => return true,
            Some(Ok(_)) => {}
            Some(Err(error)) if error.code() == "task_not_found" => return true,
            Some(Err(error)) => {
                let text = format!("taskcast: cancelling the task will not end the command: {error}");
                remark(&dim(&text));
                return false;
            }
            None => return false,
        }
    }
}

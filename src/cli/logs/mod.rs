//! `taskcast logs`: what a task has said and says, until it ends.

mod show;

use futures_util::StreamExt as _;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use self::show::Shown;
use super::connect::Connect;
use super::exit::Exit;
use super::output::{self, Format};
use super::values;
use crate::client::{
    Client, ClientError, Connection, Cursor, Ending, Event, Filter, HistoryQuery, Level, Received,
    Subscription,
};

/// The exit code of a program that was interrupted.
const INTERRUPTED: u8 = 130;

/// Show what a task has published, and follow it until it ends.
///
/// Text that grows is written as it grows, everything else line by line, and the status on standard error. A connection that is lost is made again: nothing
/// is missing and nothing is there twice. Interrupted, it says how to go on from there.
///
/// Example: taskcast logs 01KDA0Q1Y2M3N4P5Q6R7S8T9V0
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The task
    id: String,
    /// Begin after this event: its id, or how many events that match came before it, less one
    #[arg(long, value_name = "CURSOR")]
    since: Option<Cursor>,
    /// Show what is there, and do not wait for more
    #[arg(long)]
    no_follow: bool,
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    format: Format,
}

/// Which events are shown: all when nothing is said.
#[derive(Debug, clap::Args)]
pub(super) struct Chosen {
    /// Only events of this type or pattern (`agent.*`); repeat for several
    #[arg(long = "type", value_name = "PATTERN")]
    types: Vec<String>,
    /// Only events of this level; repeat for several
    #[arg(long = "level", value_name = "LEVEL", value_parser = values::level())]
    levels: Vec<Level>,
}

impl Chosen {
    /// As the server is asked for them.
    pub(super) fn filter(&self) -> Filter {
        Filter {
            types: Some(self.types.clone()).filter(|types| !types.is_empty()),
            levels: Some(self.levels.clone()).filter(|levels| !levels.is_empty()),
            without_status: false,
        }
    }
}

/// Shows the task.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let client = args.connect.client()?;
    let filter = args.chosen.filter();
    if args.no_follow {
        return show_history(&client, &args, filter).await;
    }
    // A server that is not there, or a task that is not, is told at once; later ones are waited for.
    args.connect.builder()?.attempts(1).build()?.get_task(&args.id).await?;
    let mut wish = client.subscribe(&args.id).filter(filter);
    if let Some(cursor) = args.since.clone() {
        wish = wish.since(cursor);
    }
    follow(wish.stream(), &args).await
}

async fn show_history(client: &Client, args: &Args, filter: Filter) -> anyhow::Result<Exit> {
    let accumulated = args.since.is_none();
    let query = HistoryQuery { filter, since: args.since.clone(), limit: None, accumulated };
    let mut shown = Shown::default();
    for event in client.history(&args.id, &query).await? {
        show(&mut shown, &event, args.format)?;
    }
    shown.end_line()?;
    Ok(Exit::DONE)
}

async fn follow(mut events: Subscription, args: &Args) -> anyhow::Result<Exit> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut status = events.watch_status();
    let (mut shown, mut last, mut lost) = (Shown::default(), None, false);
    loop {
        tokio::select! {
            received = events.next() => match received {
                Some(Ok(Received::Event(event))) => {
                    show(&mut shown, &event, args.format)?;
                    last = Some(event.id);
                }
                Some(Ok(Received::Done(ending))) => return end(&mut shown, ending, args.format),
                Some(Ok(Received::Gap)) => {}
                Some(Err(error)) => {
                    shown.end_line()?;
                    return Err(error.into());
                }
                None => return Ok(Exit::DONE),
            },
            Ok(()) = status.changed() => {
                let connection = *status.borrow_and_update();
                tell_connection(connection, events.trouble().as_deref(), &mut lost);
            }
            _ = interrupted.recv() => {
                shown.end_line()?;
                tell_how_to_go_on(&args.id, last.as_deref());
                return Ok(Exit::code(INTERRUPTED));
            }
        }
    }
}

fn show(shown: &mut Shown, event: &Event, format: Format) -> anyhow::Result<()> {
    if format.json { output::json(event) } else { shown.event(event) }
}

fn end(shown: &mut Shown, ending: Ending, format: Format) -> anyhow::Result<Exit> {
    let name = match ending {
        Ending::Finished(status) => status.as_str(),
        Ending::Deleted => "deleted",
    };
    if format.json {
        output::json(&json!({"done": name}))?;
    } else {
        shown.end_line()?;
        if ending == Ending::Deleted {
            output::remark(&output::dim("— deleted"));
        }
    }
    Ok(Exit::of_ending(ending))
}

/// Says on standard error that the connection is lost and why, and that it is back.
fn tell_connection(connection: Connection, trouble: Option<&ClientError>, lost: &mut bool) {
    match connection {
        Connection::Retrying if !*lost => {
            *lost = true;
            let why = trouble.map(|trouble| format!(" ({trouble})")).unwrap_or_default();
            output::remark(&output::dim(&format!("taskcast: the connection is lost{why}, trying again")));
        }
        Connection::Open if *lost => {
            *lost = false;
            output::remark(&output::dim("taskcast: connected again, nothing is missing"));
        }
        _ => {}
    }
}

fn tell_how_to_go_on(id: &str, last: Option<&str>) {
    let since = last.map(|last| format!(" --since {last}")).unwrap_or_default();
    output::remark(&output::dim(&format!("go on from here with: taskcast logs {id}{since}")));
}

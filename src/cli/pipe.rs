//! `taskcast pipe`: standard input as events of a task.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::connect::Connect;
use super::exit::Exit;
use super::output::{dim, remark};
use super::text::{Decoder, Lines};
use crate::client::{Client, NewEvent, NewTask, Publisher};

/// What is read at once, in bytes.
const PIECE: usize = 32 * 1024;

/// Publish standard input as it comes.
///
/// Lines become events `{"line": …}`, words the growing text of the series `text`, and JSON lines events with that data.
/// The task is made here and completes with the input, unless --task names one that goes on.
///
/// Example: taskcast pipe --type service.log < service.log
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What the input is made of
    #[arg(long = "as", value_enum, default_value_t = Unit::Lines, value_name = "UNIT")]
    unit: Unit,
    /// Type of the task that is made
    #[arg(long = "type", default_value = "pipe", conflicts_with = "task")]
    task_type: String,
    /// Publish to this task, and leave it running
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Type of the events [default: pipe.line, pipe.text or pipe.json]
    #[arg(long, value_name = "TYPE")]
    event_type: Option<String>,
    /// Series of the text that words make grow
    #[arg(long, default_value = "text")]
    series: String,
    /// Write the input to standard output as well
    #[arg(long)]
    tee: bool,
    #[command(flatten)]
    connect: Connect,
}

/// What an event is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Unit {
    /// Each line
    Lines,
    /// Pieces as they come, one growing text
    Words,
    /// Each line, which is JSON
    Json,
}

impl Unit {
    fn event_type(self) -> &'static str {
        match self {
            Self::Lines => "pipe.line",
            Self::Words => "pipe.text",
            Self::Json => "pipe.json",
        }
    }
}

/// Publishes until the input ends.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let client = args.connect.client()?;
    let id = match &args.task {
        Some(id) => client.get_task(id).await?.id.to_string(),
        None => create(&client, &args.task_type).await?,
    };
    remark(&dim(&format!("taskcast: task {id} · follow it with: taskcast logs {id}")));
    let feed = Feed { publisher: client.publisher(&id).open(), args: &args, number: 0 };
    let published = feed.run().await;
    if args.task.is_none() {
        match &published {
            Ok(events) => client.complete(&id, json!({"events": events})).await.map(drop)?,
            Err(error) => {
                let message = format!("{error:#}");
                let error =
                    crate::client::TaskError { message, code: Some("pipe_failed".into()), details: None };
                client.fail(&id, error).await.map(drop)?;
            }
        }
    }
    published.map(|_| Exit::DONE)
}

async fn create(client: &Client, task_type: &str) -> anyhow::Result<String> {
    let id = client.create_task(NewTask::of_type(task_type)).await?.id.to_string();
    client.start(&id).await?;
    Ok(id)
}

/// The input on its way.
struct Feed<'a> {
    publisher: Publisher,
    args: &'a Args,
    /// How many lines there were.
    number: u64,
}

impl Feed<'_> {
    /// Publishes all of the input, and says how many lines or pieces it had.
    async fn run(mut self) -> anyhow::Result<u64> {
        let read = self.read().await;
        // What came before something that went wrong is published all the same.
        let published = self.publisher.close().await;
        read?;
        published?;
        Ok(self.number)
    }

    /// Hands on all of the input.
    async fn read(&mut self) -> anyhow::Result<()> {
        let (mut decoder, mut lines) = (Decoder::default(), Lines::default());
        let (mut input, mut bytes) = (tokio::io::stdin(), vec![0; PIECE]);
        loop {
            let count = input.read(&mut bytes).await.context("cannot read standard input")?;
            if self.args.tee {
                let mut out = tokio::io::stdout();
                out.write_all(&bytes[..count]).await?;
                out.flush().await?;
            }
            let text = if count == 0 { decoder.finish() } else { decoder.push(&bytes[..count]) };
            if self.args.unit == Unit::Words {
                self.piece(&text).await?;
            } else {
                let mut found = lines.push(&text);
                if count == 0 {
                    found.extend(lines.finish());
                }
                for line in found {
                    self.line(&line).await?;
                }
            }
            if count == 0 {
                return Ok(());
            }
        }
    }

    fn event_type(&self) -> &str {
        self.args.event_type.as_deref().unwrap_or(self.args.unit.event_type())
    }

    async fn piece(&mut self, text: &str) -> anyhow::Result<()> {
        if !text.is_empty() {
            self.number += 1;
            self.publisher.append(self.event_type(), &self.args.series, text).await?;
        }
        Ok(())
    }

    async fn line(&mut self, line: &str) -> anyhow::Result<()> {
        self.number += 1;
        let data = match self.args.unit {
            Unit::Json if line.trim().is_empty() => return Ok(()),
            Unit::Json => match serde_json::from_str::<Value>(line) {
                Ok(data) => data,
                Err(error) => bail!("line {} is no JSON: {error}", self.number),
            },
            Unit::Lines | Unit::Words => json!({"line": line}),
        };
        self.publisher.publish(NewEvent::new(self.event_type(), data)).await?;
        Ok(())
    }
}

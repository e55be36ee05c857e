//! A text from standard input, streamed word by word to three readers who join at different times.
//!
//! ```text
//! echo "Every reader ends up with the same text, whenever it joins." |
//!     cargo run -p taskcast-actors --example words
//! ```
//!
//! Every word is one event of an accumulate series; the words so far are counted in a second series of which only the
//! newest counts. At the end all three readers must have the text that was read.

use std::error::Error;
use std::io::{BufRead as _, stdin};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use taskcast_actors::domain::{
    EventFilter, Json, NewEvent, NewTask, SeriesMode, TaskEvent, TaskId, TaskStatus, Transition, TypePattern,
};
use taskcast_actors::{Batch, Cursor, Ending, Engine, SubscribeRequest};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Words before the reader of running values joins.
const RUNNING_AFTER: usize = 2;
/// Words before the reader joins that gets a snapshot in their place, as whoever comes late without a cursor does.
const LATE_AFTER: usize = 4;

type Failure = Box<dyn Error + Send + Sync>;
type Reading = JoinHandle<Result<String, Failure>>;

/// The payload of a word's event; in a snapshot, and for a reader of running values, the text so far.
#[derive(Serialize, Deserialize)]
struct Piece {
    delta: String,
}

/// The payload of a count's event.
#[derive(Serialize)]
struct Count {
    words: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Failure> {
    let engine = Engine::in_memory()?;
    let id = engine.create(NewTask::default()).await?.task.id.clone();
    engine.transition(&id, Transition::to(TaskStatus::Running)).await?;
    let (text, readings) = publish_words(&engine, &id).await?;
    engine.transition(&id, Transition::to(TaskStatus::Completed)).await?;
    let mut same = true;
    for (name, reading) in readings {
        let assembled = reading.await??;
        let agrees = assembled == text;
        println!(
            "{name:8}| assembled {} bytes: {}",
            assembled.len(),
            if agrees { "same" } else { "DIFFERENT" }
        );
        same &= agrees;
    }
    engine.stop().await;
    println!("{}", if same { "all three readers have the text that was read" } else { "the readers differ" });
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Publishes every word as it comes and lets the readers join on the way. Gives the whole text and the readers.
async fn publish_words(
    engine: &Engine,
    id: &TaskId,
) -> Result<(String, Vec<(&'static str, Reading)>), Failure> {
    let mut words = words_of_stdin();
    let mut text = String::new();
    let mut readings = Vec::new();
    let mut absent = joining().into_iter().peekable();
    for count in 0.. {
        let word = words.recv().await;
        let comes = |(after, ..): &(usize, _, _)| word.is_none() || *after <= count;
        while let Some((_, name, request)) = absent.next_if(comes) {
            readings.push((name, follow(engine, id, name, request).await?));
        }
        let Some(word) = word else { break };
        let piece = NewEvent::new("text.word", Json::of(&Piece { delta: word.clone() }));
        let counted = NewEvent::new("count", Json::of(&Count { words: count + 1 }));
        let events = vec![
            piece.in_series("text", SeriesMode::Accumulate),
            counted.in_series("count", SeriesMode::Latest),
        ];
        engine.publish(id, events).await?;
        text.push_str(&word);
    }
    Ok((text, readings))
}

/// The words of standard input as they come, each with the white space behind it.
fn words_of_stdin() -> mpsc::Receiver<String> {
    let (sender, words) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut input = stdin().lock();
        let mut line = Vec::new();
        while input.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
            for word in String::from_utf8_lossy(&line).split_inclusive(char::is_whitespace) {
                if sender.blocking_send(word.to_owned()).is_err() {
                    return;
                }
            }
            line.clear();
        }
    });
    words
}

/// The three readers: after how many words each joins, its name, and what it wants.
fn joining() -> [(usize, &'static str, SubscribeRequest); 3] {
    [
        (0, "start", SubscribeRequest::default()),
        (RUNNING_AFTER, "running", running_values()),
        (LATE_AFTER, "late", SubscribeRequest::default()),
    ]
}

/// Only words, each with the text up to it, from the very first one on.
fn running_values() -> SubscribeRequest {
    SubscribeRequest {
        filter: EventFilter {
            types: Some(vec![TypePattern::parse("text.*")]),
            include_status: false,
            ..EventFilter::default()
        },
        cursor: Cursor { rank: Some(-1), ..Cursor::default() },
        accumulated: true,
        ..SubscribeRequest::default()
    }
}

/// Starts a reader that prints what it is given and puts the text together.
async fn follow(
    engine: &Engine,
    id: &TaskId,
    name: &'static str,
    request: SubscribeRequest,
) -> Result<Reading, Failure> {
    let running = request.accumulated;
    let mut reader = engine.subscribe(id, request).await?;
    println!("{name:8}| joins");
    Ok(tokio::spawn(async move {
        let mut text = String::new();
        loop {
            match reader.next().await {
                Batch::End(Ending::Finished(_)) => return Ok(text),
                Batch::End(ending) => return Err(format!("{name} was cut off: {ending:?}").into()),
                batch => {
                    for (rank, event) in batch.events() {
                        show(name, rank, &event);
                        take(&mut text, &event, running)?;
                    }
                }
            }
        }
    }))
}

/// A whole text so far takes the place of what the reader has, a delta goes behind it.
fn take(text: &mut String, event: &TaskEvent, running: bool) -> Result<(), Failure> {
    if &*event.event_type == "text.word" {
        let piece: Piece = serde_json::from_str(event.data.as_str())?;
        if running || event.snapshot {
            text.clear();
        }
        text.push_str(&piece.delta);
    }
    Ok(())
}

fn show(name: &str, rank: u64, event: &TaskEvent) {
    let kind = if event.snapshot { "snapshot" } else { "" };
    println!("{name:8}| {rank:>3} {:16}{kind:9}{}", event.event_type, event.data.as_str());
}

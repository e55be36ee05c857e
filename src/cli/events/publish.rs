//! `taskcast events publish`.

use std::io::{self, Read as _};

use anyhow::Context as _;
use serde_json::Value;

use super::super::connect::{Connect, json_or_text};
use super::super::exit::Exit;
use super::super::output::Format;
use super::super::{show, values};
use crate::client::{Level, NewEvent, SeriesMode};

/// Publish an event to a task.
///
/// Example: taskcast events publish 01KDA0Q1Y2M3N4P5Q6R7S8T9V0 llm.text 'Hel' --series answer --mode accumulate
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of the task
    id: String,
    /// Type of the event
    #[arg(value_name = "TYPE")]
    event_type: String,
    /// JSON, or a text when it is none; - reads standard input; null when absent
    data: Option<String>,
    /// The series it belongs to
    #[arg(short, long, requires = "mode")]
    series: Option<String>,
    /// How the events of the series belong together. To accumulate, data that is no object is a piece of text
    #[arg(short, long, requires = "series", value_parser = values::series_mode())]
    mode: Option<SeriesMode>,
    /// How important it is
    #[arg(short, long, default_value = "info", value_parser = values::level())]
    level: Level,
    #[command(flatten)]
    connect: Connect,
    #[command(flatten)]
    format: Format,
}

/// Publishes the event.
pub(super) async fn run(args: Args) -> anyhow::Result<Exit> {
    let client = args.connect.client()?;
    let text = match args.data.as_deref() {
        Some("-") => Some(standard_input()?),
        Some(text) => Some(text.to_owned()),
        None => None,
    };
    let event =
        NewEvent { level: args.level, ..event(&args.event_type, args.series, args.mode, text.as_deref()) };
    let event = client.publish(&args.id, event).await?;
    show::event(args.format, &event).map(Exit::done)
}

fn event(event_type: &str, series: Option<String>, mode: Option<SeriesMode>, text: Option<&str>) -> NewEvent {
    let data = text.map_or(Value::Null, json_or_text);
    let mut event = match (&series, mode, text) {
        (Some(series), Some(SeriesMode::Accumulate), Some(text)) if !data.is_object() => {
            NewEvent::delta(event_type, series, text)
        }
        _ => NewEvent::new(event_type, data),
    };
    (event.series_id, event.series_mode) = (series, mode);
    event
}

/// All of standard input, without the end of its last line.
fn standard_input() -> anyhow::Result<String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).context("cannot read the data from standard input")?;
    let length = text.trim_end_matches('\n').len().max(text.len().saturating_sub(1));
    text.truncate(length);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_is_json_or_text_and_pieces_of_text_are_deltas() {
        let accumulate = Some(SeriesMode::Accumulate);
        let table = [
            (None, None, json!(null)),
            (None, Some("42"), json!(42)),
            (None, Some("hello"), json!("hello")),
            (Some(SeriesMode::Latest), Some("42"), json!(42)),
            (accumulate, Some("42"), json!({"delta": "42"})),
            (accumulate, Some(r#"{"delta": "x", "n": 1}"#), json!({"delta": "x", "n": 1})),
        ];
        for (mode, text, data) in table {
            let event = event("t", mode.map(|_| "s".to_owned()), mode, text);
            assert_eq!((event.data, event.series_mode), (data, mode), "{text:?}");
            assert_eq!(event.series_id.is_some(), mode.is_some());
        }
    }
}

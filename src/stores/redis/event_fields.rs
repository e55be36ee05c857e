//! How an event becomes the fields of a stream's entry, and back.
//!
//! An entry holds `m`, the array `[time, id, type, level]` with `true` behind it for a snapshot; `s`, the array
//! `[series, mode, field, client, number]` or nothing, with a `+` before it for an event that accumulates, so that a
//! script can tell; and `d`, the payload. Of an event whose payload is gone a mark is left: `d` and `m` and, on a line
//! of its own, `s`; or `e` and `m` where the series is forgotten as well. The mark `h` says that no view shows the
//! event.

use std::collections::HashSet;
use std::sync::Arc;

use fred::types::Value;
use serde::Deserialize;
use taskcast_actors::domain::{
    ClientSeq, EventId, Json, Level, Series, SeriesMode, TaskEvent, TaskId, Timestamp,
};
use taskcast_actors::ports::Slot;

use super::error::Failure;
use super::reply::{Reply, text_of};

/// Before the series fields of an event that accumulates.
const ACCUMULATES: char = '+';

/// What is in the place of an event that is there, but whose payload was not asked for.
const LEFT_OUT: &str = "-";

/// Adds the three fields of `event` to the arguments of a script.
pub(super) fn push(args: &mut Vec<Value>, event: &TaskEvent) {
    args.push(Value::from(main_of(event)));
    args.push(Value::from(series_of(event)));
    args.push(Value::from(event.data.as_str()));
}

fn main_of(event: &TaskEvent) -> String {
    let (at, level) = (event.timestamp, event.level);
    let text = if event.snapshot {
        serde_json::to_string(&(at, &event.id, &event.event_type, level, true))
    } else {
        serde_json::to_string(&(at, &event.id, &event.event_type, level))
    };
    text.expect("plain values serialise")
}

fn series_of(event: &TaskEvent) -> String {
    if event.series.is_none() && event.client.is_none() {
        return String::new();
    }
    let series = event.series.as_deref().cloned().unwrap_or_default();
    let client = event.client.as_deref();
    let fields = (series.id, series.mode, series.acc_field, client.map(|c| &c.id), client.map(|c| c.seq));
    let mut text = serde_json::to_string(&fields).expect("plain values serialise");
    if event.accumulates().is_some() {
        text.insert(0, ACCUMULATES);
    }
    text
}

/// The field `m`.
#[derive(Deserialize)]
pub(super) struct Main {
    pub(super) at: Timestamp,
    pub(super) id: EventId,
    event_type: String,
    level: Level,
    #[serde(default)]
    snapshot: bool,
}

impl Main {
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        serde_json::from_str(text).map_err(Failure::corrupt)
    }
}

type SeriesFields<'a> = (
    Option<std::borrow::Cow<'a, str>>,
    Option<SeriesMode>,
    Option<std::borrow::Cow<'a, str>>,
    Option<std::borrow::Cow<'a, str>>,
    Option<u64>,
);

fn read_series(text: &str) -> Result<SeriesFields<'_>, Failure> {
    match text.trim_start_matches(ACCUMULATES) {
        "" => Ok((None, None, None, None, None)),
        fields => serde_json::from_str(fields).map_err(Failure::corrupt),
    }
}

/// The field `m` of a slot as scripts answer it, whatever happened to the event.
pub(super) fn main_of_slot(slot: &mut Reply) -> Result<Main, Failure> {
    let (mark, main) = (slot.text()?, slot.text()?);
    let (_, _) = (slot.value(), slot.value());
    match mark.as_bytes().first() {
        Some(b'd' | b'e') => Main::read(gone_parts(&mark).0),
        _ => Main::read(&main),
    }
}

/// The parts of a mark that are left of an event.
fn gone_parts(mark: &str) -> (&str, &str) {
    let rest = mark.get(1..).unwrap_or_default();
    rest.split_once('\n').unwrap_or((rest, ""))
}

/// Reads slots of one log; texts that repeat are shared.
pub(super) struct SlotReader<'a> {
    task_id: &'a TaskId,
    texts: HashSet<Arc<str>>,
}

impl<'a> SlotReader<'a> {
    pub(super) fn new(task_id: &'a TaskId) -> Self {
        Self { task_id, texts: HashSet::new() }
    }

    /// The slot at `index` from the four values that scripts answer for it, and the length of its payload.
    pub(super) fn slot(&mut self, index: u64, reply: &mut Reply) -> Result<(Slot, usize), Failure> {
        let (mark, main, series, data) = (reply.bytes()?, reply.bytes()?, reply.bytes()?, reply.bytes()?);
        let (mark, main, series) = (text_of(&mark)?, text_of(&main)?, text_of(&series)?);
        match mark {
            "" | "h" => {
                let text = text_of(&data)?;
                let event = Arc::new(self.event(index, Main::read(main)?, series, text)?);
                Ok((if mark.is_empty() { Slot::Visible(event) } else { Slot::Hidden(event) }, text.len()))
            }
            LEFT_OUT => Ok((self.gone(index, main, series)?, 0)),
            _ if mark.starts_with(['d', 'e']) => {
                let (main, series) = gone_parts(mark);
                Ok((self.gone(index, main, series)?, 0))
            }
            _ => Err(Failure::corrupt("an event is missing")),
        }
    }

    fn gone(&mut self, index: u64, main: &str, series: &str) -> Result<Slot, Failure> {
        let main = Main::read(main)?;
        let (series, mode, ..) = read_series(series)?;
        let merges = !matches!(mode, None | Some(SeriesMode::KeepAll));
        let series = series.filter(|id| merges && !id.is_empty()).map(|id| self.shared(&id));
        let event_type = self.shared(&main.event_type);
        Ok(Slot::Gone { index, id: main.id, timestamp: main.at, event_type, level: main.level, series })
    }

    fn event(&mut self, index: u64, main: Main, series: &str, data: &str) -> Result<TaskEvent, Failure> {
        let (id, mode, field, client, seq) = read_series(series)?;
        let series = Series {
            id: id.map(|text| self.shared(&text)),
            mode,
            acc_field: field.map(|text| self.shared(&text)),
        };
        let client = client.zip(seq).map(|(id, seq)| Box::new(ClientSeq { id: self.shared(&id), seq }));
        Ok(TaskEvent {
            id: main.id,
            task_id: self.task_id.clone(),
            index,
            timestamp: main.at,
            event_type: self.shared(&main.event_type),
            level: main.level,
            data: Json::from_stored(data).map_err(Failure::corrupt)?,
            series: (series != Series::default()).then(|| Box::new(series)),
            client,
            snapshot: main.snapshot,
        })
    }

    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&new));
        new
    }
}

//! Events: what a producer sends, what the log keeps, and how the log's form is written.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{EventId, Json, TaskId, Timestamp};

/// All types that begin with this belong to the server (PROTOCOL §6.4).
pub const RESERVED_PREFIX: &str = "taskcast:";
/// Type of the event that every transition appends.
pub const STATUS_TYPE: &str = "taskcast:status";
/// Type of the event that follows a status event to `blocked` with a request.
pub const BLOCKED_TYPE: &str = "taskcast:blocked";
/// Type of the event that follows a status event from `blocked` to `running`.
pub const RESOLVED_TYPE: &str = "taskcast:resolved";
/// The field that `accumulate` concatenates when the event names none.
pub const DEFAULT_ACC_FIELD: &str = "delta";

/// How important an event is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For those who look for a fault.
    Debug,
    /// The usual.
    #[default]
    Info,
    /// Something to look at.
    Warn,
    /// Something went wrong.
    Error,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The name the protocol uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level with this name, exactly.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }
}

/// How events of one series belong together (PROTOCOL §8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeriesMode {
    /// All are kept, as if they were no series.
    KeepAll,
    /// Each carries a piece of a growing text.
    Accumulate,
    /// Only the newest counts.
    Latest,
}

impl SeriesMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::KeepAll, Self::Accumulate, Self::Latest];

    /// The name the protocol uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KeepAll => "keep-all",
            Self::Accumulate => "accumulate",
            Self::Latest => "latest",
        }
    }

    /// The mode with this name, exactly.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// The series fields of an event, as the producer sent them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// Which series; without it the event is plain.
    pub id: Option<Arc<str>>,
    /// How it merges; without it the event is plain.
    pub mode: Option<SeriesMode>,
    /// The string field of `data` that grows; [`DEFAULT_ACC_FIELD`] when absent.
    pub acc_field: Option<Arc<str>>,
}

/// The place of an event in its client's own numbering (PROTOCOL §8.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSeq {
    /// Which client.
    pub id: Arc<str>,
    /// Its number for this event.
    pub seq: u64,
}

/// What a producer asks to append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Free text that does not begin with [`RESERVED_PREFIX`].
    pub event_type: Arc<str>,
    /// Importance.
    pub level: Level,
    /// The payload.
    pub data: Json,
    /// Series fields, if any was sent.
    pub series: Option<Box<Series>>,
    /// The client's numbering, if it numbers its events.
    pub client: Option<Box<ClientSeq>>,
}

impl NewEvent {
    /// A plain event of level `info`.
    pub fn new(event_type: &str, data: Json) -> Self {
        Self { event_type: event_type.into(), level: Level::Info, data, series: None, client: None }
    }

    /// This event at its place in a log.
    pub fn stored(&self, id: EventId, task_id: TaskId, index: u64, timestamp: Timestamp) -> TaskEvent {
        TaskEvent {
            id,
            task_id,
            index,
            timestamp,
            event_type: Arc::clone(&self.event_type),
            level: self.level,
            data: self.data.clone(),
            series: self.series.clone(),
            client: self.client.clone(),
            snapshot: false,
        }
    }

    /// Makes this event a member of the series `id`.
    pub fn in_series(mut self, id: &str, mode: SeriesMode) -> Self {
        self.series = Some(Box::new(Series { id: Some(id.into()), mode: Some(mode), acc_field: None }));
        self
    }
}

/// An event of a task's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEvent {
    /// Unique id; sorts in index order.
    pub id: EventId,
    /// The task.
    pub task_id: TaskId,
    /// Place in the log, from 0, without gaps.
    pub index: u64,
    /// When it was appended; never decreases along the log.
    pub timestamp: Timestamp,
    /// The producer's type or one of the reserved ones.
    pub event_type: Arc<str>,
    /// Importance.
    pub level: Level,
    /// The payload; of an accumulate event in the log, the delta as sent.
    pub data: Json,
    /// Series fields as sent.
    pub series: Option<Box<Series>>,
    /// The client's numbering as sent.
    pub client: Option<Box<ClientSeq>>,
    /// Whether `data` is a running value that stands for all deltas before it (late join only).
    pub snapshot: bool,
}

impl TaskEvent {
    /// Series id and mode when the event really is a member of a series (PROTOCOL §8.3).
    pub fn series_key(&self) -> Option<(&Arc<str>, SeriesMode)> {
        let series = self.series.as_deref()?;
        let id = series.id.as_ref().filter(|id| !id.is_empty())?;
        match series.mode? {
            SeriesMode::KeepAll => None,
            mode => Some((id, mode)),
        }
    }

    /// The series this event is a delta of, if it is an accumulate event.
    pub fn accumulates(&self) -> Option<&Arc<str>> {
        match self.series_key()? {
            (id, SeriesMode::Accumulate) => Some(id),
            _ => None,
        }
    }

    /// The field that `accumulate` concatenates.
    pub fn acc_field(&self) -> &str {
        self.series.as_deref().and_then(|series| series.acc_field.as_deref()).unwrap_or(DEFAULT_ACC_FIELD)
    }

    /// Bytes this event holds besides the struct itself, about.
    pub fn weight(&self) -> usize {
        self.data.as_str().len() + self.event_type.len() + size_of::<Self>()
    }

    /// Appends the raw form of PROTOCOL §2 to `out`.
    pub fn write_raw(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"id\":");
        write_id(out, &self.id);
        out.extend_from_slice(b",\"taskId\":");
        write_string(out, self.task_id.as_str());
        write_number(out, ",\"index\":", self.index);
        self.write_common(out);
        if let Some(client) = self.client.as_deref() {
            out.extend_from_slice(b",\"clientId\":");
            write_string(out, &client.id);
            write_number(out, ",\"clientSeq\":", client.seq);
        }
        out.push(b'}');
    }

    /// Appends the envelope of PROTOCOL §2 without its opening `{"filteredIndex":N`, the only part in which two
    /// readers of the same event differ.
    pub fn write_envelope_tail(&self, out: &mut Vec<u8>) {
        write_number(out, ",\"rawIndex\":", self.index);
        out.extend_from_slice(b",\"eventId\":");
        write_id(out, &self.id);
        out.extend_from_slice(b",\"taskId\":");
        write_string(out, self.task_id.as_str());
        self.write_common(out);
        out.push(b'}');
    }

    fn write_common(&self, out: &mut Vec<u8>) {
        write_number(out, ",\"timestamp\":", self.timestamp.0);
        out.extend_from_slice(b",\"type\":");
        write_string(out, &self.event_type);
        out.extend_from_slice(b",\"level\":\"");
        out.extend_from_slice(self.level.as_str().as_bytes());
        out.extend_from_slice(b"\",\"data\":");
        out.extend_from_slice(self.data.as_str().as_bytes());
        if let Some(series) = self.series.as_deref() {
            write_series(out, series);
        }
        if self.snapshot {
            out.extend_from_slice(b",\"seriesSnapshot\":true");
        }
    }
}

fn write_series(out: &mut Vec<u8>, series: &Series) {
    if let Some(id) = &series.id {
        out.extend_from_slice(b",\"seriesId\":");
        write_string(out, id);
    }
    if let Some(mode) = series.mode {
        out.extend_from_slice(b",\"seriesMode\":\"");
        out.extend_from_slice(mode.as_str().as_bytes());
        out.push(b'"');
    }
    if let Some(field) = &series.acc_field {
        out.extend_from_slice(b",\"seriesAccField\":");
        write_string(out, field);
    }
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing to memory does not fail");
}

fn write_id(out: &mut Vec<u8>, id: &EventId) {
    match id {
        EventId::Ulid(ulid) => {
            let mut buffer = [0; ulid::ULID_LEN];
            out.push(b'"');
            out.extend_from_slice(ulid.array_to_str(&mut buffer).as_bytes());
            out.push(b'"');
        }
        EventId::Foreign(text) => write_string(out, text),
    }
}

fn write_number(out: &mut Vec<u8>, key: &str, number: impl itoa::Integer) {
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

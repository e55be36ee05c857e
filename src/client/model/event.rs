//! Events: what is published, and what is read.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use taskcast_actors::domain::{DEFAULT_ACC_FIELD, Json, Level, SeriesMode, Timestamp};

/// An event to publish (PROTOCOL §8.1).
///
/// ```
/// use serde_json::json;
/// use taskcast::client::{Level, NewEvent};
/// let step = NewEvent { level: Level::Warn, ..NewEvent::new("agent.step", json!({"tool": "search"})) };
/// let piece = NewEvent::delta("llm.text", "answer", "Hel");
/// let progress = NewEvent::latest("progress", "percent", json!(40));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewEvent {
    /// Free text that does not begin with `taskcast:`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Importance.
    pub level: Level,
    /// Any JSON.
    pub data: Value,
    /// Which series it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series_id: Option<String>,
    /// How the events of its series belong together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series_mode: Option<SeriesMode>,
    /// Of an accumulate event, the string field of `data` that grows; `delta` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series_acc_field: Option<String>,
    /// Who numbers events, with [`Self::client_seq`] (PROTOCOL §8.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The number of this event in the numbering of its client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_seq: Option<u64>,
}

impl NewEvent {
    /// A plain event of level `info`.
    pub fn new(event_type: &str, data: impl Into<Value>) -> Self {
        Self {
            event_type: event_type.to_owned(),
            level: Level::Info,
            data: data.into(),
            series_id: None,
            series_mode: None,
            series_acc_field: None,
            client_id: None,
            client_seq: None,
        }
    }

    /// A piece of the growing text of `series`.
    pub fn delta(event_type: &str, series: &str, piece: &str) -> Self {
        let data = Value::Object([(DEFAULT_ACC_FIELD.to_owned(), piece.into())].into_iter().collect());
        Self::new(event_type, data).in_series(series, SeriesMode::Accumulate)
    }

    /// The newest value of `series`, which replaces those before it.
    pub fn latest(event_type: &str, series: &str, data: impl Into<Value>) -> Self {
        Self::new(event_type, data).in_series(series, SeriesMode::Latest)
    }

    fn in_series(self, series: &str, mode: SeriesMode) -> Self {
        Self { series_id: Some(series.to_owned()), series_mode: Some(mode), ..self }
    }
}

/// An event of a task (PROTOCOL §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Unique; a cursor whatever the filter.
    pub id: String,
    /// The task.
    pub task_id: String,
    /// Place in the task's log, from 0.
    pub index: u64,
    /// When it was appended.
    pub timestamp: Timestamp,
    /// The producer's type, or one that begins with `taskcast:`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Importance.
    pub level: Level,
    /// The payload; of an accumulate event a delta, or the running value when [`Self::series_snapshot`] or the format
    /// of the request says so.
    pub data: Json,
    /// Which series it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series_id: Option<String>,
    /// How the events of its series belong together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series_mode: Option<SeriesMode>,
    /// The string field of `data` that grows; `delta` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series_acc_field: Option<String>,
    /// Whether `data` stands for everything of its series up to here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub series_snapshot: bool,
    /// Who numbered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_seq: Option<u64>,
}

impl Event {
    /// The text of an accumulate event: a piece, or all of it.
    ///
    /// ```
    /// # use taskcast::client::{NewEvent, NewTask};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let event = client.publish(&task.id, NewEvent::delta("text", "answer", "Hel")).await?;
    /// assert_eq!((event.text().as_deref(), event.accumulates()), (Some("Hel"), true));
    /// assert_eq!(client.publish(&task.id, NewEvent::new("step", 1)).await?.text(), None);
    /// # Ok(()) });
    /// ```
    pub fn text(&self) -> Option<String> {
        let field = self.series_acc_field.as_deref().unwrap_or(DEFAULT_ACC_FIELD);
        serde_json::from_str(self.data.member(field)?).ok()
    }

    /// Whether this is a delta or the running value of a text series.
    pub fn accumulates(&self) -> bool {
        self.series_mode == Some(SeriesMode::Accumulate)
            && self.series_id.as_deref().is_some_and(|id| !id.is_empty())
    }
}

/// An event of the stream of all tasks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::client) struct Envelope {
    raw_index: u64,
    event_id: String,
    task_id: String,
    #[serde(rename = "type")]
    event_type: String,
    timestamp: Timestamp,
    level: Level,
    data: Json,
    series_id: Option<String>,
    series_mode: Option<SeriesMode>,
    series_acc_field: Option<String>,
}

impl From<Envelope> for Event {
    fn from(envelope: Envelope) -> Self {
        Self {
            id: envelope.event_id,
            task_id: envelope.task_id,
            index: envelope.raw_index,
            timestamp: envelope.timestamp,
            event_type: envelope.event_type,
            level: envelope.level,
            data: envelope.data,
            series_id: envelope.series_id,
            series_mode: envelope.series_mode,
            series_acc_field: envelope.series_acc_field,
            series_snapshot: false,
            client_id: None,
            client_seq: None,
        }
    }
}

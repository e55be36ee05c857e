//! The current value of a series, out of its events (PROTOCOL §8.3).

use futures_util::StreamExt as _;
use taskcast_actors::domain::{Json, SeriesMode};

use super::{Connection, Ending, Received, Subscription};
use crate::client::{ClientError, Event};

/// The state of a series: the data of its newest event, and the text that has grown in one of its fields.
#[derive(Debug)]
struct State {
    index: u64,
    data: Json,
    field: String,
    text: Option<String>,
}

impl State {
    /// The text in `field`, if there is one.
    fn take(self, field: &str) -> Option<String> {
        if self.field == field {
            return self.text;
        }
        serde_json::from_str(self.data.member(field)?).ok()
    }
}

/// The text of a series, as it grows. Made by [`super::Subscribe::text`].
///
/// ```
/// # use taskcast::client::{Ending, NewEvent, NewTask, TaskStatus};
/// # taskcast::example::with_client(|client| async move {
/// let task = client.create_task(NewTask::default()).await?;
/// for piece in ["all ", "of ", "it"] {
///     client.publish(&task.id, NewEvent::delta("text", "answer", piece)).await?;
/// }
/// client.cancel(&task.id).await?;
/// let (text, ending) = client.subscribe(&task.id).text("answer").finished().await?;
/// assert_eq!((text.as_str(), ending), ("all of it", Ending::Finished(TaskStatus::Cancelled)));
/// # Ok(()) });
/// ```
#[derive(Debug)]
pub struct Text {
    events: Subscription,
    series: String,
    /// Whether each event carries the whole text.
    whole: bool,
    state: Option<State>,
    ending: Option<Ending>,
}

impl Text {
    pub(super) fn new(events: Subscription, series: String, whole: bool) -> Self {
        Self { events, series, whole, state: None, ending: None }
    }

    /// Waits until the text has changed, and gives it. `None` once the task is over, or after an error.
    ///
    /// # Errors
    /// Those of [`super::Subscribe::stream`].
    pub async fn changed(&mut self) -> Option<Result<&str, ClientError>> {
        loop {
            match self.events.next().await? {
                Ok(Received::Event(event)) if event.series_id.as_ref() == Some(&self.series) => {
                    if self.take(&event) {
                        return Some(Ok(self.current()));
                    }
                }
                Ok(Received::Done(ending)) => self.ending = Some(ending),
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The text so far.
    pub fn current(&self) -> &str {
        self.state.as_ref().and_then(|state| state.text.as_deref()).unwrap_or_default()
    }

    /// The whole text, once the task is over, and how it ended.
    ///
    /// # Errors
    /// Those of [`super::Subscribe::stream`].
    pub async fn finished(mut self) -> Result<(String, Ending), ClientError> {
        while let Some(changed) = self.changed().await {
            changed?;
        }
        let text = self.state.and_then(|state| state.text).unwrap_or_default();
        let ending = self.ending.ok_or_else(|| ClientError::InvalidAnswer("the stream has no end".into()))?;
        Ok((text, ending))
    }

    /// How the task ended, if it has.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// What its connection is doing.
    pub fn status(&self) -> Connection {
        self.events.status()
    }

    /// Whether this event is one of the series.
    fn take(&mut self, event: &Event) -> bool {
        let accumulates = event.accumulates();
        if !accumulates && event.series_mode != Some(SeriesMode::Latest) {
            return false;
        }
        let field = event.series_acc_field.as_deref().unwrap_or("delta");
        // An index that does not grow is that of another task, which took the place of this one.
        let goes_on = accumulates && !self.whole && !event.series_snapshot;
        let before = self.state.take().filter(|before| goes_on && before.index < event.index);
        let text = match (before.and_then(|before| before.take(field)), event.text()) {
            (Some(mut grown), Some(piece)) => {
                grown.push_str(&piece);
                Some(grown)
            }
            (_, text) => text,
        };
        self.state =
            Some(State { index: event.index, data: event.data.clone(), field: field.to_owned(), text });
        true
    }
}

/// The newest event of a series. Made by [`super::Subscribe::latest`].
#[derive(Debug)]
pub struct Latest {
    events: Subscription,
    series: String,
    newest: Option<Box<Event>>,
    ending: Option<Ending>,
}

impl Latest {
    pub(super) fn new(events: Subscription, series: String) -> Self {
        Self { events, series, newest: None, ending: None }
    }

    /// Waits for a newer event, and gives it. `None` once the task is over, or after an error.
    ///
    /// # Errors
    /// Those of [`super::Subscribe::stream`].
    pub async fn changed(&mut self) -> Option<Result<&Event, ClientError>> {
        loop {
            match self.events.next().await? {
                Ok(Received::Event(event)) if event.series_id.as_ref() == Some(&self.series) => {
                    return Some(Ok(self.newest.insert(event)));
                }
                Ok(Received::Done(ending)) => self.ending = Some(ending),
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The newest event so far.
    pub fn current(&self) -> Option<&Event> {
        self.newest.as_deref()
    }

    /// How the task ended, if it has.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// What its connection is doing.
    pub fn status(&self) -> Connection {
        self.events.status()
    }
}

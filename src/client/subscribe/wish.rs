//! What a subscription follows, and how.

use url::Url;

use super::follow::Seen;
use super::{Latest, Subscription, Text};
use crate::client::send::task_path;
use crate::client::{Client, ClientError, Cursor, Filter};

/// What to follow, and how. Nothing is sent before [`Self::stream`], [`Self::text`] or [`Self::latest`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Subscribe {
    pub(super) client: Client,
    /// `None` is all tasks.
    pub(super) task: Option<String>,
    pub(super) filter: Filter,
    pub(super) since: Option<Cursor>,
    pub(super) accumulated: bool,
    pub(super) last: Option<u32>,
}

impl Subscribe {
    /// Only these events.
    ///
    /// ```
    /// # use futures_util::TryStreamExt as _;
    /// # use taskcast::client::{Filter, Level, NewEvent, NewTask, Received};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// client.start(&task.id).await?;
    /// client.publish(&task.id, NewEvent::new("chatter", 1)).await?;
    /// client.publish(&task.id, NewEvent { level: Level::Error, ..NewEvent::new("trouble", 2) }).await?;
    /// let filter = Filter { levels: Some(vec![Level::Error]), ..Filter::default() };
    /// let mut errors = client.subscribe(&task.id).filter(filter).stream();
    /// let Some(Received::Event(event)) = errors.try_next().await? else { panic!("there is an event") };
    /// assert_eq!(event.event_type, "trouble");
    /// # Ok(()) });
    /// ```
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Only events of these types.
    pub fn types<I: IntoIterator<Item: Into<String>>>(mut self, patterns: I) -> Self {
        self.filter.types = Some(patterns.into_iter().map(Into::into).collect());
        self
    }

    /// Begins after the cursor. Pieces of text before it do not come back: in the format of deltas they are the
    /// caller's.
    ///
    /// ```
    /// # use futures_util::TryStreamExt as _;
    /// # use taskcast::client::{Cursor, NewEvent, NewTask, Received};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let first = client.publish(&task.id, NewEvent::new("step", 1)).await?;
    /// client.publish(&task.id, NewEvent::new("step", 2)).await?;
    /// let mut rest = client.subscribe(&task.id).since(Cursor::Id(first.id)).stream();
    /// let Some(Received::Event(second)) = rest.try_next().await? else { panic!("there is an event") };
    /// assert_eq!(second.index, 1);
    /// # Ok(()) });
    /// ```
    pub fn since(mut self, cursor: Cursor) -> Self {
        self.since = Some(cursor);
        self
    }

    /// Text series carry all of their text in each event, which makes every cursor exact and long texts expensive.
    ///
    /// ```
    /// # use futures_util::TryStreamExt as _;
    /// # use taskcast::client::{Cursor, NewEvent, NewTask, Received};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let first = client.publish(&task.id, NewEvent::delta("text", "answer", "Hel")).await?;
    /// client.publish(&task.id, NewEvent::delta("text", "answer", "lo")).await?;
    /// let mut whole = client.subscribe(&task.id).since(Cursor::Id(first.id)).accumulated().stream();
    /// let Some(Received::Event(event)) = whole.try_next().await? else { panic!("there is an event") };
    /// assert_eq!(event.text().as_deref(), Some("Hello"));
    /// # Ok(()) });
    /// ```
    pub fn accumulated(mut self) -> Self {
        self.accumulated = true;
        self
    }

    /// Of what is there already, only the last `events`.
    ///
    /// ```
    /// # use futures_util::TryStreamExt as _;
    /// # use taskcast::client::{NewEvent, NewTask, Received};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// client.publish_batch(&task.id, &[1, 2, 3].map(|number| NewEvent::new("step", number))).await?;
    /// let mut last = client.subscribe(&task.id).last(1).stream();
    /// let Some(Received::Event(event)) = last.try_next().await? else { panic!("there is an event") };
    /// assert_eq!(event.data.as_str(), "3");
    /// # Ok(()) });
    /// ```
    pub fn last(mut self, events: u32) -> Self {
        self.last = Some(events);
        self
    }

    /// The events. The stream ends after [`Received::Done`](super::Received::Done), or after an error that another
    /// attempt would meet again: a refusal (401, 403, 404 and others below 500), an answer that makes no sense, or no
    /// token from the provider. Dropping it ends the subscription. Nothing happens while nobody waits for its next item.
    ///
    /// Indexes grow from event to event, unless the task was replaced (by an import, or deleted and created anew) while
    /// there was no connection: then its events come from their beginning.
    pub fn stream(self) -> Subscription {
        Subscription::new(self)
    }

    /// The text of a series, as it grows. A filter has to let all of the series pass.
    ///
    /// ```
    /// # use taskcast::client::{NewEvent, NewTask};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// client.publish(&task.id, NewEvent::delta("text", "answer", "forty-")).await?;
    /// let mut answer = client.subscribe(&task.id).text("answer");
    /// assert_eq!(answer.changed().await.unwrap()?, "forty-");
    /// client.publish(&task.id, NewEvent::delta("text", "answer", "two")).await?;
    /// assert_eq!(answer.changed().await.unwrap()?, "forty-two");
    /// # Ok(()) });
    /// ```
    pub fn text(mut self, series: &str) -> Text {
        // There may be pieces before the first event, which only a running value holds.
        self.accumulated |= self.since.is_some() || self.last.is_some();
        let whole = self.accumulated;
        Text::new(self.stream(), series.to_owned(), whole)
    }

    /// The newest event of a series.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use taskcast::client::{NewEvent, NewTask};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// client.publish(&task.id, NewEvent::latest("progress", "percent", json!(10))).await?;
    /// client.publish(&task.id, NewEvent::latest("progress", "percent", json!(20))).await?;
    /// let mut percent = client.subscribe(&task.id).latest("percent");
    /// assert_eq!(percent.changed().await.unwrap()?.data.as_str(), "20");
    /// # Ok(()) });
    /// ```
    pub fn latest(self, series: &str) -> Latest {
        Latest::new(self.stream(), series.to_owned())
    }

    /// Where to read on: after `seen`, or from where the wish begins. `fresh` is when nothing was handed on.
    pub(super) fn place(&self, seen: Option<&Seen>, fresh: bool) -> Result<Url, ClientError> {
        let Some(task) = &self.task else {
            let mut url = self.client.url(&["events"]);
            url.query_pairs_mut().extend_pairs(self.filter.query());
            return Ok(url);
        };
        let mut url = self.client.url(&task_path(task, &["events"])?);
        let mut query = url.query_pairs_mut();
        query.extend_pairs(self.filter.query()).append_pair("wrap", "false");
        if self.accumulated {
            query.append_pair("seriesFormat", "accumulated");
        }
        if let Some(seen) = seen {
            query.append_pair("since.id", &seen.id);
        } else if fresh {
            query.extend_pairs(self.since.as_ref().map(Cursor::query));
            query.extend_pairs(self.last.map(|last| ("limit", last.to_string())));
        }
        drop(query);
        Ok(url)
    }
}

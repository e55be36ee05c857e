//! Events: publish, and read what was published.

use reqwest::Method;
use serde::Deserialize;

use super::{Client, ClientError, Event, HistoryQuery, NewEvent, PublisherBuilder};

/// # Events
impl Client {
    /// Appends an event to a task. Repeats carry the same `Idempotency-Key`, so that it is there once.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use taskcast::client::{NewEvent, NewTask};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let event = client.publish(&task.id, NewEvent::new("agent.step", json!({"tool": "search"}))).await?;
    /// assert_eq!(event.index, 0);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `task_terminal`, `task_not_found`, `invalid_body`, `too_large`; of sequenced events `seq_stale`, `seq_gap`,
    /// `seq_duplicate` and `seq_timeout`.
    pub async fn publish(&self, id: &str, event: NewEvent) -> Result<Event, ClientError> {
        self.task_call(Method::POST, id, &["events"])?.json(&event)?.keyed().read().await
    }

    /// Appends up to 1,000 events, all or none, next to each other and in this order.
    ///
    /// ```
    /// # use taskcast::client::{NewEvent, NewTask};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let steps = [NewEvent::new("step", "plan"), NewEvent::new("step", "act")];
    /// assert_eq!(client.publish_batch(&task.id, &steps).await?[1].index, 1);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub async fn publish_batch(&self, id: &str, events: &[NewEvent]) -> Result<Vec<Event>, ClientError> {
        self.task_call(Method::POST, id, &["events"])?.json(&events)?.keyed().read().await
    }

    /// A publisher of many small pieces to one task: see [`super::Publisher`].
    pub fn publisher(&self, id: &str) -> PublisherBuilder {
        PublisherBuilder::new(self.clone(), id.to_owned())
    }

    /// What was published to a task, as far as it is still visible.
    ///
    /// ```
    /// # use taskcast::client::{HistoryQuery, NewEvent, NewTask};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// for piece in ["to", "gether"] {
    ///     client.publish(&task.id, NewEvent::delta("text", "answer", piece)).await?;
    /// }
    /// let query = HistoryQuery { accumulated: true, ..HistoryQuery::default() };
    /// assert_eq!(client.history(&task.id, &query).await?[0].text().as_deref(), Some("together"));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `task_not_found`.
    pub async fn history(&self, id: &str, query: &HistoryQuery) -> Result<Vec<Event>, ClientError> {
        let mut call = self.task_call(Method::GET, id, &["events", "history"])?;
        for (name, value) in query.filter.query() {
            call = call.query(name, &value);
        }
        if let Some((name, value)) = query.since.as_ref().map(super::Cursor::query) {
            call = call.query(name, &value);
        }
        let format = query.accumulated.then_some("accumulated");
        let limit = query.limit.map(|limit| limit.to_string());
        call.maybe("seriesFormat", format).maybe("limit", limit.as_deref()).read().await
    }

    /// The number that the next sequenced event of the client `numbering` has to have (PROTOCOL §8.5).
    ///
    /// ```
    /// # use taskcast::client::{NewEvent, NewTask};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let (client_id, client_seq) = (Some("mine".to_owned()), Some(0));
    /// client.publish(&task.id, NewEvent { client_id, client_seq, ..NewEvent::new("step", 1) }).await?;
    /// assert_eq!(client.expected_seq(&task.id, "mine").await?, 1);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `seq_client_not_found` when it has numbered nothing yet, `task_not_found`.
    pub async fn expected_seq(&self, id: &str, numbering: &str) -> Result<u64, ClientError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            expected_seq: u64,
        }
        if matches!(numbering, "." | "..") {
            return Err(ClientError::InvalidRequest("this client cannot be asked about".to_owned()));
        }
        let answer: Answer = self.task_call(Method::GET, id, &["seq", numbering])?.read().await?;
        Ok(answer.expected_seq)
    }
}

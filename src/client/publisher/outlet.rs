//! Sends the batches of a publisher, each exactly once.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde::Deserialize;

use crate::client::answer::read;
use crate::client::send::unique;
use crate::client::{Client, ClientError, Cursor, HistoryQuery, NewEvent};

/// Where a publisher publishes, with its numbering.
pub(super) struct Outlet {
    client: Client,
    task: String,
    persistence: Duration,
    /// The name of its numbering, and the next number.
    numbering: String,
    next: u64,
    /// What the server answered last.
    answer: Bytes,
}

impl Outlet {
    pub(super) fn new(client: Client, task: String, persistence: Duration) -> Self {
        let (numbering, answer) = (format!("rust-{}", unique()), Bytes::new());
        Self { client, task, persistence, numbering, next: 0, answer }
    }

    /// Publishes `events` after all before them.
    pub(super) async fn send(&mut self, mut events: Vec<NewEvent>) -> Result<(), ClientError> {
        if events.is_empty() {
            return Ok(());
        }
        for (seq, event) in (self.next..).zip(&mut events) {
            event.client_id = Some(self.numbering.clone());
            event.client_seq = Some(seq);
        }
        self.next += events.len() as u64;
        let call = self.client.task_call(Method::POST, &self.task, &["events"])?;
        let call = call.json(&events)?.repeatable().persistent(self.persistence);
        match call.counted().await {
            (Ok((_, answer)), _) => {
                self.answer = answer;
                Ok(())
            }
            (Err(error), true) if self.has_it(&error).await => Ok(()),
            (Err(error), _) => Err(error),
        }
    }

    /// Whether the server refuses a batch that it has: an attempt before, whose answer was lost, was carried out.
    async fn has_it(&self, error: &ClientError) -> bool {
        match error.refusal() {
            Some(stale) if stale.code == "seq_stale" => stale.expected_seq == Some(self.next),
            // A task that is over has forgotten all numberings, but its events have not.
            Some(over) if over.code == "task_terminal" => self.is_in_history().await,
            _ => false,
        }
    }

    /// Whether there is an event with this numbering behind the last one that was acknowledged.
    async fn is_in_history(&self) -> bool {
        #[derive(Deserialize)]
        struct Place {
            index: i64,
        }
        let before: Vec<Place> = read(&self.answer).unwrap_or_default();
        let since = before.last().map(|place| Cursor::Index(place.index));
        let query = HistoryQuery { since, ..HistoryQuery::default() };
        let history = self.client.history(&self.task, &query).await.unwrap_or_default();
        history.iter().any(|event| event.client_id.as_ref() == Some(&self.numbering))
    }
}

//! A stream of events as bytes: what came, and when.

use std::time::{Duration, Instant};

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Response};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::trip::EVENT_TYPE;
use crate::client::{Client, ClientError};

/// What has come so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Status and content type, once the answer has begun.
    pub(super) head: Option<(u16, String)>,
    /// When each event came.
    pub(super) events: Vec<Instant>,
    /// When each comment came, by which a server shows that it is alive.
    pub(super) signs: Vec<Instant>,
    /// Whether the server said that the task is over.
    pub(super) done: bool,
    /// When the stream ended, for whatever reason.
    pub(super) ended: Option<Instant>,
}

impl Seen {
    fn line(&mut self, line: &[u8]) {
        match line {
            b"event: taskcast.event" => self.events.push(Instant::now()),
            b"event: taskcast.done" => self.done = true,
            [b':', ..] => self.signs.push(Instant::now()),
            _ => {}
        }
    }
}

/// A stream that is being read. Dropping it ends that.
#[derive(Debug)]
pub(super) struct Watched {
    seen: watch::Receiver<Seen>,
    _work: JoinSet<()>,
}

/// The request for the stream of a task.
pub(super) async fn request(client: &Client, task: &str) -> Result<RequestBuilder, ClientError> {
    let query = [("types", EVENT_TYPE), ("includeStatus", "false")];
    client.raw(Method::GET, &["tasks", task, "events"], &query).await
}

/// What an answer says its body is.
pub(super) fn content_type(answer: &Response) -> String {
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.unwrap_or("nothing").to_owned()
}

impl Watched {
    /// Begins to read the stream of a task.
    pub(super) async fn open(client: &Client, task: &str) -> Result<Self, ClientError> {
        let request = request(client, task).await?;
        let (tell, seen) = watch::channel(Seen::default());
        let mut work = JoinSet::new();
        work.spawn(async move {
            // Whatever ends it, that it ended is what counts.
            let _ended = read(request, &tell).await;
            tell.send_modify(|seen| seen.ended = Some(Instant::now()));
        });
        Ok(Self { seen, _work: work })
    }

    /// Whether `condition` holds, after waiting for it that long.
    pub(super) async fn until(&mut self, patience: Duration, condition: impl FnMut(&Seen) -> bool) -> bool {
        matches!(timeout(patience, self.seen.wait_for(condition)).await, Ok(Ok(_)))
    }

    /// What has come so far.
    pub(super) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }
}

async fn read(request: RequestBuilder, tell: &watch::Sender<Seen>) -> reqwest::Result<()> {
    let mut answer = request.send().await?;
    let head = (answer.status().as_u16(), content_type(&answer));
    tell.send_modify(|seen| seen.head = Some(head));
    let mut line = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        tell.send_modify(|seen| {
            for byte in piece {
                if byte == b'\n' {
                    seen.line(&line);
                    line.clear();
                } else {
                    line.push(byte);
                }
            }
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_comments_and_the_end_are_told_apart() {
        let mut seen = Seen::default();
        for line in
            [":keepalive", "", "event: taskcast.event", "data: {}", "id: 1", "", "event: taskcast.done"]
        {
            seen.line(line.as_bytes());
        }
        assert_eq!((seen.events.len(), seen.signs.len(), seen.done), (1, 1, true));
    }
}

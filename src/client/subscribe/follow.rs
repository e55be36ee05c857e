//! One subscription: connect, read, and connect again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Response;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use taskcast_actors::domain::Timestamp;
use tokio::sync::watch;

use super::{Connection, Ending, Received, Subscribe};
use crate::client::answer::{read, refusal};
use crate::client::model::Envelope;
use crate::client::sse::{Frame, Parser, Unreadable};
use crate::client::{ClientError, Event};

/// The last event that was handed on.
pub(super) struct Seen {
    pub(super) id: String,
    index: u64,
    timestamp: Timestamp,
}

/// A connection.
struct Open {
    response: Response,
    parser: Parser,
    frames: VecDeque<Frame>,
    since: Instant,
}

impl Open {
    fn read(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        let read = self.parser.push(bytes, &mut self.frames);
        read.map_err(|Unreadable| ClientError::InvalidAnswer("the stream is no text, or without end".into()))
    }
}

/// How connecting has gone of late.
#[derive(Default)]
struct Attempts {
    /// Connections that failed in a row.
    failures: u32,
    /// The wait that the server asked for.
    asked: Option<Duration>,
}

/// What a subscription tells of its connection.
pub(super) struct Told {
    pub(super) status: watch::Sender<Connection>,
    pub(super) trouble: watch::Sender<Option<Arc<ClientError>>>,
}

/// A subscription and where it is.
pub(super) struct Follow {
    wish: Subscribe,
    told: Told,
    open: Option<Open>,
    seen: Option<Seen>,
    /// Whether going on after the last event misses nothing: see the module above.
    exact: bool,
    /// Whether the replay was asked for anew and what was handed on has not been passed yet.
    passing: bool,
    attempts: Attempts,
    /// Whether there has been a connection before this one.
    connected: bool,
}

impl Follow {
    pub(super) fn new(wish: Subscribe, told: Told) -> Self {
        let exact = wish.accumulated || wish.since.is_some() || wish.task.is_none();
        let (open, seen, attempts) = (None, None, Attempts::default());
        Self { wish, told, open, seen, exact, passing: false, attempts, connected: false }
    }

    pub(super) async fn next(&mut self) -> Option<Result<Received, ClientError>> {
        while *self.told.status.borrow() != Connection::Closed {
            let found = match &mut self.open {
                None => self.connect().await,
                Some(open) => match open.frames.pop_front() {
                    Some(frame) => self.take(frame),
                    None => self.receive().await,
                },
            };
            match found {
                Ok(None) => {}
                Ok(Some(received)) => return Some(Ok(received)),
                Err(error) => {
                    self.end();
                    return Some(Err(error));
                }
            }
        }
        None
    }

    fn end(&mut self) {
        self.open = None;
        self.told.status.send_replace(Connection::Closed);
    }

    /// Another attempt is needed, because of this.
    fn retry(&mut self, because: ClientError) {
        self.open = None;
        self.attempts.failures = self.attempts.failures.saturating_add(1);
        self.told.trouble.send_replace(Some(Arc::new(because)));
        self.told.status.send_replace(Connection::Retrying);
    }

    /// Gets a connection, or an error that another attempt would meet again.
    async fn connect(&mut self) -> Result<Option<Received>, ClientError> {
        let settings = self.wish.client.inner.settings;
        if *self.told.status.borrow() == Connection::Retrying {
            let Attempts { failures, asked } = self.attempts;
            tokio::time::sleep(settings.backoff.delay(failures.saturating_sub(1), asked)).await;
            self.attempts.asked = None;
        }
        match self.request().await {
            Ok(response) => {
                let (parser, frames) = (Parser::default(), VecDeque::new());
                self.open = Some(Open { response, parser, frames, since: Instant::now() });
                self.told.status.send_replace(Connection::Open);
                let again = std::mem::replace(&mut self.connected, true);
                Ok((again && self.wish.task.is_none()).then_some(Received::Gap))
            }
            Err(error) if error.is_transient() || error.status().is_some_and(|status| status >= 500) => {
                self.attempts.asked = error.retry_after();
                self.retry(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn request(&mut self) -> Result<Response, ClientError> {
        self.passing = self.seen.is_some() && !self.exact;
        let seen = self.seen.as_ref().filter(|_| self.exact);
        let url = self.wish.place(seen, self.seen.is_none())?;
        let client = &self.wish.client;
        let mut request = client.inner.http.get(url).header(ACCEPT, "text/event-stream");
        if let Some((name, value)) = client.credential().await? {
            request = request.header(name, value);
        }
        let patience = client.inner.settings.request_timeout;
        let whole = async {
            let response =
                request.send().await.map_err(|error| ClientError::of_transport(error, patience))?;
            if response.status().is_success() { Ok(response) } else { Err(refusal(response, patience).await) }
        };
        let response =
            tokio::time::timeout(patience, whole).await.unwrap_or(Err(ClientError::Timeout(patience)))?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
            return Err(ClientError::InvalidAnswer("this is no stream of events".to_owned()));
        }
        Ok(response)
    }

    /// Waits for bytes. A connection that ends, breaks or is silent for too long is given up.
    async fn receive(&mut self) -> Result<Option<Received>, ClientError> {
        let settings = self.wish.client.inner.settings;
        let Some(open) = &mut self.open else { return Ok(None) };
        let because = match tokio::time::timeout(settings.silence, open.response.chunk()).await {
            Ok(Ok(Some(bytes))) => return open.read(&bytes).map(|()| None),
            Ok(Ok(None)) => ClientError::broken("the server ended the stream"),
            Ok(Err(error)) => ClientError::of_transport(error, settings.silence),
            Err(_) => ClientError::broken("the server was silent for too long"),
        };
        // A server that takes connections only to drop them is asked less and less often.
        if open.since.elapsed() >= settings.backoff.longest {
            self.attempts.failures = 0;
        }
        self.retry(because);
        Ok(None)
    }

    fn take(&mut self, frame: Frame) -> Result<Option<Received>, ClientError> {
        if let Some(millis) = frame.retry {
            self.attempts.asked = Some(Duration::from_millis(millis));
        }
        let Some(data) = frame.data else { return Ok(None) };
        match frame.event.as_str() {
            "taskcast.event" if self.wish.task.is_none() => {
                let event: Event = read::<Envelope>(data.as_bytes())?.into();
                self.attempts.failures = 0;
                let wanted = self.wish.filter.lets_pass(&event);
                Ok(wanted.then(|| Received::Event(Box::new(event))))
            }
            "taskcast.event" => Ok(self.hand_on(read(data.as_bytes())?)),
            "taskcast.done" => {
                let ending = Ending::read(&data)?;
                self.end();
                Ok(Some(Received::Done(ending)))
            }
            _ => Ok(None),
        }
    }

    /// The event, unless it was handed on before.
    fn hand_on(&mut self, event: Event) -> Option<Received> {
        if !self.exact && event.accumulates() && !event.series_snapshot {
            self.exact = true;
        }
        let known = |seen: &Seen| event.index <= seen.index && event.timestamp <= seen.timestamp;
        if self.passing && self.seen.as_ref().is_some_and(known) {
            return None;
        }
        (self.passing, self.attempts.failures) = (false, 0);
        self.seen = Some(Seen { id: event.id.clone(), index: event.index, timestamp: event.timestamp });
        Some(Received::Event(Box::new(event)))
    }
}

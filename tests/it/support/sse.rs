//! A reader of event streams that sees every byte.

use std::io::ErrorKind;
use std::net::SocketAddr;

use serde_json::Value;

use super::client::{Answer, Wire, request};

/// The comment that says that a stream is alive.
pub(crate) const KEEPALIVE: &str = ":keepalive\n\n";

/// One frame, with the blank line that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame(pub(crate) String);

impl Frame {
    fn field(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The event's data, if this is an event in exactly the form of the protocol.
    pub(crate) fn event(&self) -> Option<Value> {
        if self.field("event") != Some("taskcast.event") {
            return None;
        }
        let (data, id) = (self.field("data").expect("data"), self.field("id").expect("an id"));
        let exact = format!("event: taskcast.event\ndata: {data}\nid: {id}\n\n");
        assert_eq!(self.0, exact);
        let json: Value = serde_json::from_str(data).expect("data is JSON");
        let told = json.get("eventId").or(json.get("id"));
        assert_eq!(told.and_then(Value::as_str), Some(id));
        Some(json)
    }

    /// The reason, if this is the frame that ends a stream, in exactly the form of the protocol.
    pub(crate) fn done(&self) -> Option<&str> {
        let rest = self.0.strip_prefix("event: taskcast.done\ndata: {\"reason\":\"")?;
        Some(rest.strip_suffix("\"}\n\n").expect("done has no other field"))
    }

    /// The milliseconds of an advice when to come back.
    pub(crate) fn retry(&self) -> Option<u64> {
        self.0.strip_prefix("retry: ")?.strip_suffix("\n\n")?.parse().ok()
    }
}

/// All that a stream gave until the server closed it.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    pub(crate) events: Vec<Value>,
    pub(crate) done: Option<String>,
    pub(crate) retry: Option<u64>,
}

/// An open event stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) head: Answer,
    wire: Wire,
    text: String,
    over: bool,
}

impl Stream {
    /// Opens a stream that must begin, with the comment that comes first read.
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        Self::open_with(address, path, &[]).await
    }

    pub(crate) async fn open_with(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut wire = Wire::connect(address).await;
        wire.send(&request("GET", path, headers, b"")).await.expect("the server reads");
        let head = wire.head().await.expect("an answer");
        assert_eq!(head.status, 200, "{path}");
        let mut stream = Self { head, wire, text: String::new(), over: false };
        assert_eq!(stream.frame().await, Some(Frame(KEEPALIVE.to_owned())), "{path}");
        stream
    }

    /// The next frame, or `None` once the server has properly closed the stream.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let rest = self.text.split_off(end + 2);
                let frame = std::mem::replace(&mut self.text, rest);
                assert!(!frame.contains('\r'), "{frame:?}");
                return Some(Frame(frame));
            }
            if self.over {
                assert_eq!(self.text, "", "the stream ends within a frame");
                return None;
            }
            match self.wire.chunk().await.expect("the stream does not break off") {
                Some(piece) => self.text.push_str(std::str::from_utf8(&piece).expect("frames are UTF-8")),
                None => self.over = true,
            }
        }
    }

    /// The next frame that is no comment.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            match self.frame().await {
                Some(frame) if frame.0 == KEEPALIVE => {}
                frame => return frame,
            }
        }
    }

    /// The next event; anything else fails the test.
    pub(crate) async fn event(&mut self) -> Value {
        let frame = self.next().await.expect("the stream goes on");
        frame.event().unwrap_or_else(|| panic!("no event: {frame:?}"))
    }

    /// The next `count` events.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::with_capacity(count);
        while events.len() < count {
            events.push(self.event().await);
        }
        events
    }

    /// The frame that ends the stream, and then its end.
    pub(crate) async fn done(&mut self) -> String {
        let whole = self.rest().await;
        assert_eq!(whole.events, Vec::<Value>::new());
        whole.done.expect("a done")
    }

    /// Everything until the server closes the stream. Nothing may follow `done` or `retry`.
    pub(crate) async fn rest(&mut self) -> Whole {
        let mut whole = Whole::default();
        while let Some(frame) = self.next().await {
            assert!(whole.done.is_none() && whole.retry.is_none(), "{frame:?} behind the end");
            if let Some(event) = frame.event() {
                whole.events.push(event);
            } else if let Some(reason) = frame.done() {
                whole.done = Some(reason.to_owned());
            } else {
                whole.retry = Some(frame.retry().unwrap_or_else(|| panic!("no such frame: {frame:?}")));
            }
        }
        self.ends().await;
        whole
    }

    /// That the connection is closed by the server, or good for another request.
    async fn ends(&mut self) {
        if self.head.header("connection") == Some("close") {
            let more = self.wire.fill_or_end().await;
            assert!(matches!(&more, Ok(false)) || is_reset(&more), "{more:?}");
        }
    }
}

fn is_reset(result: &std::io::Result<bool>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

/// What a list of events says under `name`.
pub(crate) fn each(events: &[Value], name: &str) -> Vec<Value> {
    events.iter().map(|event| event[name].clone()).collect()
}

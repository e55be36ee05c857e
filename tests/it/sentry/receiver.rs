//! A server that takes reports as Sentry does, and one that never answers.

use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::within;

/// What a report is, and its content.
pub(super) type Item = (String, Value);

/// See the module. It ends with the test.
pub(super) struct Receiver {
    port: u16,
    items: Arc<watch::Sender<Vec<Item>>>,
}

impl Receiver {
    /// Takes whatever is sent.
    pub(super) async fn start() -> Self {
        let receiver = Self::bind().await;
        let (listener, items) = receiver;
        let (port, kept) = (listener.local_addr().unwrap().port(), Arc::clone(&items));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&kept)));
            }
        });
        Self { port, items }
    }

    /// Takes connections and never answers.
    pub(super) async fn silent() -> Self {
        let (listener, items) = Self::bind().await;
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                open.push(socket);
            }
        });
        Self { port, items }
    }

    async fn bind() -> (TcpListener, Arc<watch::Sender<Vec<Item>>>) {
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), Arc::default())
    }

    /// Where to report, with a key.
    pub(super) fn dsn(&self) -> String {
        format!("http://k3y@127.0.0.1:{}/1", self.port)
    }

    /// Everything so far.
    pub(super) fn items(&self) -> Vec<Item> {
        self.items.borrow().clone()
    }

    /// Waits for the first report for which `wanted` holds.
    pub(super) async fn item(&self, what: &str, wanted: impl Fn(&Item) -> bool) -> Value {
        let mut items = self.items.subscribe();
        let come = items.wait_for(|items| items.iter().any(&wanted));
        let items = within(&format!("Sentry is told: {what}"), come).await.unwrap();
        items.iter().find(|item| wanted(item)).unwrap().1.clone()
    }

    /// Waits for the event with this message.
    pub(super) async fn message(&self, message: &str) -> Value {
        self.item(message, |(kind, event)| kind == "event" && event["message"] == message).await
    }

    /// Waits for an exception of this type.
    pub(super) async fn exception(&self, kind: &str) -> Value {
        self.item(kind, |(_, event)| event["exception"]["values"][0]["type"] == kind).await
    }
}

/// Answers the requests of one connection.
async fn serve(mut socket: TcpStream, items: Arc<watch::Sender<Vec<Item>>>) {
    let mut unread = Vec::new();
    while let Some(body) = request(&mut socket, &mut unread).await {
        let new = parsed(&body);
        items.send_modify(|items| items.extend(new));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        if socket.write_all(answer).await.is_err() {
            return;
        }
    }
}

/// The body of the next request, which has to look as Sentry wants it.
async fn request(socket: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = loop {
        if let Some(end) = unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        if socket.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&unread[..end]).to_lowercase();
    assert!(head.starts_with("post /api/1/envelope/ ") && head.contains("sentry_key=k3y"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.expect("a body with its length").trim().parse().unwrap();
    while unread.len() < end + length {
        if socket.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    }
    let body = unread[end..end + length].to_vec();
    unread.drain(..end + length);
    Some(body)
}

/// The items of an envelope: a header, then a header and a content for each.
fn parsed(envelope: &[u8]) -> Vec<Item> {
    let text = std::str::from_utf8(envelope).unwrap();
    let lines: Vec<&str> = text.lines().skip(1).collect();
    let item = |pair: &[&str]| {
        let header: Value = serde_json::from_str(pair[0]).unwrap();
        (header["type"].as_str().unwrap().to_owned(), serde_json::from_str(pair[1]).unwrap())
    };
    lines.chunks_exact(2).map(item).collect()
}

//! Somebody who receives webhooks, well-behaved or not, and remembers what came.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::within;

/// One request as it came.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// How many came to the same receiver before.
    pub(super) before: usize,
    /// When it had come.
    pub(super) at: Instant,
}

impl Delivery {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header that must be there and be a number.
    pub(super) fn number(&self, name: &str) -> i64 {
        self.header(name).and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{name}: {self:?}"))
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a delivery is JSON")
    }

    /// The index of the event.
    pub(super) fn index(&self) -> u64 {
        let body = self.json();
        body["index"].as_u64().or(body["rawIndex"].as_u64()).expect("an index")
    }

    /// The task of the event.
    pub(super) fn task(&self) -> String {
        self.json()["taskId"].as_str().expect("a task").to_owned()
    }
}

/// What a receiver does with a request.
pub(super) enum Reply {
    /// Writes this and goes on with the connection.
    Bytes(Vec<u8>),
    /// Writes this and closes the connection.
    Last(Vec<u8>),
    /// Writes the first, then the second again and again.
    Endless(Vec<u8>, Vec<u8>),
    /// Says nothing and keeps the connection.
    Nothing,
}

impl Reply {
    pub(super) fn status(status: u16) -> Self {
        Self::with(status, "")
    }

    /// With these header lines, each ended.
    pub(super) fn with(status: u16, headers: &str) -> Self {
        let length = if status == 204 { "" } else { "content-length: 0\r\n" };
        Self::Bytes(format!("HTTP/1.1 {status} Whatever\r\n{length}{headers}\r\n").into_bytes())
    }
}

type Script = dyn Fn(&Delivery) -> Reply + Send + Sync;

/// See the module. It ends when dropped.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    seen: watch::Receiver<Vec<Delivery>>,
    connections: Arc<Mutex<Vec<JoinHandle<()>>>>,
    listening: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
        self.connections.lock().iter().for_each(JoinHandle::abort);
    }
}

impl Receiver {
    /// A receiver that answers as `script` says.
    pub(super) async fn start(script: impl Fn(&Delivery) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into(), script).await
    }

    /// As [`Receiver::start`], at this address.
    pub(super) async fn start_at(
        address: SocketAddr,
        script: impl Fn(&Delivery) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let (told, seen) = watch::channel(Vec::new());
        let (told, script): (_, Arc<Script>) = (Arc::new(told), Arc::new(script));
        let connections = Arc::<Mutex<Vec<_>>>::default();
        let kept = Arc::clone(&connections);
        let listening = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (told, script) = (Arc::clone(&told), Arc::clone(&script));
                kept.lock().push(tokio::spawn(async move {
                    // A peer that goes away has ended the conversation.
                    let _over = converse(socket, &told, &*script).await;
                }));
            }
        });
        Self { address, seen, connections, listening }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything that has come so far.
    pub(super) fn so_far(&self) -> Vec<Delivery> {
        self.seen.borrow().clone()
    }

    /// Everything that has come once `enough` says so.
    pub(super) async fn until(
        &self,
        what: &str,
        enough: impl FnMut(&Vec<Delivery>) -> bool,
    ) -> Vec<Delivery> {
        let mut seen = self.seen.clone();
        within(what, seen.wait_for(enough)).await.expect("it listens").clone()
    }

    /// The deliveries once there are `count`; there must not be more.
    pub(super) async fn exactly(&self, count: usize) -> Vec<Delivery> {
        let seen = self.until("deliveries", |seen| seen.len() >= count).await;
        assert_eq!(seen.len(), count, "{seen:?}");
        seen
    }
}

async fn converse(
    mut socket: TcpStream,
    told: &watch::Sender<Vec<Delivery>>,
    script: &Script,
) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut unread = Vec::new();
    loop {
        let mut delivery = read(&mut socket, &mut unread).await?;
        let mut reply = Reply::Nothing;
        told.send_modify(|seen| {
            delivery.before = seen.len();
            reply = script(&delivery);
            seen.push(delivery);
        });
        match reply {
            Reply::Bytes(bytes) => socket.write_all(&bytes).await?,
            Reply::Last(bytes) => {
                socket.write_all(&bytes).await?;
                return socket.shutdown().await;
            }
            Reply::Endless(bytes, more) => {
                socket.write_all(&bytes).await?;
                loop {
                    socket.write_all(&more).await?;
                    tokio::task::yield_now().await;
                }
            }
            Reply::Nothing => {}
        }
    }
}

/// The next request of a connection.
async fn read(socket: &mut TcpStream, unread: &mut Vec<u8>) -> std::io::Result<Delivery> {
    loop {
        if let Some((delivery, length)) = parse(unread) {
            unread.drain(..length);
            return Ok(delivery);
        }
        if socket.read_buf(unread).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// A request, if it is complete, and how many bytes it takes.
fn parse(bytes: &[u8]) -> Option<(Delivery, usize)> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    let head = match request.parse(bytes).expect("the program speaks HTTP") {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return None,
    };
    assert_eq!(request.method, Some("POST"));
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).expect("headers are ASCII");
    let headers: Vec<_> =
        request.headers.iter().map(|field| (field.name.to_ascii_lowercase(), text(field.value))).collect();
    let path = request.path.expect("a request has a path").to_owned();
    let delivery = Delivery { path, headers, body: Vec::new(), before: 0, at: Instant::now() };
    let length = usize::try_from(delivery.number("content-length")).expect("a length");
    let body = bytes.get(head..head + length)?.to_vec();
    Some((Delivery { body, ..delivery }, head + length))
}

//! A small HTTP/1.1 client that hides nothing: the head as it came, the body byte for byte.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::within;

/// The end of a head.
const BLANK_LINE: &[u8] = b"\r\n\r\n";

/// An answer, with its body complete.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("answers are UTF-8")
    }

    /// The body as JSON, which it must say it is.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body of a success with this status.
    #[track_caller]
    pub(crate) fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// That this is exactly this error.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str, error: &str) {
        let json = serde_json::json!({"error": error, "code": code});
        assert_eq!((self.status, self.json()), (status, json));
    }

    /// That this is an error with this code, and a text that contains `part`.
    #[track_caller]
    pub(crate) fn refused_with(&self, status: u16, code: &str, part: &str) {
        let json = self.json();
        assert_eq!((self.status, json["code"].as_str()), (status, Some(code)), "{json}");
        let error = json["error"].as_str().expect("the error is a string");
        assert!(error.contains(part), "{error}");
        assert_eq!(json.as_object().map(serde_json::Map::len), Some(2), "{json}");
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) socket: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.expect("the server listens")
    }

    /// As [`Wire::connect`], to a server that may be gone.
    pub(crate) async fn try_connect(address: SocketAddr) -> Result<Self> {
        let socket = within("a connection", TcpStream::connect(address)).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, unread: Vec::new() })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        within("sending", self.socket.write_all(bytes)).await
    }

    /// One request and its answer; the connection can be used again.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer> {
        self.send(&request(method, path, headers, body)).await?;
        self.answer(method == "HEAD").await
    }

    /// A request that must be answered.
    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Answer {
        self.call("POST", path, &[], body.as_bytes()).await.expect("an answer")
    }

    /// More bytes, or an error at the end of the stream.
    async fn fill(&mut self) -> Result<()> {
        if self.fill_or_end().await? { Ok(()) } else { Err(Error::from(ErrorKind::UnexpectedEof)) }
    }

    /// Whether more bytes came before the end of the stream.
    pub(crate) async fn fill_or_end(&mut self) -> Result<bool> {
        self.unread.reserve(65_536);
        Ok(within("bytes from the server", self.socket.read_buf(&mut self.unread)).await? > 0)
    }

    /// Status and headers of the answer.
    pub(crate) async fn head(&mut self) -> Result<Answer> {
        loop {
            let answer = self.any_head().await?;
            if answer.status != 100 {
                return Ok(answer);
            }
        }
    }

    /// Status and headers of the answer, or that the server wants to read on.
    pub(crate) async fn any_head(&mut self) -> Result<Answer> {
        loop {
            let end = self.unread.windows(BLANK_LINE.len()).position(|bytes| bytes == BLANK_LINE);
            if let Some(end) = end {
                let head: Vec<u8> = self.unread.drain(..end + BLANK_LINE.len()).collect();
                return parse_head(&head);
            }
            self.fill().await?;
        }
    }

    /// A whole answer.
    pub(crate) async fn answer(&mut self, to_head: bool) -> Result<Answer> {
        let mut answer = self.head().await?;
        if to_head || answer.status == 204 || answer.status == 304 {
            return Ok(answer);
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            while let Some(piece) = self.chunk().await? {
                answer.body.extend_from_slice(&piece);
            }
        } else {
            let length = answer.header("content-length").unwrap_or("0").parse().map_err(Error::other)?;
            answer.body = self.take(length).await?;
        }
        Ok(answer)
    }

    /// The next chunk, or `None` behind the last one.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let line = loop {
            if let Some(end) = self.unread.windows(2).position(|bytes| bytes == b"\r\n") {
                break self.take(end + 2).await?;
            }
            self.fill().await?;
        };
        let digits = std::str::from_utf8(&line).map_err(Error::other)?;
        let length = usize::from_str_radix(digits.trim_end(), 16).map_err(Error::other)?;
        let mut piece = self.take(length + 2).await?;
        piece.truncate(length);
        Ok((length > 0).then_some(piece))
    }

    /// The next bytes of the body.
    pub(crate) async fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.unread.len() < length {
            self.fill().await?;
        }
        Ok(self.unread.drain(..length).collect())
    }
}

/// The bytes of a request.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: taskcast\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    } else if method != "GET" && method != "HEAD" {
        text.push_str("content-length: 0\r\n");
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

fn parse_head(head: &[u8]) -> Result<Answer> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Response::new(&mut fields);
    parsed.parse(head).map_err(Error::other)?;
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = parsed.headers.iter().map(|field| (field.name.to_ascii_lowercase(), text(field.value)));
    Ok(Answer { status: parsed.code.unwrap_or(0), headers: headers.collect(), body: Vec::new() })
}

/// Makes every request on a connection of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
}

impl Client {
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut wire = Wire::connect(self.address).await;
        let answered = wire.call(method, path, headers, body).await;
        answered.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.call("POST", path, &[], body.as_bytes()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &str) -> Answer {
        self.call("PATCH", path, &[], body.as_bytes()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, &[], b"").await
    }

    /// Creates a task with this id.
    pub(crate) async fn create(&self, id: &str) {
        self.post("/tasks", &format!(r#"{{"id":"{id}"}}"#)).await.ok(201);
    }

    /// Creates a task with this id and starts it.
    pub(crate) async fn running(&self, id: &str) {
        self.create(id).await;
        self.moved(id, "running").await;
    }

    /// Moves a task to another status.
    pub(crate) async fn moved(&self, id: &str, status: &str) -> Value {
        let body = format!(r#"{{"status":"{status}"}}"#);
        self.patch(&format!("/tasks/{id}/status"), &body).await.ok(200)
    }

    /// Publishes and gives what was stored.
    pub(crate) async fn publish(&self, id: &str, body: &str) -> Value {
        self.post(&format!("/tasks/{id}/events"), body).await.ok(201)
    }

    /// The history of a task.
    pub(crate) async fn history(&self, id: &str, query: &str) -> Vec<Value> {
        let answer = self.get(&format!("/tasks/{id}/events/history?{query}")).await.ok(200);
        answer.as_array().expect("a history is a list").clone()
    }
}

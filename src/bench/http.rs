//! A bare HTTP/1.1 client connection: prebuilt requests, answers checked by status and length.

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bench::chunked::Chunked;
use crate::bench::target::Target;

/// A keep-alive connection with one request at a time.
pub struct Conn {
    stream: TcpStream,
    input: Vec<u8>,
    body: Vec<u8>,
}

/// What the head of an answer says.
#[derive(Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The length of the head with its blank line, in bytes.
    pub size: usize,
    /// True for a body in chunks.
    pub chunked: bool,
    /// True for a body that is an event stream.
    pub event_stream: bool,
    length: usize,
}

impl Conn {
    /// Connects to the target.
    pub async fn open(target: &Target) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(target.address).await;
        let stream = stream.with_context(|| format!("connecting to {}", target.address))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, input: Vec::with_capacity(4096), body: Vec::new() })
    }

    /// Sends a request and returns the body of the answer, which must have the given status.
    pub async fn call(&mut self, request: &[u8], status: u16) -> anyhow::Result<&[u8]> {
        let (got, body) = self.exchange(request).await?;
        if got != status {
            let line = request.split(|&byte| byte == b'\r').next().unwrap_or_default();
            bail!(
                "{} answered {got} instead of {status}: {}",
                String::from_utf8_lossy(line),
                String::from_utf8_lossy(&body[..body.len().min(400)]),
            );
        }
        Ok(body)
    }

    /// Sends a request and returns status and body of the answer.
    pub async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<(u16, &[u8])> {
        let head = self.start(request).await?;
        ensure!(!head.event_stream, "an event stream came instead of an answer");
        if head.chunked {
            self.read_chunks(head.size).await?;
            return Ok((head.status, &self.body));
        }
        let end = head.size + head.length;
        while self.input.len() < end {
            self.fill().await?;
        }
        ensure!(self.input.len() == end, "more bytes than the answer announced");
        Ok((head.status, &self.input[head.size..]))
    }

    /// Sends a request and reads the head of the answer; bytes after it may be in the buffer.
    pub async fn start(&mut self, request: &[u8]) -> anyhow::Result<Head> {
        self.stream.write_all(request).await.context("sending a request")?;
        self.input.clear();
        loop {
            self.fill().await?;
            if let Some(head) = parse_head(&self.input)? {
                return Ok(head);
            }
        }
    }

    /// The socket and the bytes that were read after the head of the last answer.
    pub fn into_stream(self, head: &Head) -> (TcpStream, Vec<u8>) {
        (self.stream, self.input[head.size..].to_vec())
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read_buf(&mut self.input).await.context("reading an answer")?;
        ensure!(read > 0, "the server closed the connection before its answer was complete");
        Ok(())
    }

    async fn read_chunks(&mut self, mut from: usize) -> anyhow::Result<()> {
        let mut chunks = Chunked::default();
        self.body.clear();
        loop {
            let body = &mut self.body;
            chunks.decode(&self.input[from..], |payload| {
                body.extend_from_slice(payload);
                Ok(())
            })?;
            if chunks.is_done() {
                return Ok(());
            }
            from = self.input.len();
            self.fill().await?;
        }
    }
}

/// Parses the head at the start of `input`; `None` while it is incomplete.
fn parse_head(input: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(size) = response.parse(input).context("parsing an answer")? else {
        return Ok(None);
    };
    let status = response.code.context("an answer without a status")?;
    let mut head = Head { status, size, chunked: false, event_stream: false, length: 0 };
    for header in response.headers {
        let value = std::str::from_utf8(header.value)?;
        if header.name.eq_ignore_ascii_case("content-length") {
            head.length = value.trim().parse().context("parsing content-length")?;
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            head.chunked = value.trim().eq_ignore_ascii_case("chunked");
        } else if header.name.eq_ignore_ascii_case("content-type") {
            head.event_stream = value == "text/event-stream";
        }
    }
    Ok(Some(head))
}

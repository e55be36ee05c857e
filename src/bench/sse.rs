//! A cheap reader of event streams: counts frames and checks their form and order in raw bytes.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use memchr::{memchr, memmem};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::bench::chunked::Chunked;
use crate::bench::http::Conn;
use crate::bench::target::Target;

/// The bytes of one read.
const READ: usize = 16 * 1024;
/// The time without any byte after which a stream counts as stalled; shorter than the 15 s between
/// two keep-alive comments, which would hide it.
const STALL: Duration = Duration::from_secs(10);

/// An open event stream.
pub struct SseReader {
    stream: TcpStream,
    input: Vec<u8>,
    /// What came with the head of the answer and was not looked at yet.
    rest: Vec<u8>,
    chunks: Chunked,
    /// What was received so far.
    pub frames: Frames,
}

/// How the `rawIndex` of the frames of a stream must go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Each one more than the one before.
    Consecutive,
    /// Each greater than the one before.
    Ascending,
}

/// The line parser of a stream and its counters.
pub struct Frames {
    /// Complete event frames.
    pub count: u64,
    /// The `rawIndex` of the first event.
    pub first: Option<u64>,
    /// The `rawIndex` of the newest event.
    pub last: Option<u64>,
    order: Order,
    greeted: bool,
    lines: u8,
    partial: Vec<u8>,
}

impl SseReader {
    /// Connects, subscribes, and waits for the greeting comment.
    pub async fn open(target: &Target, path: &str, order: Order) -> anyhow::Result<Self> {
        let conn = Conn::open(target).await?;
        let mut reader = Self::subscribe(conn, &target.request("GET", path, ""), order).await?;
        while !reader.frames.greeted {
            reader.read(|_| Ok(())).await?;
        }
        Ok(reader)
    }

    /// Subscribes on an open connection.
    pub async fn subscribe(mut conn: Conn, request: &[u8], order: Order) -> anyhow::Result<Self> {
        let head = conn.start(request).await?;
        ensure!(head.status == 200, "a subscription was answered with {}", head.status);
        ensure!(head.event_stream && head.chunked, "a subscription is no chunked event stream");
        let (stream, rest) = conn.into_stream(&head);
        let frames = Frames::new(order);
        Ok(Self { stream, input: vec![0; READ], rest, chunks: Chunked::default(), frames })
    }

    /// Reads once from the socket and calls `on_data` with the `data` of each event.
    pub async fn read(&mut self, on_data: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return self.feed(&rest, on_data);
        }
        let read = self.stream.read(&mut self.input).await.context("reading a stream")?;
        ensure!(read > 0, "a stream was closed after {} frames", self.frames.count);
        let input = std::mem::take(&mut self.input);
        let fed = self.feed(&input[..read], on_data);
        self.input = input;
        fed
    }

    /// Reads until `count` frames have come, and no more than those.
    pub async fn read_frames(
        &mut self,
        count: u64,
        mut on_data: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        while self.frames.count < count {
            match timeout(STALL, self.read(&mut on_data)).await {
                Ok(read) => read?,
                Err(_) => {
                    bail!("no more frames for {} s after {} of {count}", STALL.as_secs(), self.frames.count)
                }
            }
        }
        ensure!(self.frames.count == count, "{} frames instead of {count}", self.frames.count);
        Ok(())
    }

    fn feed(
        &mut self,
        input: &[u8],
        mut on_data: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let frames = &mut self.frames;
        self.chunks.decode(input, |payload| frames.feed(payload, &mut on_data))?;
        ensure!(!self.chunks.is_done(), "a stream ended after {} frames", frames.count);
        Ok(())
    }
}

impl Frames {
    fn new(order: Order) -> Self {
        Self { count: 0, first: None, last: None, order, greeted: false, lines: 0, partial: Vec::new() }
    }

    /// Splits the payload in lines; an incomplete last line waits for more.
    fn feed(
        &mut self,
        mut payload: &[u8],
        on_data: &mut impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        while let Some(end) = memchr(b'\n', payload) {
            let (line, rest) = (&payload[..end], &payload[end + 1..]);
            if self.partial.is_empty() {
                self.line(line, on_data)?;
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                self.line(&whole, on_data)?;
                whole.clear();
                self.partial = whole;
            }
            payload = rest;
        }
        self.partial.extend_from_slice(payload);
        Ok(())
    }

    /// Takes one line; an event frame is `event`, `data`, `id`, and a blank line.
    fn line(
        &mut self,
        line: &[u8],
        on_data: &mut impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match (self.lines, line) {
            (0, b":keepalive") => {
                self.greeted = true;
                self.lines = 4;
            }
            (0, b"event: taskcast.event") if self.greeted => self.lines = 1,
            (1, [b'd', b'a', b't', b'a', b':', b' ', data @ ..]) => {
                self.check_order(data)?;
                on_data(data)?;
                self.lines = 2;
            }
            (2, [b'i', b'd', b':', b' ', _, ..]) => self.lines = 3,
            (3, b"") => {
                self.count += 1;
                self.lines = 0;
            }
            (4, b"") => self.lines = 0,
            _ => bail!(
                "unexpected line in a stream after {} frames: {:?}",
                self.count,
                String::from_utf8_lossy(&line[..line.len().min(200)])
            ),
        }
        Ok(())
    }

    fn check_order(&mut self, data: &[u8]) -> anyhow::Result<()> {
        let index = number_after(data, br#""rawIndex":"#).context("a frame without rawIndex")?;
        if let Some(last) = self.last {
            let fits = match self.order {
                Order::Consecutive => index == last + 1,
                Order::Ascending => index > last,
            };
            ensure!(fits, "rawIndex {index} came after {last}");
        }
        self.first.get_or_insert(index);
        self.last = Some(index);
        Ok(())
    }
}

/// The number that follows the first occurrence of `key`.
pub fn number_after(text: &[u8], key: &[u8]) -> Option<u64> {
    let start = memmem::find(text, key)? + key.len();
    leading_number(&text[start..])
}

/// The number at the start of `text`.
pub fn leading_number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

//! One direction of a connection.

use std::future::pending;
use std::io::Result;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::Chaos;

/// At most so many bytes of what comes at once are sent in tiny pieces.
const MOST_TINY: usize = 80;

/// How much passes.
pub(super) struct Limit {
    left: Option<usize>,
    /// Whether frames are counted, and whether the last byte could be the first of their end.
    frames: bool,
    within_end: bool,
    silence: bool,
}

impl Limit {
    pub(super) fn none() -> Self {
        Self { left: None, frames: false, within_end: false, silence: false }
    }

    pub(super) fn bytes(bytes: usize) -> Self {
        Self { left: Some(bytes), ..Self::none() }
    }

    pub(super) fn frames(frames: usize) -> Self {
        Self { frames: true, ..Self::bytes(frames) }
    }

    pub(super) fn then_silence(self) -> Self {
        Self { silence: true, ..self }
    }

    /// How many of these bytes pass, and whether they are the last.
    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let Some(left) = &mut self.left else { return (bytes.len(), false) };
        if !self.frames {
            let pass = bytes.len().min(*left);
            *left -= pass;
            return (pass, *left == 0);
        }
        for (at, byte) in bytes.iter().enumerate() {
            if *left == 0 {
                return (at, true);
            }
            let ends = *byte == b'\n' && self.within_end;
            self.within_end = *byte == b'\n' && !ends;
            *left -= usize::from(ends);
        }
        (bytes.len(), *left == 0)
    }
}

/// Hands on what comes until one side ends, or `limit` is reached.
pub(super) async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut limit: Limit,
    mut chaos: Option<Chaos>,
    mut record: impl FnMut(&[u8]),
) -> Result<()> {
    let mut bytes = Vec::new();
    while from.read_buf(&mut bytes).await? > 0 {
        if let Some(chaos) = &mut chaos {
            chaos.gather(&mut from, &mut bytes).await?;
        }
        record(&bytes);
        let (pass, last) = limit.take(&bytes);
        match &mut chaos {
            Some(chaos) => chaos.write(&mut to, &bytes[..pass]).await?,
            None => to.write_all(&bytes[..pass]).await?,
        }
        if last {
            to.flush().await?;
            return if limit.silence { pending().await } else { Ok(()) };
        }
        bytes.clear();
    }
    Ok(())
}

impl Chaos {
    /// Waits for nothing, or until more has come.
    async fn gather(&mut self, from: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Result<()> {
        if self.0.u8(0..4) > 0 {
            return Ok(());
        }
        for _ in 0..self.0.usize(1..5) {
            if let Ok(read) = timeout(Duration::from_millis(self.0.u64(1..4)), from.read_buf(bytes)).await {
                read?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, to: &mut (impl AsyncWrite + Unpin), mut bytes: &[u8]) -> Result<()> {
        let mut tiny = if self.0.u8(0..4) == 0 { MOST_TINY } else { 0 };
        while !bytes.is_empty() {
            let size = if tiny > 0 { self.0.usize(1..6) } else { self.0.usize(1..=4096) };
            tiny = tiny.saturating_sub(size);
            let (piece, rest) = bytes.split_at(size.min(bytes.len()));
            to.write_all(piece).await?;
            to.flush().await?;
            tokio::task::yield_now().await;
            bytes = rest;
        }
        Ok(())
    }
}

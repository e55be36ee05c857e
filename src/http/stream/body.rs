//! The body of an event stream: everything behind the reader's place in one write, comments when nothing happens.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::frame;
use crate::http::Service;

/// A write is made when this much has been gathered, even if more is ready.
const WRITE_BYTES: usize = 64 * 1024;

/// Live events that come sooner than this after a write share the next one. A write costs about twenty times what an
/// event in it costs, and a stream of less than 250 events a second never waits.
const WRITE_PAUSE: Duration = Duration::from_millis(4);

/// What a stream gives its body next.
pub enum Fill {
    /// Frames were appended; there may be more.
    More,
    /// These frames come next; they are shared with other streams.
    Shared(Bytes),
    /// The stream is over; its last frame has been appended.
    Over,
}

/// Where the frames of a stream come from.
pub trait Frames: Unpin {
    /// Appends the next frames to `out`.
    fn poll_fill(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) -> Poll<Fill>;

    /// Waits until there is something to append.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Whether what comes next comes as it happens, not from the store.
    fn is_live(&self) -> bool;
}

/// See the module.
pub struct StreamBody<F> {
    frames: F,
    service: Arc<Service>,
    /// Fires at `tick_at`, or earlier when a write is held back.
    timer: Pin<Box<Sleep>>,
    /// When a comment is due or, once told to end, when the stream ends.
    tick_at: Instant,
    /// When the stream ends because whoever reads it may no longer.
    expires_at: Option<Instant>,
    /// Before this no live events are written, so that those of a burst share a write.
    quiet_until: Option<Instant>,
    drain: Drained,
    /// Shared frames to be written as they are, without a copy.
    shared: Option<Bytes>,
    state: State,
}

enum Drained {
    /// Nobody has asked yet to be told.
    Unasked(Pin<Box<WaitForCancellationFutureOwned>>),
    /// The body will be woken.
    Asked(Pin<Box<WaitForCancellationFutureOwned>>),
    /// The stream has been told to end.
    Told,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Open,
    Over,
}

impl<F: Frames> StreamBody<F> {
    /// A body that writes what `frames` gives, until `expires_at`.
    pub fn new(frames: F, expires_at: Option<Instant>, service: Arc<Service>) -> Self {
        let tick_at = Instant::now() + service.settings.keepalive;
        let drain = Drained::Unasked(Box::pin(service.drain.wait()));
        let timer = Box::pin(sleep_until(tick_at));
        Self {
            frames,
            service,
            timer,
            tick_at,
            expires_at,
            quiet_until: None,
            drain,
            shared: None,
            state: State::New,
        }
    }

    /// Takes everything there is into `out`, and says when this body wants to be woken at the latest.
    fn gather(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) -> Instant {
        while self.state == State::Open && out.len() < WRITE_BYTES {
            if let Some(until) = self.pause() {
                let waits = self.frames.poll_ready(cx).is_ready();
                return if waits { until.min(self.tick_at) } else { self.tick_at };
            }
            match self.frames.poll_fill(cx, out) {
                Poll::Ready(Fill::More) => {}
                Poll::Ready(Fill::Shared(frames)) => {
                    if out.is_empty() {
                        self.shared = Some(frames);
                        break;
                    }
                    out.extend_from_slice(&frames);
                }
                Poll::Ready(Fill::Over) => self.state = State::Over,
                Poll::Pending => break,
            }
        }
        self.tick_at
    }

    /// Until when live events wait, if the stream has just written.
    fn pause(&mut self) -> Option<Instant> {
        self.quiet_until = self.quiet_until.filter(|until| self.frames.is_live() && Instant::now() < *until);
        self.quiet_until
    }

    fn has_expired(&self) -> bool {
        self.expires_at.is_some_and(|end| Instant::now() >= end)
    }

    fn wake_at(&mut self, cx: &mut Context<'_>, at: Instant) {
        let at = self.expires_at.map_or(at, |end| end.min(at));
        if self.timer.deadline() != at {
            self.timer.as_mut().reset(at);
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    /// Once told to end, the stream goes on for a while of its own, so that not all end at once.
    fn watch_drain(&mut self, cx: &mut Context<'_>) {
        let told = match &mut self.drain {
            Drained::Unasked(drain) => drain.as_mut().poll(cx).is_ready(),
            Drained::Asked(_) => self.service.drain.has_started(),
            Drained::Told => return,
        };
        self.drain = match std::mem::replace(&mut self.drain, Drained::Told) {
            Drained::Unasked(drain) | Drained::Asked(drain) if !told => Drained::Asked(drain),
            _ => {
                self.tick_at = Instant::now() + self.service.drain.delay();
                Drained::Told
            }
        };
    }

    fn tick(&mut self, out: &mut BytesMut) {
        let now = Instant::now();
        if now < self.tick_at {
            return;
        }
        if matches!(self.drain, Drained::Told) {
            frame::write_retry(out);
            self.state = State::Over;
        } else {
            out.extend_from_slice(frame::KEEPALIVE);
            self.tick_at = now + self.service.settings.keepalive;
        }
    }

    fn written(&mut self, bytes: Bytes) -> Poll<Option<Result<Bytes, std::convert::Infallible>>> {
        if self.quiet_until.is_none() {
            self.quiet_until = Some(Instant::now() + WRITE_PAUSE);
        }
        Poll::Ready(Some(Ok(bytes)))
    }
}

impl<F: Frames> MessageBody for StreamBody<F> {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let body = self.get_mut();
        let mut out = BytesMut::new();
        if body.has_expired() {
            body.state = State::Over;
        }
        match body.state {
            State::Over => return Poll::Ready(None),
            State::New => {
                body.state = State::Open;
                out.extend_from_slice(frame::KEEPALIVE);
            }
            State::Open => {}
        }
        body.watch_drain(cx);
        body.tick(&mut out);
        let wake_at = body.gather(cx, &mut out);
        if let Some(frames) = body.shared.take() {
            return body.written(frames);
        }
        if !out.is_empty() {
            return body.written(out.freeze());
        }
        if body.state == State::Over {
            return Poll::Ready(None);
        }
        body.wake_at(cx, wake_at);
        Poll::Pending
    }
}

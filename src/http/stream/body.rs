//! The body of an event stream: everything behind the reader's place in one write, comments when nothing happens.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::frame;
use crate::http::Service;

/// A write is made when this much has been gathered, even if more is ready.
const WRITE_BYTES: usize = 64 * 1024;

/// What a stream gives its body next.
pub enum Fill {
    /// Frames were appended; there may be more.
    More,
    /// The stream is over; its last frame has been appended.
    Over,
}

/// Where the frames of a stream come from.
pub trait Frames: Unpin {
    /// Appends the next frames to `out`.
    fn poll_fill(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) -> Poll<Fill>;
}

/// See the module.
pub struct StreamBody<F> {
    frames: F,
    service: Arc<Service>,
    /// Fires when a comment is due, or when the stream has to end.
    timer: Pin<Box<Sleep>>,
    drain: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    greeted: bool,
    over: bool,
}

impl<F: Frames> StreamBody<F> {
    /// A body that writes what `frames` gives.
    pub fn new(frames: F, service: Arc<Service>) -> Self {
        let timer = Box::pin(sleep(service.settings.keepalive));
        let drain = Some(Box::pin(service.drain.wait()));
        Self { frames, service, timer, drain, greeted: false, over: false }
    }

    fn gather(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) {
        while !self.over && out.len() < WRITE_BYTES {
            match self.frames.poll_fill(cx, out) {
                Poll::Ready(Fill::More) => {}
                Poll::Ready(Fill::Over) => self.over = true,
                Poll::Pending => return,
            }
        }
    }

    /// Once told to end, the stream goes on for a while of its own, so that not all end at once.
    fn watch_drain(&mut self, cx: &mut Context<'_>) {
        let told = self.drain.as_mut().is_some_and(|drain| drain.as_mut().poll(cx).is_ready());
        if told {
            self.drain = None;
            self.set_timer(self.service.drain.delay());
        }
    }

    fn set_timer(&mut self, after: Duration) {
        self.timer.as_mut().reset(Instant::now() + after);
    }

    fn tick(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) {
        while !self.over && self.timer.as_mut().poll(cx).is_ready() {
            if self.drain.is_none() {
                frame::write_retry(out);
                self.over = true;
            } else {
                out.extend_from_slice(frame::KEEPALIVE);
                self.set_timer(self.service.settings.keepalive);
            }
        }
    }
}

impl<F: Frames> MessageBody for StreamBody<F> {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let body = self.get_mut();
        if body.over {
            return Poll::Ready(None);
        }
        let mut out = BytesMut::new();
        if !body.greeted {
            body.greeted = true;
            out.extend_from_slice(frame::KEEPALIVE);
        }
        body.gather(cx, &mut out);
        body.watch_drain(cx);
        body.tick(cx, &mut out);
        match (out.is_empty(), body.over) {
            (false, _) => Poll::Ready(Some(Ok(out.freeze()))),
            (true, true) => Poll::Ready(None),
            (true, false) => Poll::Pending,
        }
    }
}

//! Event streams over SSE: one task's, and all tasks'.

mod body;
mod drain;
mod frame;
mod open;
mod permitted;
pub mod sse;
pub mod sse_all;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use tokio::time::Instant;

pub use body::{Fill, Frames, StreamBody};
pub use drain::Drain;

use super::Service;
use crate::auth::{Principal, now_ms};

/// The answer whose body is `frames` for as long as `principal` may read them, with the headers that keep proxies from
/// buffering (PROTOCOL §9).
fn respond(frames: impl Frames + 'static, principal: &Principal, service: Arc<Service>) -> HttpResponse {
    let left = principal.expires_in(now_ms());
    let expires_at = left.and_then(|left| Instant::now().checked_add(left));
    head().body(StreamBody::new(frames, expires_at, service))
}

/// The head of every event stream.
fn head() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header(("x-accel-buffering", "no"))
        .insert_header((CONTENT_ENCODING, "identity"));
    response
}

//! Event streams over SSE: one task's, and all tasks'.

mod body;
mod drain;
mod frame;
mod open;
pub mod sse;
pub mod sse_all;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};

pub use body::{Fill, Frames, StreamBody};
pub use drain::Drain;

use super::Service;

/// The answer whose body is `frames`, with the headers that keep proxies from buffering (PROTOCOL §9).
fn respond(frames: impl Frames + 'static, service: Arc<Service>) -> HttpResponse {
    head().body(StreamBody::new(frames, service))
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

//! `GET /tasks/:id/events`: one task's events from a cursor on.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::BytesMut;
use taskcast_actors::{Batch, Cursor, SubscribeRequest, Subscription};

use super::open::OpenStream;
use super::{Fill, Frames, frame, head, respond};
use crate::auth::Principal;
use crate::http::extract::PathId;
use crate::http::parse::query::{SeriesFormat, StreamQuery};
use crate::http::{ApiError, Service};

/// Answers with the stream, or with plain JSON when it cannot begin.
///
/// # Errors
/// 400 for a bad cursor, 404, 503 while the server stops.
pub async fn handle(
    service: web::Data<Service>,
    principal: Principal,
    id: PathId,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let id = id.unnamed()?;
    let last_event_id = request.headers().get("last-event-id").map(HeaderValue::as_bytes);
    let last_event_id = last_event_id.map(String::from_utf8_lossy);
    let query = StreamQuery::parse(request.query_string(), last_event_id.as_deref())?;
    if request.method() == Method::HEAD {
        service.engine.get(&id).await.map_err(|error| ApiError::of_engine(&error, &id, false))?;
        return Ok(head().finish());
    }
    if service.drain.has_started() {
        return Err(ApiError::shutting_down());
    }
    let accumulated = query.series_format == SeriesFormat::Accumulated;
    let wrapped = query.wrap;
    let wish = SubscribeRequest {
        cursor: Cursor { id: query.since.id, time: query.since.timestamp, rank: query.since.index },
        filter: query.filter,
        limit: query.limit,
        accumulated,
    };
    let subscription =
        service.engine.subscribe(&id, wish).await.map_err(|error| ApiError::of_engine(&error, &id, false))?;
    let service = service.into_inner();
    let open = OpenStream::begin(Arc::clone(&service), Some(id));
    let frames = TaskFrames { subscription, wrapped, service: Arc::clone(&service), _open: open };
    Ok(respond(frames, &principal, service))
}

struct TaskFrames {
    subscription: Subscription,
    wrapped: bool,
    service: Arc<Service>,
    _open: OpenStream,
}

impl Frames for TaskFrames {
    fn poll_fill(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) -> Poll<Fill> {
        Poll::Ready(match ready!(self.subscription.poll_next(cx)) {
            Batch::Live(batch) => {
                let frames = frame::live(&batch, self.wrapped).clone();
                self.service.metrics.delivered_live(&batch, &self.service.engine);
                Fill::Shared(frames)
            }
            Batch::Replayed(events) => {
                frame::replayed(out, &events, self.wrapped);
                self.service.metrics.delivered(events.len());
                Fill::More
            }
            Batch::End(ending) => {
                frame::write_done(out, ending);
                Fill::Over
            }
        })
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.subscription.poll_ready(cx)
    }

    fn is_live(&self) -> bool {
        self.subscription.is_live()
    }
}

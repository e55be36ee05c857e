//! `GET /events`: what happens to all tasks, from now on.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::BytesMut;
use taskcast_actors::domain::EventFilter;
use taskcast_actors::{Followed, Follower};

use super::open::OpenStream;
use super::{Fill, Frames, frame, head, respond};
use crate::auth::{Principal, Scope};
use crate::http::parse::query::GlobalQuery;
use crate::http::{ApiError, Service};

/// Events taken at once.
const AT_ONCE: usize = 256;

/// Answers with the stream.
///
/// # Errors
/// 503 while the server stops.
pub async fn handle(
    service: web::Data<Service>,
    principal: Principal,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    principal.require(Scope::EventSubscribe, None)?;
    let query = GlobalQuery::parse(request.query_string());
    if request.method() == Method::HEAD {
        return Ok(head().finish());
    }
    if service.drain.has_started() {
        return Err(ApiError::shutting_down());
    }
    let service = service.into_inner();
    let open = OpenStream::begin(Arc::clone(&service), None);
    let follower = service.engine.follow().await;
    let frames = AllFrames { follower, filter: query.filter, _open: open };
    Ok(respond(frames, service))
}

struct AllFrames {
    follower: Follower,
    filter: EventFilter,
    _open: OpenStream,
}

impl Frames for AllFrames {
    fn poll_fill(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) -> Poll<Fill> {
        Poll::Ready(match ready!(self.follower.poll_next(cx, AT_ONCE)) {
            Followed::Events(events) => {
                for event in events.iter().filter(|event| self.filter.matches(event.event())) {
                    frame::global(out, event);
                }
                Fill::More
            }
            Followed::Lagged => {
                tracing::warn!("a reader of all tasks is too slow or missed something: its stream ends");
                Fill::Over
            }
            Followed::Ended => Fill::Over,
        })
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.follower.poll_ready(cx)
    }

    fn is_live(&self) -> bool {
        true
    }
}

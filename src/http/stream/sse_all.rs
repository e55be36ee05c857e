//! `GET /events`: what happens to all tasks, from now on.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::BytesMut;
use taskcast_actors::domain::EventFilter;
use taskcast_actors::{Followed, Follower};

use super::open::OpenStream;
use super::permitted::Permitted;
use super::{Fill, Frames, frame, head, respond};
use crate::auth::Principal;
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
    let permitted = principal.is_known().then(|| Permitted::new(principal.clone(), Arc::clone(&service)));
    let frames = AllFrames { follower, filter: query.filter, permitted, _open: open };
    Ok(respond(frames, &principal, service))
}

struct AllFrames {
    follower: Follower,
    filter: EventFilter,
    /// What the reader may see; `None` is everything.
    permitted: Option<Permitted>,
    _open: OpenStream,
}

impl AllFrames {
    /// Appends the events that the reader may see and is known to, of those that were taken. Says whether it can go on.
    fn poll_permitted(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) -> Poll<bool> {
        let Some(permitted) = &mut self.permitted else { return Poll::Ready(true) };
        match ready!(permitted.poll_next(cx)) {
            Ok(events) => events.iter().for_each(|event| frame::global(out, event)),
            Err(error) => {
                tracing::warn!(%error, "what a reader of all tasks may see cannot be found out: its stream ends");
                return Poll::Ready(false);
            }
        }
        Poll::Ready(true)
    }
}

impl Frames for AllFrames {
    fn poll_fill(&mut self, cx: &mut Context<'_>, out: &mut BytesMut) -> Poll<Fill> {
        let before = out.len();
        if !ready!(self.poll_permitted(cx, out)) {
            return Poll::Ready(Fill::Over);
        }
        if out.len() > before {
            return Poll::Ready(Fill::More);
        }
        Poll::Ready(match ready!(self.follower.poll_next(cx, AT_ONCE)) {
            Followed::Events(events) => {
                let wanted = events.iter().filter(|event| self.filter.matches(event.event()));
                match &mut self.permitted {
                    None => wanted.for_each(|event| frame::global(out, event)),
                    Some(permitted) => permitted.take(wanted.cloned()),
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
        if self.permitted.as_ref().is_some_and(Permitted::has_some) {
            return Poll::Ready(());
        }
        self.follower.poll_ready(cx)
    }

    fn is_live(&self) -> bool {
        true
    }
}

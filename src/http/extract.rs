//! What endpoints take from a request: the caller, the task's id, the body.

use std::future::{Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::{FromRequest, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;
use taskcast_actors::domain::TaskId;

use super::route::RouteLabel;
use super::{ApiError, guard};
use crate::auth::Principal;

/// The most that is read of a body nobody asks for.
const DISCARDED_BYTES: usize = 64 * 1024;

/// The largest body a route takes, in bytes: set beside the route.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit(pub usize);

impl FromRequest for Principal {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(guard::admitted(request))
    }
}

/// Where the id stands in the paths of the route table: behind `/tasks/`.
pub(super) const ID_PLACE: usize = 2;

/// The segment of the path behind the resource's name, decoded.
pub struct PathId(pub String);

impl PathId {
    /// The id as a task's, or the answer for an id that cannot exist.
    ///
    /// # Errors
    /// 404 with the text that names the task.
    pub fn named(self) -> Result<TaskId, ApiError> {
        TaskId::parse(&self.0).map_err(|_| ApiError::task_not_found_named(&self.0))
    }

    /// The id as a task's, or the answer for an id that cannot exist.
    ///
    /// # Errors
    /// 404 with the text that does not name the task.
    pub fn unnamed(self) -> Result<TaskId, ApiError> {
        TaskId::parse(&self.0).map_err(|_| ApiError::task_not_found())
    }
}

impl FromRequest for PathId {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(decoded_segment(request, ID_PLACE))))
    }
}

/// The task that a request is about, if its route has one.
pub(super) fn task_of(request: &HttpRequest) -> Option<TaskId> {
    let route = request.app_data::<RouteLabel>()?.0;
    route
        .starts_with("/tasks/{task}")
        .then(|| decoded_segment(request, ID_PLACE))
        .and_then(|id| TaskId::parse(&id).ok())
}

/// The segment at `place` of the route's own path, percent-decoded once. What is not UTF-8 cannot be an id; it becomes
/// a text that is none either.
pub fn decoded_segment(request: &HttpRequest, place: usize) -> String {
    let route = request.app_data::<RouteLabel>().map_or("", |label| label.0);
    let segment = raw_segment(route, request.uri().path(), place);
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// The segment of `path` that stands at `place` in `route`. Counted from the end: an embedder's prefix stands before.
/// The matched values will not do, because the router has decoded them in part.
fn raw_segment<'a>(route: &str, path: &'a str, place: usize) -> &'a str {
    let last = route.split('/').count() - 1;
    last.checked_sub(place).and_then(|behind| path.rsplit('/').nth(behind)).unwrap_or_default()
}

/// A whole request body, within the route's limit. It is read whatever its declared type.
pub struct Body(pub Bytes);

impl FromRequest for Body {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit = request.app_data::<BodyLimit>().map_or(0, |limit| limit.0);
        let declared = request
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok())
            .and_then(|length| length.parse::<usize>().ok());
        let mut payload = payload.take();
        Box::pin(async move {
            if declared.is_some_and(|length| length > limit) {
                return Err(ApiError::body_too_large());
            }
            read(&mut payload, limit, declared).await.map(Self)
        })
    }
}

/// Reads `payload` to its end. A body that comes in one piece is not copied.
async fn read(payload: &mut Payload, limit: usize, declared: Option<usize>) -> Result<Bytes, ApiError> {
    let mut whole = BytesMut::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| ApiError::unreadable_body())?;
        if whole.is_empty() && declared == Some(piece.len()) {
            return Ok(piece);
        }
        if whole.len() + piece.len() > limit {
            return Err(ApiError::body_too_large());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// Reads a body that nobody asks for, unless it is long: a connection whose body was not read has to be closed, and the
/// client may want to go on.
pub(super) async fn discard(payload: &mut Payload) {
    let mut read = 0;
    while let Some(Ok(piece)) = payload.next().await {
        read += piece.len();
        if read > DISCARDED_BYTES {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::raw_segment;

    #[test]
    fn a_segment_is_found_whatever_stands_before_the_route() {
        let table = [
            ("/tasks/{task}", "/tasks/a", 2, "a"),
            ("/tasks/{task}", "/x/y/tasks/a%2Fb", 2, "a%2Fb"),
            ("/tasks/{task}/events", "/tasks/a/events", 2, "a"),
            ("/tasks/{task}/events", "/tasks/tasks/a/events", 2, "a"),
            ("/tasks/{task}/seq/{client}", "/x/tasks/a/seq/c", 2, "a"),
            ("/tasks/{task}/seq/{client}", "/x/tasks/a/seq/c", 4, "c"),
            ("/tasks/import", "/x/tasks/import", 2, "import"),
            ("/tasks", "/tasks", 2, ""),
            ("", "/tasks/a", 2, ""),
        ];
        for (route, path, place, segment) in table {
            assert_eq!(raw_segment(route, path, place), segment, "{route} {path} {place}");
        }
    }
}

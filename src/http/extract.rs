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

use super::ApiError;
use crate::auth::Principal;

/// The largest body a route takes, in bytes: set beside the route.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimit(pub usize);

impl FromRequest for Principal {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::Anybody))
    }
}

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
        let segment = request.uri().path().split('/').nth(2).unwrap_or_default();
        ready(Ok(Self(decode_segment(segment))))
    }
}

/// A percent-decoded segment. What is not UTF-8 cannot be an id; it becomes a text that is none either.
pub fn decode_segment(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
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

//! `POST /tasks/:id/resolve`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::answer;
use crate::http::extract::{Body, PathId};
use crate::http::{ApiError, Service, parse};

/// Answers the request of a blocked task and lets it run.
///
/// # Errors
/// 400 for a bad body or a task that is not blocked, 404.
pub async fn handle(
    service: web::Data<Service>,
    id: PathId,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let data = parse::resolve::parse(&body)?;
    let id = id.unnamed()?;
    let resolved = service.engine.resolve(&id, data).await;
    let head = resolved.map_err(|error| ApiError::of_engine(&error, &id, false))?;
    Ok(answer(StatusCode::OK, &head.task))
}

//! `PATCH /tasks/:id/status`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::answer;
use crate::http::extract::{Body, PathId};
use crate::http::{ApiError, Service, parse};

/// Moves a task to another status.
///
/// # Errors
/// 400 for a bad body, 404, 409 when the table does not allow it or another was faster.
pub async fn handle(
    service: web::Data<Service>,
    id: PathId,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let wish = parse::transition::parse(&body)?;
    let id = id.named()?;
    let moved = service.engine.transition(&id, wish).await;
    let head = moved.map_err(|error| ApiError::of_engine(&error, &id, true))?;
    Ok(answer(StatusCode::OK, &head.task))
}

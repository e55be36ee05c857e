//! `GET /tasks/:id/request`.

use actix_web::{HttpResponse, web};

use crate::http::extract::PathId;
use crate::http::{ApiError, Service};

/// Shows what a blocked task asks for.
///
/// # Errors
/// 404 when there is no such task, or it asks for nothing.
pub async fn handle(service: web::Data<Service>, id: PathId) -> Result<HttpResponse, ApiError> {
    let id = id.unnamed()?;
    let asked = service.engine.request(&id).await;
    let request = asked.map_err(|error| ApiError::of_engine(&error, &id, false))?;
    Ok(HttpResponse::Ok().json(request.ok_or_else(ApiError::no_blocked_request)?))
}

//! `DELETE /tasks/:id`.

use actix_web::{HttpResponse, web};

use crate::http::extract::PathId;
use crate::http::{ApiError, Service};

/// Removes a task, in any status.
///
/// # Errors
/// 404.
pub async fn handle(service: web::Data<Service>, id: PathId) -> Result<HttpResponse, ApiError> {
    let id = id.named()?;
    service.engine.delete(&id).await.map_err(|error| ApiError::of_engine(&error, &id, true))?;
    Ok(HttpResponse::NoContent().finish())
}

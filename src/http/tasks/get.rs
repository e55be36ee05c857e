//! `GET /tasks/:id`.

use actix_web::{HttpResponse, web};

use super::write_view;
use crate::http::extract::PathId;
use crate::http::{ApiError, Service};

/// Shows a task and how many follow it.
///
/// # Errors
/// 404.
pub async fn handle(service: web::Data<Service>, id: PathId) -> Result<HttpResponse, ApiError> {
    let id = id.unnamed()?;
    let found = service.engine.get(&id).await;
    let head = found.map_err(|error| ApiError::of_engine(&error, &id, false))?;
    let mut body = Vec::with_capacity(512);
    write_view(&service.engine, &head.task, &mut body);
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

//! `GET /tasks/:id/archive`.

use actix_web::{HttpResponse, web};
use taskcast_actors::domain::archive;

use crate::http::extract::PathId;
use crate::http::{ApiError, Service};

/// The task with its history as one document.
///
/// # Errors
/// 404.
pub async fn handle(service: web::Data<Service>, id: PathId) -> Result<HttpResponse, ApiError> {
    let id = id.named()?;
    let exported = service.engine.export(&id).await;
    let (head, events) = exported.map_err(|error| ApiError::of_engine(&error, &id, true))?;
    let mut body = Vec::new();
    archive::write(&head.task, &events, service.engine.now(), &mut body);
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

//! `POST /tasks/:id/webhooks/redeliver`.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::http::extract::{Body, PathId};
use crate::http::{ApiError, Service, parse};

#[derive(Serialize)]
struct Answer {
    redelivering: usize,
}

/// Has failed deliveries tried once more.
///
/// # Errors
/// 400 for a bad body, 404.
pub async fn handle(
    service: web::Data<Service>,
    id: PathId,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let failures = parse::redeliver::parse(&body)?;
    let id = id.unnamed()?;
    let asked = service.engine.redeliver(&id, failures).await;
    let redelivering = asked.map_err(|error| ApiError::of_engine(&error, &id, false))?;
    Ok(HttpResponse::Accepted().json(Answer { redelivering }))
}

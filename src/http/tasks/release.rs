//! `POST /tasks/:id/storage/release`.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use taskcast_actors::domain::TaskId;

use crate::http::extract::{Body, PathId};
use crate::http::{ApiError, Service, parse};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    task_id: &'a TaskId,
    storage_state: &'static str,
    archive_watermark: i64,
    released: bool,
}

/// Moves a task to cold storage.
///
/// # Errors
/// 400 for a bad body, 404, and those of PROTOCOL §15.
pub async fn handle(
    service: web::Data<Service>,
    id: PathId,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let wish = parse::release::parse(&body)?;
    let id = id.unnamed()?;
    let released = service.engine.release(&id, wish).await;
    let released = released.map_err(|error| ApiError::of_engine(&error, &id, false))?;
    let (archive_watermark, released) = (released.watermark, released.released);
    Ok(HttpResponse::Ok().json(Answer { task_id: &id, storage_state: "cold", archive_watermark, released }))
}

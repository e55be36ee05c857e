//! `POST /tasks/import`.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use taskcast_actors::domain::TaskId;

use super::require_preview;
use crate::auth::{Principal, Scope};
use crate::http::extract::Body;
use crate::http::{ApiError, Service, guard, parse};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    ok: bool,
    task_id: TaskId,
    event_count: usize,
    overwritten: bool,
}

/// Puts an archived task in place.
///
/// # Errors
/// 400 for a bad archive, 403 for another's task or webhooks, 409 when the task exists and is not to be overwritten.
pub async fn handle(
    service: web::Data<Service>,
    principal: Principal,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    if principal.is_known() {
        let preview = parse::archive::preview(&body)?;
        require_preview(&principal, &preview)?;
        if let Some(id) = preview.id.filter(|_| preview.overwrite) {
            guard::require_rules(&service, &principal, Scope::TaskManage, &id).await?;
        }
    }
    let (archive, overwrite) = parse::archive::parse(&body)?;
    let task_id = archive.task.id.clone();
    let event_count = archive.events.len();
    let imported = service.engine.import(archive, overwrite).await;
    let overwritten = imported.map_err(|error| ApiError::of_engine(&error, &task_id, true))?;
    Ok(HttpResponse::Ok().json(Imported { ok: true, task_id, event_count, overwritten }))
}

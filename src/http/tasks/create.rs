//! `POST /tasks`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use taskcast_actors::domain::TaskId;

use super::{answer, require_preview};
use crate::auth::Principal;
use crate::http::extract::Body;
use crate::http::{ApiError, Service, parse};

/// Creates a task.
///
/// # Errors
/// 400 for a bad body, 403 for another's id or webhooks, 409 when the id is taken.
pub async fn handle(
    service: web::Data<Service>,
    principal: Principal,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    if principal.is_known() {
        require_preview(&principal, &parse::task::preview(&body)?)?;
    }
    let wish = parse::task::parse(&body)?;
    let id = wish.id.clone();
    let unnamed = || TaskId::parse("new").expect("a plain word is an id");
    let created = service.engine.create(wish).await;
    let head = created.map_err(|error| ApiError::of_engine(&error, &id.unwrap_or_else(unnamed), true))?;
    Ok(answer(StatusCode::CREATED, &head.task))
}

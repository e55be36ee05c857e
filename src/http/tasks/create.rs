//! `POST /tasks`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use taskcast_actors::domain::TaskId;

use super::answer;
use crate::auth::{Principal, Scope};
use crate::http::extract::Body;
use crate::http::{ApiError, Service, parse};

/// Creates a task.
///
/// # Errors
/// 400 for a bad body, 409 when the id is taken.
pub async fn handle(
    service: web::Data<Service>,
    principal: Principal,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let wish = parse::task::parse(&body)?;
    principal.require(Scope::TaskCreate, wish.id.as_ref())?;
    if wish.webhooks.as_ref().is_some_and(|hooks| !hooks.is_empty()) {
        principal.require(Scope::WebhookCreate, wish.id.as_ref())?;
    }
    let id = wish.id.clone();
    let unnamed = || TaskId::parse("new").expect("a plain word is an id");
    let created = service.engine.create(wish).await;
    let head = created.map_err(|error| ApiError::of_engine(&error, &id.unwrap_or_else(unnamed), true))?;
    Ok(answer(StatusCode::CREATED, &head.task))
}

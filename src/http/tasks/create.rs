//! `POST /tasks`.

use actix_web::{HttpResponse, web};

use super::require_preview;
use crate::auth::Principal;
use crate::http::extract::Body;
use crate::http::idempotency::{IdempotencyKey, admit, created, unnamed};
use crate::http::{ApiError, Service, parse};

/// Creates a task.
///
/// # Errors
/// 400 for a bad body or key, 403 for another's id or webhooks, 409 when the id is taken, 422
/// when the key was used for another body.
pub async fn handle(
    service: web::Data<Service>,
    principal: Principal,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    if principal.is_known() {
        require_preview(&principal, &parse::task::preview(&body)?)?;
    }
    let wish = parse::task::parse(&body);
    let once = key.once(("/tasks", None), &principal, &body);
    let (wish, once) = admit(&service, None, once, wish).await?;
    let id = wish.id.clone();
    let done = match once {
        Some(once) => service.engine.create_once(wish, once).await,
        None => service.engine.create(wish).await.map(Into::into),
    };
    let done = done.map_err(|error| ApiError::of_engine(&error, &id.unwrap_or_else(unnamed), true))?;
    let body = serde_json::to_vec(&done.answer.task).expect("a task serialises");
    Ok(created(body, done.replayed))
}

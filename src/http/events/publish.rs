//! `POST /tasks/:id/events`: one event or a batch.

use actix_web::{HttpResponse, web};

use super::write_events;
use crate::auth::Principal;
use crate::http::extract::{Body, PathId};
use crate::http::idempotency::{IdempotencyKey, admit, created};
use crate::http::{ApiError, Service, parse};

/// Appends events, all or none.
///
/// # Errors
/// 400 for a bad body or key or a finished task, 404, 409 for numbers out of order, 413, 422 when the key was used for
/// another body.
pub async fn handle(
    service: web::Data<Service>,
    principal: Principal,
    id: PathId,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let wish = parse::events::parse(&body, &service.settings.publish_limits());
    let id = match id.named() {
        Ok(id) => id,
        Err(impossible) => return Err(wish.map_or_else(ApiError::from, |_| impossible)),
    };
    let once = key.once(("/tasks/:id/events", Some(&id)), &principal, &body);
    let (wish, once) = admit(&service, Some(&id), once, wish).await?;
    let (events, hold) = (wish.events, !wish.fast_fail);
    let done = match once {
        Some(once) => service.engine.publish_once(&id, events, hold, once).await,
        None if hold => service.engine.publish_in_sequence(&id, events).await.map(Into::into),
        None => service.engine.publish(&id, events).await.map(Into::into),
    };
    let done = done.map_err(|error| ApiError::of_engine(&error, &id, true))?;
    let mut answer = Vec::with_capacity(done.answer.len() * 256 + 2);
    if wish.batch {
        answer.push(b'[');
    }
    write_events(&done.answer, true, &mut answer);
    if wish.batch {
        answer.push(b']');
    }
    Ok(created(answer, done.replayed))
}

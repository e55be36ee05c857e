//! `POST /tasks/:id/events`: one event or a batch.

use actix_web::{HttpResponse, web};

use super::write_events;
use crate::http::extract::{Body, PathId};
use crate::http::{ApiError, Service, parse};

/// Appends events, all or none.
///
/// # Errors
/// 400 for a bad body or a finished task, 404, 409 for numbers out of order, 413.
pub async fn handle(
    service: web::Data<Service>,
    id: PathId,
    Body(body): Body,
) -> Result<HttpResponse, ApiError> {
    let wish = parse::events::parse(&body, &service.settings.publish_limits())?;
    let id = id.named()?;
    let published = if wish.fast_fail {
        service.engine.publish(&id, wish.events).await
    } else {
        service.engine.publish_in_sequence(&id, wish.events).await
    };
    let events = published.map_err(|error| ApiError::of_engine(&error, &id, true))?;
    let mut answer = Vec::with_capacity(events.len() * 256 + 2);
    if wish.batch {
        answer.push(b'[');
    }
    write_events(&events, true, &mut answer);
    if wish.batch {
        answer.push(b']');
    }
    Ok(HttpResponse::Created().content_type("application/json").body(answer))
}

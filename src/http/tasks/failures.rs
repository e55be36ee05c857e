//! `GET /tasks/:id/webhooks/failures`.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use taskcast_actors::domain::outbox::{Failure, HookId};
use taskcast_actors::domain::{EventId, Timestamp};

use crate::http::extract::PathId;
use crate::http::{ApiError, Service};

#[derive(Serialize)]
struct Answer<'a> {
    failures: Vec<Shown<'a>>,
    dropped: u64,
}

/// A failure as it is shown: of the URL the host alone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: String,
    source: &'static str,
    host: &'a str,
    index: u64,
    event_id: &'a EventId,
    #[serde(rename = "type")]
    event_type: &'a str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    error: &'a str,
    first_attempt_at: Timestamp,
    failed_at: Timestamp,
    redelivering: bool,
}

impl<'a> Shown<'a> {
    fn of(failure: &'a Failure) -> Self {
        Self {
            id: failure.id(),
            source: match failure.hook {
                HookId::Own(_) => "task",
                HookId::Global(_) => "global",
            },
            host: &failure.host,
            index: failure.index,
            event_id: &failure.event_id,
            event_type: &failure.event_type,
            attempts: failure.attempts,
            status: failure.status,
            error: &failure.error,
            first_attempt_at: failure.first_at,
            failed_at: failure.failed_at,
            redelivering: failure.again,
        }
    }
}

/// Shows what could not be delivered to webhooks, the oldest first.
///
/// # Errors
/// 404.
pub async fn handle(service: web::Data<Service>, id: PathId) -> Result<HttpResponse, ApiError> {
    let id = id.unnamed()?;
    let found = service.engine.get(&id).await;
    let head = found.map_err(|error| ApiError::of_engine(&error, &id, false))?;
    let outbox = head.outbox.as_deref();
    let failures = outbox.iter().flat_map(|outbox| &outbox.failures).map(Shown::of).collect();
    let dropped = outbox.map_or(0, |outbox| outbox.dropped);
    Ok(HttpResponse::Ok().json(Answer { failures, dropped }))
}

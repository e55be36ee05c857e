//! Endpoints of `/tasks`: one file each. Shared here: how a task is answered, and what a body may say of one.

pub mod archive;
pub mod create;
pub mod delete;
pub mod failures;
pub mod get;
pub mod import;
pub mod list;
mod permitted;
pub mod redeliver;
pub mod release;
pub mod request;
pub mod resolve;
pub mod status;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use taskcast_actors::Engine;
use taskcast_actors::domain::Task;

use super::parse::task::Preview;
use crate::auth::{Forbidden, Principal, Scope};

/// Answers with the task alone.
fn answer(status: StatusCode, task: &Task) -> HttpResponse {
    let body = serde_json::to_vec(task).expect("a task serialises");
    HttpResponse::build(status).content_type("application/json").body(body)
}

/// Checks what a body says of a task that is to be there (PROTOCOL §4.4), before its fields are.
fn require_preview(principal: &Principal, preview: &Preview) -> Result<(), Forbidden> {
    principal.require_task(preview.id.as_deref())?;
    if preview.has_webhooks { principal.require(Scope::WebhookCreate) } else { Ok(()) }
}

/// Appends the task with how many people follow it, as `GET /tasks` and `GET /tasks/:id` show it.
fn write_view(engine: &Engine, task: &Task, out: &mut Vec<u8>) {
    let readers = engine.subscriber_count(&task.id);
    serde_json::to_writer(&mut *out, task).expect("a task serialises");
    out.pop();
    let hot = readers > 0;
    out.extend_from_slice(format!(",\"hot\":{hot},\"subscriberCount\":{readers}}}").as_bytes());
}

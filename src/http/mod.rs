//! The HTTP service: the whole route table on this screen, one endpoint per file below it.
//!
//! Endpoints parse, ask the engine, and write the answer. Deliberately absent: rules, storage, and any second place
//! where an error becomes a status.

mod error;
pub mod events;
mod extract;
mod health;
mod idempotency;
mod mount;
mod observe;

pub mod openapi;
pub mod parse;
mod route;
mod state;
pub mod stream;
pub mod tasks;
mod workers;

use actix_web::web::ServiceConfig;

pub use error::ApiError;
pub use mount::mount;
pub use observe::observe;
pub use state::{Service, ServiceSettings};

use self::route::{delete, get, patch, post, resource};
use crate::config::Limits;

/// Every route of the service (PROTOCOL §5). They are tried in this order, so the busiest comes first.
pub fn routes(config: &mut ServiceConfig, limits: &Limits) {
    let (body, import) = (limits.body_bytes, limits.import_bytes);
    config
        .service(resource(
            "/tasks/{task}/events",
            body,
            vec![post(events::publish::handle), get(stream::sse::handle)],
        ))
        .service(resource("/", body, vec![get(health::root)]))
        .service(resource("/health", body, vec![get(health::live)]))
        .service(resource("/health/ready", body, vec![get(health::ready)]))
        .service(resource("/health/detail", body, vec![get(health::detail)]))
        .service(resource("/metrics", body, vec![get(health::metrics)]))
        .service(resource("/openapi.json", body, vec![get(openapi::document)]))
        .service(resource("/docs", body, vec![get(openapi::docs)]))
        .service(resource("/tasks", body, vec![post(tasks::create::handle), get(tasks::list::handle)]))
        .service(resource(
            "/tasks/import",
            import,
            vec![post(tasks::import::handle), get(tasks::get::handle), delete(tasks::delete::handle)],
        ))
        .service(resource(
            "/tasks/{task}",
            body,
            vec![get(tasks::get::handle), delete(tasks::delete::handle)],
        ))
        .service(resource("/tasks/{task}/status", body, vec![patch(tasks::status::handle)]))
        .service(resource("/tasks/{task}/resolve", body, vec![post(tasks::resolve::handle)]))
        .service(resource("/tasks/{task}/request", body, vec![get(tasks::request::handle)]))
        .service(resource("/tasks/{task}/archive", body, vec![get(tasks::archive::handle)]))
        .service(resource("/tasks/{task}/storage/release", body, vec![post(tasks::release::handle)]))
        .service(resource("/tasks/{task}/events/history", body, vec![get(events::history::handle)]))
        .service(resource("/tasks/{task}/seq/{client}", body, vec![get(events::seq::handle)]))
        .service(resource("/events", body, vec![get(stream::sse_all::handle)]))
        .service(resource("/workers", body, vec![get(workers::list), post(workers::disabled)]))
        .default_service(actix_web::web::to(workers::disabled));
}

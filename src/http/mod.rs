//! The HTTP service: the whole route table on this screen, one endpoint per file below it.
//!
//! Endpoints parse, ask the engine, and write the answer. Deliberately absent: rules, storage, and any second place
//! where an error becomes a status.

mod admin;
mod error;
pub mod events;
mod extract;
mod guard;
mod health;
mod idempotency;
mod mount;
mod observe;

pub mod openapi;
pub mod parse;
mod rate_limit;
mod route;
mod state;
pub mod stream;
pub mod tasks;
mod workers;

use actix_web::web::ServiceConfig;

pub use error::ApiError;
pub use mount::mount;
pub use observe::observe;
pub use rate_limit::{RateLimiter, TooMany};
pub use state::{Service, ServiceSettings};

use self::guard::{ADMIN, METRICS, PUBLIC, holders, of_task};
use self::route::{Endpoint, delete, get, patch, post, resource};
use crate::auth::Scope::{
    EventHistory, EventPublish, EventSubscribe, TaskCreate, TaskManage, TaskResolve, WorkerManage,
};
use crate::config::Limits;

/// Every route of the service with who may use it (PROTOCOL §4.4, §5, and `/tasks/{task}/webhooks/…`). They are tried in
/// this order, so the busiest comes first.
pub fn routes(config: &mut ServiceConfig, limits: &Limits) {
    of_tasks(&mut |path, endpoints| {
        let bytes = if path == IMPORT { limits.import_bytes } else { limits.body_bytes };
        config.service(resource(path, bytes, endpoints));
    });
    of_the_service(&mut |path, endpoints| {
        config.service(resource(path, limits.body_bytes, endpoints));
    });
    config.default_service(actix_web::web::to(workers::disabled));
}

const IMPORT: &str = "/tasks/import";

fn of_tasks(at: &mut dyn FnMut(&'static str, Vec<Endpoint>)) {
    let follow = of_task(EventSubscribe).or_query_token();
    at(
        "/tasks/{task}/events",
        vec![post(of_task(EventPublish), events::publish::handle), get(follow, stream::sse::handle)],
    );
    at(
        "/tasks",
        vec![
            post(holders(TaskCreate), tasks::create::handle),
            get(holders(EventSubscribe), tasks::list::handle),
        ],
    );
    at(
        IMPORT,
        vec![
            post(holders(TaskManage), tasks::import::handle),
            get(of_task(EventSubscribe), tasks::get::handle),
            delete(of_task(TaskManage), tasks::delete::handle),
        ],
    );
    at(
        "/tasks/{task}",
        vec![
            get(of_task(EventSubscribe), tasks::get::handle),
            delete(of_task(TaskManage), tasks::delete::handle),
        ],
    );
    at("/tasks/{task}/status", vec![patch(of_task(TaskManage), tasks::status::handle)]);
    at("/tasks/{task}/resolve", vec![post(of_task(TaskResolve), tasks::resolve::handle)]);
    at("/tasks/{task}/request", vec![get(of_task(TaskResolve), tasks::request::handle)]);
    at("/tasks/{task}/archive", vec![get(of_task(EventHistory), tasks::archive::handle)]);
    at("/tasks/{task}/storage/release", vec![post(of_task(TaskManage), tasks::release::handle)]);
    at("/tasks/{task}/webhooks/failures", vec![get(of_task(TaskManage), tasks::failures::handle)]);
    at("/tasks/{task}/webhooks/redeliver", vec![post(of_task(TaskManage), tasks::redeliver::handle)]);
    at("/tasks/{task}/events/history", vec![get(of_task(EventHistory), events::history::handle)]);
    at("/tasks/{task}/seq/{client}", vec![get(of_task(EventPublish), events::seq::handle)]);
}

fn of_the_service(at: &mut dyn FnMut(&'static str, Vec<Endpoint>)) {
    at("/events", vec![get(holders(EventSubscribe).or_query_token(), stream::sse_all::handle)]);
    at("/workers", vec![get(holders(WorkerManage), workers::list), post(PUBLIC, workers::disabled)]);
    at("/admin/token", vec![post(ADMIN, admin::token)]);
    at("/metrics", vec![get(METRICS, health::metrics)]);
    at("/", vec![get(PUBLIC, health::root)]);
    at("/health", vec![get(PUBLIC, health::live)]);
    at("/health/ready", vec![get(PUBLIC, health::ready)]);
    at("/health/detail", vec![get(PUBLIC, health::detail)]);
    at("/openapi.json", vec![get(PUBLIC, openapi::document)]);
    at("/docs", vec![get(PUBLIC, openapi::docs)]);
}

//! `GET /`, `/health`, `/health/ready`, `/health/detail`, `/metrics` (PROTOCOL §16).

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use tokio::time::timeout;

use super::Service;

const NAME: &str = "taskcast";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const API_VERSION: &str = "v1";
/// A check that takes longer counts as failed (PROTOCOL §16.1).
const CHECK_DEADLINE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Links {
    health: &'static str,
    health_ready: &'static str,
    health_detail: &'static str,
    openapi: &'static str,
    docs: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Root {
    name: &'static str,
    version: &'static str,
    api_version: &'static str,
    links: Links,
}

/// Says what this is.
pub async fn root() -> HttpResponse {
    let links = Links {
        health: "/health",
        health_ready: "/health/ready",
        health_detail: "/health/detail",
        openapi: "/openapi.json",
        docs: "/docs",
    };
    HttpResponse::Ok().json(Root { name: NAME, version: VERSION, api_version: API_VERSION, links })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Live {
    ok: bool,
    name: &'static str,
    version: &'static str,
    api_version: &'static str,
}

/// Alive: asks nobody, never fails.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Live { ok: true, name: NAME, version: VERSION, api_version: API_VERSION })
}

#[derive(Serialize)]
struct Ready {
    ok: bool,
    dependencies: BTreeMap<&'static str, ()>,
}

/// Ready to serve: storage answers and the server is not about to stop.
pub async fn ready(service: web::Data<Service>) -> HttpResponse {
    let ok = !service.drain.has_started() && storage_works(&service).await;
    let body = Ready { ok, dependencies: BTreeMap::new() };
    if ok { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

async fn storage_works(service: &Service) -> bool {
    matches!(timeout(CHECK_DEADLINE, service.engine.health()).await, Ok(Ok(())))
}

#[derive(Serialize)]
struct Mode {
    mode: &'static str,
}

#[derive(Serialize)]
struct Adapter {
    provider: &'static str,
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Adapters {
    broadcast: Adapter,
    short_term_store: Adapter,
    #[serde(skip_serializing_if = "Option::is_none")]
    long_term_store: Option<Adapter>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StorageDetail {
    release_ready: bool,
    required_storage_protocol_version: u32,
    active_writer_count: u32,
    incompatible_writer_ids: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    ok: bool,
    name: &'static str,
    version: &'static str,
    api_version: &'static str,
    uptime: u64,
    auth: Mode,
    adapters: Adapters,
    dependencies: BTreeMap<&'static str, ()>,
    storage: StorageDetail,
}

/// What the server is made of and how its parts are.
pub async fn detail(service: web::Data<Service>) -> HttpResponse {
    let ok = storage_works(&service).await;
    let status = if ok { "ok" } else { "error" };
    let provider = service.settings.storage.as_str();
    let durable = provider != "memory";
    HttpResponse::Ok().json(Detail {
        ok: ok && !service.drain.has_started(),
        name: NAME,
        version: VERSION,
        api_version: API_VERSION,
        uptime: service.started.elapsed().as_secs(),
        auth: Mode { mode: service.settings.auth_mode },
        adapters: Adapters {
            broadcast: Adapter { provider: "memory", status: "ok" },
            short_term_store: Adapter { provider, status },
            long_term_store: durable.then_some(Adapter { provider, status }),
        },
        dependencies: BTreeMap::new(),
        storage: StorageDetail {
            release_ready: false,
            required_storage_protocol_version: 2,
            active_writer_count: 1,
            incompatible_writer_ids: Vec::new(),
        },
    })
}

/// Everything that is counted, in Prometheus text form.
pub async fn metrics(service: web::Data<Service>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(service.metrics.render(&service.engine))
}

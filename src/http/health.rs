//! `GET /`, `/health`, `/health/ready`, `/health/detail`, `/metrics` (PROTOCOL §16).

mod report;

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::timeout;

use self::report::{Detail, Ready, ReadyDependency, Status};
use super::Service;
use crate::parts::{Dependency, Failure};

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

/// What all parts answered when they were asked just now.
pub(super) struct Checked {
    storage: bool,
    failures: BTreeMap<&'static str, Option<Failure>>,
    serves: bool,
}

impl Checked {
    async fn now(service: &Service) -> Self {
        let asked = join_all(service.parts.dependencies.iter().map(check));
        let storage = timeout(CHECK_DEADLINE, service.engine.health());
        let (storage, asked) = futures_util::join!(storage, asked);
        let storage = matches!(storage, Ok(Ok(())));
        let essential = service.parts.dependencies.iter().filter(|dependency| dependency.essential);
        let failures: BTreeMap<_, _> = asked.into_iter().collect();
        let working = essential.map(|dependency| failures[dependency.name]).all(|found| found.is_none());
        Self { storage, serves: storage && working && !service.drain.has_started(), failures }
    }

    /// How the adapter with this provider does, which is in the role of `name` if it is a server.
    fn status(&self, name: Option<&'static str>) -> Status {
        let works = match name {
            Some(name) => self.failures.get(name).is_none_or(Option::is_none),
            None => self.storage,
        };
        if works { Status::Ok } else { Status::Error }
    }
}

async fn check(dependency: &Dependency) -> (&'static str, Option<Failure>) {
    let found = match timeout(CHECK_DEADLINE, (dependency.check)()).await {
        Ok(found) => found.err(),
        Err(_) => Some("timeout"),
    };
    (dependency.name, found)
}

/// Ready to serve: everything essential answers, and the server is not about to stop.
pub async fn ready(service: web::Data<Service>) -> HttpResponse {
    let checked = Checked::now(&service).await;
    let dependencies = checked.failures.iter().map(|(name, found)| (*name, ReadyDependency::of(*found)));
    let body = Ready { ok: checked.serves, dependencies: dependencies.collect() };
    if body.ok { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

/// What the server is made of and how its parts are.
pub async fn detail(service: web::Data<Service>) -> HttpResponse {
    let checked = Checked::now(&service).await;
    HttpResponse::Ok().json(Detail::of(&service, &checked))
}

/// Everything that is counted, in Prometheus text form.
pub async fn metrics(service: web::Data<Service>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(service.metrics.render(&service.engine, &service.parts))
}

//! What is about the server itself: health, metrics, documentation, admin token.

use utoipa::openapi::Content;
use utoipa::openapi::path::{HttpMethod, PathsBuilder};
use utoipa::openapi::response::ResponseBuilder;

use super::SERVICE;
use crate::http::openapi::faults::{ADMIN_BODY, ADMIN_TOKEN, CREDENTIALS, DISABLED, RATE_LIMITED, TOO_LARGE};
use crate::http::openapi::kit::{map, named, text};
use crate::http::openapi::operation::Route;

/// Adds the operations of this file.
pub(super) fn add(paths: PathsBuilder) -> PathsBuilder {
    let paths = root().at(paths, HttpMethod::Get, "/");
    let paths = live().at(paths, HttpMethod::Get, "/health");
    let paths = ready().at(paths, HttpMethod::Get, "/health/ready");
    let paths = detail().at(paths, HttpMethod::Get, "/health/detail");
    let paths = metrics().at(paths, HttpMethod::Get, "/metrics");
    let paths = document().at(paths, HttpMethod::Get, "/openapi.json");
    let paths = docs().at(paths, HttpMethod::Get, "/docs");
    let paths = admin_token().at(paths, HttpMethod::Post, "/admin/token");
    playground().at(paths, HttpMethod::Get, "/_playground/")
}

fn of_type(about: &str, content_type: &str) -> ResponseBuilder {
    ResponseBuilder::new().description(about).content(content_type, Content::new(Some(text(""))))
}

fn root() -> Route {
    Route::new(SERVICE, "getServiceInfo", "Say what this is").json(
        "200",
        "Name, version and where to go on.",
        named("ServiceInfo"),
    )
}

fn live() -> Route {
    Route::new(SERVICE, "getHealth", "Check that the server is alive")
        .about("Asks nobody and never fails.")
        .json("200", "Alive.", named("Health"))
}

fn ready() -> Route {
    Route::new(SERVICE, "getReadiness", "Check that the server can serve")
        .about("Dependencies are asked now; one that does not answer within 2 seconds counts as `timeout`.")
        .json("200", "Ready.", named("Readiness"))
        .json("503", "A dependency does not answer, or the server is about to stop.", named("Readiness"))
}

fn detail() -> Route {
    Route::new(SERVICE, "getHealthDetail", "Look at the parts of the server").json(
        "200",
        "Always 200; look at `ok`.",
        named("HealthDetail"),
    )
}

fn metrics() -> Route {
    let text = "text/plain; version=0.0.4; charset=utf-8";
    Route::new(SERVICE, "getMetrics", "Read metrics")
        .about(
            "Prometheus text; every name begins with `taskcast_`. With `metrics.auth` scope `*` is needed.",
        )
        .answers("200", of_type("The metrics.", text))
        .fails(&CREDENTIALS)
}

fn document() -> Route {
    Route::new(SERVICE, "getOpenApi", "Read this document").json("200", "OpenAPI 3.1.", map(""))
}

fn docs() -> Route {
    Route::new(SERVICE, "getDocs", "Read the reference page")
        .answers("200", of_type("The page.", "text/html"))
}

fn admin_token() -> Route {
    Route::new(SERVICE, "createAdminToken", "Get a token as administrator")
        .about("Only with `adminApi` switched on.")
        .sends("The admin token, and what the new token is to be good for.", named("AdminTokenRequest"))
        .json("200", "The token.", named("AdminToken"))
        .fails(&[ADMIN_BODY, ADMIN_TOKEN, DISABLED, TOO_LARGE, RATE_LIMITED])
}

fn playground() -> Route {
    Route::new(SERVICE, "getPlayground", "Open the playground")
        .about("A page to try the API with, if the server was started with `--playground`.")
        .answers("200", of_type("The page.", "text/html"))
        .fails(&[DISABLED])
}

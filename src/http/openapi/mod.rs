//! `GET /openapi.json` and `GET /docs`: the API described for programs and for people (PROTOCOL §16.3).
//!
//! The document is made from code: `paths` has the operations, `schemas` the objects, `parameters` and
//! `faults` what several operations share; `kit`, `operation` and `errors` keep those short. A snapshot test
//! shows every change of it. Deliberately absent: any type of the service itself, mirrored for the sake of the document.

mod errors;
mod faults;
mod kit;
mod operation;
mod parameters;
mod paths;
mod schemas;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, License, OpenApi, OpenApiBuilder};

/// The reference page in one piece; it reads `openapi.json` and needs nothing else.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let style = concat!("<style>\n", include_str!("docs.css"), "</style>");
    let script = concat!("<script>\n", include_str!("docs.js"), "</script>");
    include_str!("docs.html")
        .replace("<link rel=\"stylesheet\" href=\"docs.css\">", style)
        .replace("<script src=\"docs.js\"></script>", script)
});
/// What stands above the operations.
const OVERVIEW: &str = include_str!("overview.md");

static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| build().to_json().expect("the document has nothing that JSON cannot hold"));

/// Serves the document.
pub async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DOCUMENT.as_str())
}

/// Serves the reference page.
pub async fn docs() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(PAGE.as_str())
}

/// The description of the whole API.
pub fn build() -> OpenApi {
    let license = License::builder().name("MIT").identifier(Some("MIT")).build();
    let info = InfoBuilder::new()
        .title("Taskcast API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(OVERVIEW))
        .license(Some(license));
    let components =
        schemas::all().security_scheme("Bearer", bearer()).security_scheme("ServiceKey", service_key());
    let tags = [
        ("Tasks", "Create tasks, move them through their states, read, archive and remove them."),
        ("Events", "Publish events and follow them, live and from any point."),
        ("Workers", "Register workers, hand tasks to them, take tasks back."),
    ];
    let tags = tags.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    OpenApiBuilder::new()
        .info(info)
        .tags(Some(tags))
        .paths(paths::all())
        .webhooks(Some(paths::outgoing()))
        .components(Some(components.build()))
        .build()
}

fn bearer() -> SecurityScheme {
    SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build())
}

fn service_key() -> SecurityScheme {
    let about = "The key of a trusted service; checked before any other credential.";
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("X-Taskcast-Service-Key", about)))
}

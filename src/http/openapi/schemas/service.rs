//! The answers of service endpoints (PROTOCOL §4.6, §16).

use serde_json::json;
use utoipa::openapi::{KnownFormat, SchemaFormat};

use super::Named;
use crate::http::openapi::kit::{Record, flag, int, list, map_of, named, number, text, word, words};

/// The components of this file.
pub(super) fn all() -> Vec<Named> {
    vec![
        ("ServiceInfo", service_info().into()),
        ("Health", about_service(Record::new("The server is alive.").need("ok", flag(""))).into()),
        ("Readiness", readiness().into()),
        ("HealthDetail", detail().into()),
        ("AdapterHealth", adapter().into()),
        ("DependencyHealth", dependency().into()),
        ("FailureKind", words("How a dependency fails.", KINDS).into()),
        ("AdminTokenRequest", admin_request().into()),
        ("AdminToken", admin_token().into()),
    ]
}

const KINDS: [&str; 7] = [
    "connection_refused",
    "connection_reset",
    "timeout",
    "dns",
    "authentication",
    "connection_closed",
    "unavailable",
];

fn about_service(record: Record) -> Record {
    record
        .need("name", word("taskcast"))
        .need("version", text("Version of the server."))
        .need("apiVersion", word("v1"))
}

fn service_info() -> Record {
    let names = ["health", "healthReady", "healthDetail", "openapi", "docs"];
    let links = names.into_iter().fold(Record::new(""), |links, name| links.need(name, text("A path.")));
    about_service(Record::new("What answers here.")).need("links", links)
}

fn readiness() -> Record {
    let state = Record::new("")
        .need("state", words("", ["healthy", "unhealthy"]))
        .may("errorKind", named("FailureKind"));
    Record::new("Whether requests should be sent here.")
        .need("ok", flag(""))
        .need("dependencies", map_of("By name: `redisCommand`, `redisPubSub`, `postgres`.", state))
        .example(json!({ "ok": true, "dependencies": {} }))
}

fn detail() -> Record {
    let auth = Record::new("").need("mode", words("", ["none", "jwt"]));
    let adapters = Record::new("")
        .need("broadcast", named("AdapterHealth"))
        .need("shortTermStore", named("AdapterHealth"))
        .may("longTermStore", named("AdapterHealth"));
    let storage = Record::new("")
        .need("releaseReady", flag("Whether tasks can be moved to cold storage."))
        .need("requiredStorageProtocolVersion", int("", 0.0))
        .need("activeWriterCount", int("", 0.0))
        .need("incompatibleWriterIds", list("", text("")))
        .need("survives", text("What a success answer to a write survives."));
    about_service(Record::new("What the server is made of and how its parts are.").need("ok", flag("")))
        .need("uptime", int("Seconds.", 0.0))
        .need("auth", auth)
        .need("adapters", adapters)
        .need("dependencies", map_of("By name.", named("DependencyHealth")))
        .need("storage", storage)
}

fn adapter() -> Record {
    Record::new("A part of the server.")
        .need("provider", words("", ["memory", "redis", "sqlite", "postgres"]))
        .need("status", words("", ["ok", "error"]))
}

fn dependency() -> Record {
    let moment = text("").format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    Record::new("Something the server depends on.")
        .need("configured", flag("").enum_values(Some([true])))
        .need("state", words("", ["starting", "healthy", "reconnecting", "unhealthy"]))
        .need("lastTransitionAt", moment)
        .need("consecutiveFailures", int("", 0.0))
        .may("lastErrorKind", named("FailureKind"))
        .may("reconnectAttempts", int("Of `redisPubSub` only.", 0.0))
}

fn admin_request() -> Record {
    Record::new("Asks for a token.")
        .need("adminToken", text("The server's admin token."))
        .may("scopes", list("Scopes of the new token; `*` when absent.", named("Scope")))
        .may("expiresIn", number("Seconds it is valid.").default(Some(86_400.into())))
}

fn admin_token() -> Record {
    Record::new("A token for the API.")
        .need("token", text("Empty unless the server uses mode `jwt` with a shared secret."))
        .need("expiresAt", int("Unix seconds.", 0.0))
}

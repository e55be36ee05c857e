//! The OpenAPI document: what it says is reviewed as a snapshot, that it holds together is tested here.
//!
//! `UPDATE_SNAPSHOT=1 cargo test openapi` writes the snapshot anew.

use std::collections::BTreeSet;

use serde_json::Value;
use taskcast::http::openapi;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/openapi.snapshot.json");

/// Every route of PROTOCOL §5, and those about failed deliveries.
const ROUTES: &str = "\
delete /tasks/{taskId}
delete /workers/{workerId}
get /
get /_playground/
get /docs
get /events
get /health
get /health/detail
get /health/ready
get /metrics
get /openapi.json
get /tasks
get /tasks/{taskId}
get /tasks/{taskId}/archive
get /tasks/{taskId}/events
get /tasks/{taskId}/events/history
get /tasks/{taskId}/request
get /tasks/{taskId}/seq/{clientId}
get /tasks/{taskId}/webhooks/failures
get /workers
get /workers/pull
get /workers/ws
get /workers/{workerId}
patch /tasks/{taskId}/status
patch /workers/{workerId}/status
post /admin/token
post /tasks
post /tasks/import
post /tasks/{taskId}/events
post /tasks/{taskId}/resolve
post /tasks/{taskId}/storage/release
post /tasks/{taskId}/webhooks/redeliver
post /workers
post /workers/tasks/{taskId}/decline
post /workers/{workerId}/heartbeat";

fn document() -> Value {
    serde_json::to_value(openapi::build()).expect("the document is JSON")
}

/// The operations of `paths` or `webhooks`, as `method path`.
fn operations<'d>(document: &'d Value, part: &str) -> Vec<(String, &'d Value)> {
    let mut found = Vec::new();
    for (path, item) in document[part].as_object().expect("an object") {
        for (method, operation) in item.as_object().expect("an object") {
            found.push((format!("{method} {path}"), operation));
        }
    }
    found
}

fn every_operation(document: &Value) -> Vec<(String, &Value)> {
    let mut all = operations(document, "paths");
    all.extend(operations(document, "webhooks"));
    all
}

/// Calls `visit` with every object in `value`.
fn walk<'v>(value: &'v Value, visit: &mut impl FnMut(&'v Value)) {
    visit(value);
    match value {
        Value::Object(members) => members.values().for_each(|member| walk(member, visit)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

fn references(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(document, &mut |value| {
        found.extend(value.get("$ref").and_then(Value::as_str).map(str::to_owned));
    });
    found
}

#[test]
fn the_document_is_the_reviewed_one() {
    let made = openapi::build().to_pretty_json().unwrap() + "\n";
    if std::env::var("UPDATE_SNAPSHOT").is_ok_and(|value| value == "1") {
        std::fs::write(SNAPSHOT, &made).unwrap();
    }
    let reviewed = std::fs::read_to_string(SNAPSHOT).unwrap();
    let place = made.lines().zip(reviewed.lines()).position(|(made, reviewed)| made != reviewed);
    assert!(
        made == reviewed,
        "the document differs from its snapshot from line {} on: look at the change, then run with UPDATE_SNAPSHOT=1",
        place.unwrap_or_else(|| made.lines().count().min(reviewed.lines().count())) + 1
    );
}

#[test]
fn it_says_what_it_is() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "Taskcast API");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let bearer = &document["components"]["securitySchemes"]["Bearer"];
    assert_eq!(bearer, &serde_json::json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" }));
    let tags: Vec<&Value> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    assert_eq!(tags, ["Tasks", "Events", "Workers"]);
}

#[test]
fn every_route_is_described_and_no_other() {
    let document = document();
    let described: BTreeSet<String> =
        operations(&document, "paths").into_iter().map(|(name, _)| name).collect();
    let described: Vec<&str> = described.iter().map(String::as_str).collect();
    assert_eq!(described, ROUTES.lines().collect::<Vec<_>>());
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let document = document();
    let references = references(&document);
    for reference in &references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let text = document.to_string();
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        let used = references.contains(&format!("#/components/schemas/{name}"));
        assert!(used || text.contains(&format!("`{name}`")), "{name} is not used");
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_a_tag_a_summary_and_an_error_answer() {
    let document = document();
    let mut names = BTreeSet::new();
    for (place, operation) in every_operation(&document) {
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{place}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{place}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{place}");
        let answers = operation["responses"].as_object().unwrap();
        let fails = |status: &String| status.starts_with(['4', '5']) || status == "default";
        assert!(answers.keys().any(fails), "{place}");
        assert!(answers.keys().any(|status| !fails(status)), "{place}");
    }
}

#[test]
fn every_path_parameter_is_declared_once_and_no_other() {
    let document = document();
    for (place, operation) in operations(&document, "paths") {
        let wanted: Vec<&str> = place.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let of_path = parameters.iter().filter(|parameter| parameter["in"] == "path");
        let declared: Vec<&str> = of_path
            .inspect(|parameter| assert_eq!(parameter["required"], true, "{place}"))
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(declared, wanted, "{place}");
        let unique: BTreeSet<&str> =
            parameters.iter().filter_map(|parameter| parameter["name"].as_str()).collect();
        assert_eq!(unique.len(), parameters.len(), "{place}");
    }
}

#[test]
fn a_scope_is_named_exactly_where_a_credential_is_needed() {
    let document = document();
    let scopes = document["components"]["schemas"]["Scope"]["enum"].as_array().unwrap();
    for (place, operation) in operations(&document, "paths") {
        let path = place.split(' ').nth(1).unwrap();
        let guarded = ["/tasks", "/events", "/workers"].iter().any(|prefix| path.starts_with(prefix));
        let scope = operation.pointer("/security/0/Bearer/0");
        assert_eq!(scope.is_some(), guarded, "{place}");
        assert!(scope.is_none_or(|scope| scopes.contains(scope)), "{place}");
    }
}

#[test]
fn error_examples_use_known_codes() {
    let document = document();
    let codes = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let mut used = BTreeSet::new();
    walk(&document["paths"], &mut |value| {
        if value.get("error").is_some_and(Value::is_string) {
            used.extend(value.get("code").and_then(Value::as_str));
        }
    });
    let known: BTreeSet<&str> = codes.iter().filter_map(Value::as_str).collect();
    assert_eq!(known.len(), codes.len());
    assert!(used.is_subset(&known), "{:?}", used.difference(&known));
    let unused: Vec<&&str> = known.difference(&used).collect();
    assert_eq!(unused, [&"method_not_allowed"]);
}

#[test]
fn required_members_are_members() {
    let document = document();
    walk(&document, &mut |value| {
        let Some(required) = value.get("required").and_then(Value::as_array) else { return };
        for name in required {
            assert!(value["properties"].get(name.as_str().unwrap()).is_some(), "{name} in {value}");
        }
    });
}

#[actix_web::test]
async fn the_page_loads_nothing_but_the_document() {
    let page = actix_web::body::to_bytes(openapi::docs().await.into_body()).await.unwrap();
    let page = std::str::from_utf8(&page).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("fetch(\"openapi.json\")"));
    for outside in ["src=", "@import", "@font-face", "rel=\"stylesheet\"", "https://"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

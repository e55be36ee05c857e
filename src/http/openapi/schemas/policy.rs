//! What a task says about its own cleanup and access.

use serde_json::json;

use super::Named;
use crate::config::SCOPES;
use crate::http::openapi::kit::{Record, int, list, map, named, text, words};

/// The components of this file.
pub(super) fn all() -> Vec<Named> {
    vec![
        (
            "Cleanup",
            Record::new("Cleanup rules of a task; all are executed.")
                .need("rules", rules("CleanupRule"))
                .into(),
        ),
        ("CleanupRule", cleanup_rule().into()),
        (
            "AuthConfig",
            Record::new("Narrows who may do what with a task.").need("rules", rules("AuthRule")).into(),
        ),
        ("AuthRule", auth_rule().into()),
        ("Scope", words("A permission.", SCOPES.iter().copied()).into()),
    ]
}

fn rules(name: &str) -> utoipa::openapi::schema::ArrayBuilder {
    list("", named(name))
}

fn cleanup_rule() -> Record {
    let tasks = Record::new("Which tasks; all that have ended when absent.")
        .may("taskTypes", list("Type patterns, any of them.", text("")))
        .may("status", list("Any of them.", named("TaskStatus")));
    let trigger =
        Record::new("When.").may("afterMs", int("Milliseconds after the end.", 0.0).default(Some(0.into())));
    let events = Record::new(
        "Which events go when the target is `events`; all when absent. The conditions are ANDed.",
    )
    .may("types", list("Type patterns, any of them.", text("")))
    .may("levels", list("Any of them.", named("Level")))
    .may("olderThanMs", int("Stored more than this many milliseconds before the end.", 0.0))
    .may("seriesMode", list("Any of them; events without a mode do not match.", named("SeriesMode")));
    Record::new("What is removed of a task that has ended, and when.")
        .may("name", text("For people."))
        .may("match", tasks)
        .need("trigger", trigger)
        .need("target", words("`events` keeps the task.", ["all", "events", "task"]))
        .may("eventFilter", events)
        .example(json!({ "match": { "status": ["completed"] }, "trigger": { "afterMs": 86_400_000 }, "target": "all" }))
}

fn auth_rule() -> Record {
    let matches = Record::new("").need("scope", list("The scopes the rule is about.", named("Scope")));
    let require = Record::new("What the caller's token must have.")
        .may("claims", map("Claims with exactly these values."))
        .may("sub", list("One of these subjects.", text("")));
    Record::new("What a caller who uses one of these scopes must have.")
        .need("match", matches)
        .need("require", require)
        .example(json!({ "match": { "scope": ["event:subscribe"] }, "require": { "sub": ["user-1"] } }))
}

//! Error bodies.

use serde_json::json;

use super::Named;
use crate::http::openapi::faults::codes;
use crate::http::openapi::kit::{Record, int, named, text, words};

/// The components of this file.
pub(super) fn all() -> Vec<Named> {
    let error = Record::new("The body of every error answer.")
        .need("error", text("What went wrong, for people."))
        .need("code", named("ErrorCode"))
        .example(json!({ "error": "Task not found", "code": "task_not_found" }));
    let sequence = Record::new("The body of an error answer about `clientSeq`.")
        .need("error", text("What went wrong, for people."))
        .need("code", named("ErrorCode"))
        .may("expectedSeq", int("The number the server expects next; with `seq_…` codes.", 0.0))
        .may("receivedSeq", int("The number it received; with `seq_…` codes.", 0.0));
    vec![
        ("Error", error.into()),
        ("SequenceError", sequence.into()),
        ("ErrorCode", words("What went wrong, for programs. Codes are stable.", codes()).into()),
    ]
}

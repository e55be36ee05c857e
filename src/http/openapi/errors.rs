//! Error answers, made of the faults an operation may have.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{Content, Response};

use super::faults::{Fault, SEQUENCE};
use super::kit::{named, text};

/// The answers for these faults, one for each status.
pub(super) fn answers(faults: &[Fault]) -> Vec<(String, Response)> {
    let mut by_status: BTreeMap<u16, Vec<Fault>> = BTreeMap::new();
    for fault in faults {
        by_status.entry(fault.status).or_default().push(*fault);
    }
    if by_status.is_empty() {
        return vec![("default".to_owned(), unexpected())];
    }
    by_status.into_iter().map(|(status, faults)| (status.to_string(), answer(status, &faults))).collect()
}

fn answer(status: u16, faults: &[Fault]) -> Response {
    let lines: Vec<String> =
        faults.iter().map(|fault| format!("- `{}`: {}", fault.code, fault.when)).collect();
    let numbered = faults.iter().any(|fault| SEQUENCE.iter().any(|other| other.code == fault.code));
    let schema = named(if numbered { "SequenceError" } else { "Error" });
    let examples = faults.iter().enumerate().map(|(place, fault)| {
        let name = format!("{}_{}", fault.code, place + 1);
        (name, ExampleBuilder::new().value(Some(example(fault))).build())
    });
    let content = Content::builder().schema(Some(schema)).examples_from_iter(examples);
    let response =
        ResponseBuilder::new().description(lines.join("\n")).content("application/json", content.build());
    header(status)
        .into_iter()
        .fold(response, |response, (name, about)| {
            let header = HeaderBuilder::new().schema(Some(text(""))).description(Some(about));
            response.header(name, header.build())
        })
        .build()
}

fn example(fault: &Fault) -> serde_json::Value {
    let (error, code) = (fault.error, fault.code);
    match code {
        "seq_stale" => json!({ "error": error, "code": code, "expectedSeq": 7, "receivedSeq": 5 }),
        "seq_timeout" | "seq_duplicate" | "seq_gap" => {
            json!({ "error": error, "code": code, "expectedSeq": 7, "receivedSeq": 9 })
        }
        _ => json!({ "error": error, "code": code }),
    }
}

fn header(status: u16) -> Option<(&'static str, &'static str)> {
    match status {
        426 => Some(("Upgrade", "`websocket`.")),
        429 => Some(("Retry-After", "Seconds to wait.")),
        503 => Some(("Retry-After", "`1`: seconds to wait.")),
        _ => None,
    }
}

/// What operations without faults of their own may answer.
fn unexpected() -> Response {
    let about = "Any other answer, such as 405 `method_not_allowed` or 500 `internal_error`.";
    ResponseBuilder::new()
        .description(about)
        .content("application/json", Content::new(Some(named("Error"))))
        .build()
}

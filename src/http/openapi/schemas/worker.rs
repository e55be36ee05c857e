//! Workers.

use serde_json::json;

use super::Named;
use crate::http::openapi::kit::{
    Record, flag, int, list, map, millis, named, number, small, text, word, words,
};
use crate::http::openapi::parameters::ID_PATTERN;

/// The components of this file.
pub(super) fn all() -> Vec<Named> {
    vec![
        (
            "WorkerStatus",
            words("Whether a worker takes tasks.", ["idle", "busy", "draining", "offline"]).into(),
        ),
        ("ConnectionMode", words("How a worker is reached.", ["pull", "websocket"]).into()),
        ("MatchRule", match_rule().into()),
        ("Worker", worker().into()),
        ("WorkerList", Record::new("All workers.").need("workers", list("", named("Worker"))).into()),
        ("RegisterRequest", register().into()),
        ("WorkerStatusRequest", set_status().into()),
        ("DeclineRequest", decline().into()),
        ("Accepted", Record::new("It is done.").need("ok", flag("").enum_values(Some([true]))).into()),
    ]
}

fn match_rule() -> Record {
    let tags = Record::new("Conditions on the task's tags.")
        .may("all", list("All of them are there.", text("")))
        .may("any", list("One of them is there.", text("")))
        .may("none", list("None of them is there.", text("")));
    Record::new("Which tasks a worker takes. Missing and empty lists pass; `{}` matches every task.")
        .may("taskTypes", list("Type patterns, any of them.", text("")))
        .may("tags", tags)
}

fn worker() -> Record {
    Record::new("A worker.")
        .need("id", text(""))
        .need("status", named("WorkerStatus"))
        .need("matchRule", named("MatchRule"))
        .need("capacity", small("Slots it has."))
        .need("usedSlots", int("Slots that are taken.", 0.0))
        .need("weight", number("Heavier workers are asked first."))
        .need("connectionMode", named("ConnectionMode"))
        .need("connectedAt", millis("Last registration."))
        .need("lastHeartbeatAt", millis("Last sign of life."))
        .may("metadata", map("Anything else about the worker."))
        .example(json!({
            "id": "worker-7", "status": "idle", "matchRule": { "taskTypes": ["llm.*"] }, "capacity": 10,
            "usedSlots": 2, "weight": 50, "connectionMode": "pull", "connectedAt": 1_767_225_600_000_u64,
            "lastHeartbeatAt": 1_767_225_630_000_u64
        }))
}

fn register() -> Record {
    let id = text("The token's `workerId`, else a ULID, when omitted.")
        .min_length(Some(1))
        .max_length(Some(256))
        .pattern(Some(ID_PATTERN));
    Record::new("A worker to register, or to register again.")
        .may("workerId", id)
        .may("matchRule", named("MatchRule"))
        .may("capacity", small("Slots it has.").default(Some(10.into())))
        .may("weight", number("Heavier workers are asked first.").default(Some(50.into())))
        .may("metadata", map("Anything else about the worker."))
        .example(json!({ "workerId": "worker-7", "matchRule": { "taskTypes": ["llm.*"] }, "capacity": 10 }))
}

fn set_status() -> Record {
    let status = "`draining`: no new tasks, running work goes on. `idle`: back to work.";
    Record::new("The status a worker is to have.").need("status", words(status, ["draining", "idle"]))
}

fn decline() -> Record {
    Record::new("A worker gives a task back.")
        .may("workerId", text("May be omitted when the token has one."))
        .may(
            "blacklist",
            flag("Whether the worker is never to get this task again.").default(Some(false.into())),
        )
        .example(json!({ "workerId": "worker-7", "blacklist": true }))
}

/// A message of the socket protocol.
pub(super) fn message(kind: &str, about: &str) -> Record {
    Record::new(about).need("type", word(kind))
}

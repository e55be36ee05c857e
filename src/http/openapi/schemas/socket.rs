//! The messages of `/workers/ws` (PROTOCOL §12).

use utoipa::openapi::{RefOr, Schema};

use super::Named;
use super::worker::message;
use crate::http::openapi::kit::{Record, either, flag, list, map, named, number, small, text, words};

/// The components of this file.
pub(super) fn all() -> Vec<Named> {
    vec![
        ("WorkerMessage", either("What a worker sends over its socket.", from_worker())),
        ("ServerMessage", either("What the server sends over a worker's socket.", from_server())),
        ("OfferedTask", offered_task().into()),
    ]
}

fn about_task(kind: &str, about: &str) -> Record {
    message(kind, about).need("taskId", text(""))
}

fn settings(record: Record) -> Record {
    record.may("matchRule", named("MatchRule")).may("capacity", small("")).may("weight", number(""))
}

fn from_worker() -> [RefOr<Schema>; 7] {
    let blacklist = "Whether the worker is never to get this task again.";
    [
        settings(message("register", "The first message; answered by `registered`."))
            .may("workerId", text(""))
            .into(),
        settings(message("update", "Changes rule, capacity or weight.")).into(),
        about_task("accept", "Takes an offer; answered by `assigned`.").into(),
        about_task("claim", "Takes an available task; answered by `claimed`.").into(),
        about_task("decline", "Gives a task back; answered by `declined`.")
            .may("blacklist", flag(blacklist))
            .into(),
        message("drain", "Takes no more tasks.").into(),
        message("pong", "The answer to `ping`; a sign of life.").into(),
    ]
}

fn from_server() -> [RefOr<Schema>; 8] {
    let codes = [
        "PARSE_ERROR",
        "INVALID_MESSAGE",
        "NOT_REGISTERED",
        "FORBIDDEN",
        "REGISTER_ERROR",
        "UPDATE_ERROR",
        "CLAIM_FAILED",
        "CLAIM_ERROR",
        "DECLINE_ERROR",
        "DRAIN_ERROR",
    ];
    [
        message("registered", "The worker is known under this id.").need("workerId", text("")).into(),
        about_task("offer", "A task for this worker, until it is accepted or declined.")
            .need("task", named("OfferedTask"))
            .into(),
        about_task("available", "A task for the fastest worker.").need("task", named("OfferedTask")).into(),
        about_task("assigned", "The accepted task is the worker's.").into(),
        about_task("claimed", "Whether the claim won.").need("success", flag("")).into(),
        about_task("declined", "The task is given back.").into(),
        message("ping", "To be answered by `pong`.").into(),
        message("error", "A message was refused; the socket stays open.")
            .need("message", text(""))
            .need("code", words("", codes))
            .may("taskId", text("When it is known."))
            .into(),
    ]
}

fn offered_task() -> Record {
    Record::new("What a worker is told of a task before it takes it.")
        .need("id", text(""))
        .may("type", text(""))
        .may("tags", list("", text("")))
        .may("cost", small(""))
        .may("params", map(""))
}

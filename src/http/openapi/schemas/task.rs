//! Tasks, what moves them, and their archives.

use serde_json::json;
use taskcast_actors::domain::TaskStatus;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AllOfBuilder, Schema};

use super::Named;
use crate::http::openapi::kit::{
    Record, any, flag, int, integer, list, map, millis, named, named_as, small, text, word, words,
};
use crate::http::openapi::parameters::ID_PATTERN;

/// The components of this file.
pub(super) fn all() -> Vec<Named> {
    let modes = ["external", "pull", "ws-offer", "ws-race"];
    let policies = ["reassign", "mark", "fail"];
    vec![
        ("TaskStatus", words(STATUS, TaskStatus::ALL.map(TaskStatus::as_str)).into()),
        ("AssignMode", words("How a task finds a worker.", modes).into()),
        ("DisconnectPolicy", words("What happens to a task whose worker is lost.", policies).into()),
        ("Task", task().into()),
        ("TaskView", view()),
        ("TaskList", task_list().into()),
        ("NewTask", new_task().into()),
        ("TransitionRequest", transition().into()),
        ("ResolveRequest", resolve().into()),
        ("BlockedRequest", blocked_request().into()),
        ("TaskError", task_error().into()),
        ("TaskArchive", archive().into()),
        ("ImportRequest", import().into()),
        ("ImportResult", imported().into()),
        ("ReleaseRequest", release().into()),
        ("ReleaseResult", released().into()),
    ]
}

const STATUS: &str =
    "`completed`, `failed`, `timeout` and `cancelled` are terminal; `paused` and `blocked` are suspended.";

/// What creator and reader of a task both see.
fn common(record: Record) -> Record {
    record
        .may("type", text("Free text; filters match it by pattern."))
        .may("params", map("Input of the task."))
        .may("metadata", map("Anything else about the task."))
        .may("ttl", small("Seconds until the task times out."))
        .may("tags", list("Labels for listing and for matching workers.", text("")))
        .may("assignMode", named("AssignMode"))
        .may("cost", small("Slots of a worker the task takes. A claim writes it, 1 by default."))
        .may("disconnectPolicy", named("DisconnectPolicy"))
        .may("webhooks", list("Where its events are sent to.", named("WebhookConfig")))
        .may("cleanup", named("Cleanup"))
        .may("authConfig", named("AuthConfig"))
}

fn task() -> Record {
    let record = Record::new("A task.")
        .need("id", text("Client-chosen, or a ULID."))
        .need("status", named("TaskStatus"))
        .need("createdAt", millis("Creation."))
        .need("updatedAt", millis("Last transition, claim or decline; published events do not count."));
    common(record)
        .may("result", map("Kept through later transitions once set."))
        .may("error", named_as("TaskError", "Kept once set."))
        .may("completedAt", millis("End, once the status is terminal."))
        .may("assignedWorker", text("The worker, while assigned and after the end."))
        .may("reason", text("Why it is suspended; only while it is."))
        .may("resumeAt", millis("When it resumes by itself; only while suspended."))
        .may("blockedRequest", named_as("BlockedRequest", "What it asks for; only while suspended."))
        .example(json!({
            "id": "01K3X8Q5T2M7N4V6B9C0D1E2F3", "status": "running", "type": "llm.chat",
            "params": { "prompt": "Hello" }, "createdAt": 1_767_225_600_000_u64, "updatedAt": 1_767_225_600_120_u64
        }))
}

fn view() -> RefOr<Schema> {
    let live = Record::new("")
        .need("hot", flag("Whether anybody follows the task."))
        .need("subscriberCount", int("Open streams of the task, on all instances.", 0.0));
    AllOfBuilder::new()
        .description(Some("A task as it is read, with its audience."))
        .item(named("Task"))
        .item(live)
        .into()
}

fn task_list() -> Record {
    Record::new("A page of tasks in creation order.")
        .need("tasks", list("", named("TaskView")))
        .may("nextCursor", text("Present exactly when more tasks follow; send it as `cursor`."))
}

fn new_task() -> Record {
    let id = text("1 to 256 bytes without `/` and control characters, not `.` or `..`; a ULID when omitted.")
        .min_length(Some(1))
        .max_length(Some(256))
        .pattern(Some(ID_PATTERN));
    common(Record::new("A task to create. Every field is optional.").may("id", id))
        .example(json!({ "type": "llm.chat", "params": { "prompt": "Hello" }, "ttl": 3600, "tags": ["eu"] }))
}

fn transition() -> Record {
    Record::new("A move to another status.")
        .need("status", named("TaskStatus"))
        .may("result", map("Kept on the task."))
        .may("error", named("TaskError"))
        .may("reason", text("Used when the target is `paused` or `blocked`."))
        .may("ttl", small("Replaces the time to live and restarts it, in seconds."))
        .may(
            "resumeAfterMs",
            int("Resumes by itself after this many milliseconds; used when the target is `blocked`.", 1.0),
        )
        .may("blockedRequest", named_as("BlockedRequest", "Used when the target is `blocked`."))
        .example(json!({ "status": "completed", "result": { "answer": 42 } }))
}

fn resolve() -> Record {
    Record::new("The answer to a blocked task's request.")
        .may("data", any("An object becomes the `result`; anything else becomes `{\"resolution\": data}`. Missing counts as `null`."))
        .example(json!({ "data": { "approved": true } }))
}

fn blocked_request() -> Record {
    Record::new("What a blocked task asks for.")
        .need("type", text("The kind of request."))
        .may("data", any("Whatever the answerer needs."))
        .example(json!({ "type": "approval", "data": { "question": "Send the mail?" } }))
}

fn task_error() -> Record {
    Record::new("Why a task failed, in the producer's words.")
        .need("message", text("For people."))
        .may("code", text("For programs."))
        .may("details", map("More about it."))
}

fn archive() -> Record {
    Record::new("A task with its history. Of each `latest` or `accumulate` series one event is kept, and events are re-indexed from 0.")
        .need("schema", word("taskcast.taskArchive"))
        .need("version", integer("").enum_values(Some([1])))
        .need("exportedAt", millis("When it was made."))
        .need("task", named("Task"))
        .need("events", list("Contiguous indexes from 0.", named("TaskEvent")))
}

fn import() -> Record {
    Record::new("An archive to put in place.")
        .need("archive", named("TaskArchive"))
        .may("overwrite", flag("Whether it may replace an existing task.").default(Some(false.into())))
}

fn imported() -> Record {
    Record::new("What an import did.")
        .need("ok", flag("").enum_values(Some([true])))
        .need("taskId", text(""))
        .need("eventCount", int("", 0.0))
        .need("overwritten", flag("Whether a task with this id existed."))
}

fn release() -> Record {
    Record::new("The state in which a task may be moved to cold storage.")
        .need("expectedLastEventIndex", int("Index of its last event; -1 when it has none.", -1.0))
        .need("inactiveSince", int("Nothing may have happened after this. Unix milliseconds.", 0.0))
}

fn released() -> Record {
    Record::new("A task in cold storage.")
        .need("taskId", text(""))
        .need("storageState", word("cold"))
        .need("archiveWatermark", int("Index of its last event; -1 when it has none.", -1.0))
        .need("released", flag("`false` when it was cold already."))
}

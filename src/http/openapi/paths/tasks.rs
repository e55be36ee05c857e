//! `/tasks`: create, list, read, move, remove.

use utoipa::openapi::path::{HttpMethod, PathsBuilder};

use super::TASKS;
use crate::http::openapi::faults::{
    EXISTS, NO_REQUEST, NO_TASK, NO_TASK_NAMED, NOT_BLOCKED, REPEATABLE, TRANSITION, TTL, WRITE, bad_query,
};
use crate::http::openapi::kit::{named, text};
use crate::http::openapi::operation::{Route, replayable};
use crate::http::openapi::parameters::{comma_list, idempotency_key, limit, paging, query};

/// Adds the operations of this file.
pub(super) fn add(paths: PathsBuilder) -> PathsBuilder {
    let paths = create().at(paths, HttpMethod::Post, "/tasks");
    let paths = list().at(paths, HttpMethod::Get, "/tasks");
    let paths = get().at(paths, HttpMethod::Get, "/tasks/{taskId}");
    let paths = delete().at(paths, HttpMethod::Delete, "/tasks/{taskId}");
    let paths = transition().at(paths, HttpMethod::Patch, "/tasks/{taskId}/status");
    let paths = resolve().at(paths, HttpMethod::Post, "/tasks/{taskId}/resolve");
    blocked_request().at(paths, HttpMethod::Get, "/tasks/{taskId}/request")
}

fn create() -> Route {
    Route::new(TASKS, "createTask", "Create a task")
        .about(
            "The task is `pending`. Creation emits no event. With `webhooks`, scope `webhook:create` is needed too; \
             a token that is restricted to tasks must give one of their ids.",
        )
        .scope("task:create")
        .takes(idempotency_key())
        .body("The task; `{}` is enough.", named("NewTask"))
        .answers("201", replayable("The created task.", named("Task")))
        .fails(&[TTL, EXISTS])
        .fails(&REPEATABLE)
        .fails(&WRITE)
}

fn list() -> Route {
    let mode = "Exactly this mode. Empty counts as absent; unknown ones match nothing.";
    let status = "Comma list, any of them. Empty counts as absent; unknown names match nothing.";
    Route::new(TASKS, "listTasks", "List tasks")
        .about("Tasks in creation order, a page at a time; only those the caller may see.")
        .scope("event:subscribe")
        .takes(comma_list("status", status, named("TaskStatus")))
        .takes(query("type", "One type pattern. Empty counts as absent.", text("").examples(["llm.*"])))
        .takes(comma_list("tags", "Comma list, all of them.", text("")))
        .takes(query("assignMode", mode, named("AssignMode")))
        .takes(limit("Tasks of a page: 1000 unless given, at most 10000."))
        .takes_all(paging())
        .json("200", "The page.", named("TaskList"))
        .fails(&[bad_query("order must be asc or desc")])
}

fn get() -> Route {
    Route::new(TASKS, "getTask", "Read a task")
        .scope("event:subscribe")
        .json("200", "The task with its audience.", named("TaskView"))
        .fails(&[NO_TASK])
}

fn delete() -> Route {
    Route::new(TASKS, "deleteTask", "Delete a task")
        .about(
            "In any status, with its events, pending webhooks and assignment. Its streams end with `taskcast.done` \
             and reason `deleted`. The id may be used again.",
        )
        .scope("task:manage")
        .empty("204", "The task is gone.")
        .fails(&[NO_TASK_NAMED])
        .fails(&WRITE)
}

fn transition() -> Route {
    Route::new(TASKS, "setTaskStatus", "Move a task to another status")
        .about(
            "Appends a `taskcast:status` event in the same step. Of several moves to a terminal status exactly one \
             wins.\n\n\
             - `pending` → `assigned`, `running`, `paused`, `timeout`, `cancelled`\n\
             - `assigned` → `pending`, `running`, `paused`, `timeout`, `cancelled`\n\
             - `running` → `paused`, `blocked`, `completed`, `failed`, `timeout`, `cancelled`\n\
             - `paused` → `assigned`, `running`, `blocked`, `timeout`, `cancelled`\n\
             - `blocked` → `assigned`, `running`, `paused`, `failed`, `timeout`, `cancelled`",
        )
        .scope("task:manage")
        .body("The target, and what comes with it.", named("TransitionRequest"))
        .json("200", "The task in its new status.", named("Task"))
        .fails(&[TTL, NO_TASK_NAMED, TRANSITION])
        .fails(&WRITE)
}

fn resolve() -> Route {
    Route::new(TASKS, "resolveTask", "Answer a blocked task's request")
        .about("Moves the task from `blocked` to `running` and keeps the answer as its `result`.")
        .scope("task:resolve")
        .body("The answer.", named("ResolveRequest"))
        .json("200", "The running task.", named("Task"))
        .fails(&[NOT_BLOCKED, NO_TASK, TRANSITION])
        .fails(&WRITE)
}

fn blocked_request() -> Route {
    Route::new(TASKS, "getBlockedRequest", "Read a blocked task's request")
        .scope("task:resolve")
        .json("200", "What the task asks for.", named("BlockedRequest"))
        .fails(&[NO_TASK, NO_REQUEST])
}

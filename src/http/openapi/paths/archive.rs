//! Archive, import and storage release.

use utoipa::openapi::path::{HttpMethod, PathsBuilder};

use super::TASKS;
use crate::http::openapi::faults::{
    BUSY, EXISTS, INTEGRITY, MALFORMED, NO_COLD_TIER, NO_TASK, NO_TASK_NAMED, PRECONDITION, RELEASE_BODY,
    TIER_AWAY, TOO_LARGE, WRITE,
};
use crate::http::openapi::kit::named;
use crate::http::openapi::operation::Route;

/// Adds the operations of this file.
pub(super) fn add(paths: PathsBuilder) -> PathsBuilder {
    let paths = export().at(paths, HttpMethod::Get, "/tasks/{taskId}/archive");
    let paths = import().at(paths, HttpMethod::Post, "/tasks/import");
    release().at(paths, HttpMethod::Post, "/tasks/{taskId}/storage/release")
}

fn export() -> Route {
    Route::new(TASKS, "archiveTask", "Archive a task")
        .about("The task with its whole history as one document, without webhook secrets.")
        .scope("event:history")
        .json("200", "The archive.", named("TaskArchive"))
        .fails(&[NO_TASK_NAMED])
}

fn import() -> Route {
    Route::new(TASKS, "importTask", "Import an archived task")
        .about(
            "Replaces task and log as given; emits no events, sends no webhooks and arms no timer. If the archived \
             task has webhooks, scope `webhook:create` is needed too. An overwritten task's streams end without \
             `taskcast.done`.",
        )
        .scope("task:manage")
        .body("The archive, at most 256 MiB.", named("ImportRequest"))
        .json("200", "What was done.", named("ImportResult"))
        .fails(&[EXISTS])
        .fails(&WRITE)
}

fn release() -> Route {
    Route::new(TASKS, "releaseTaskStorage", "Move a task to cold storage")
        .about(
            "A cold task answers every read as before, keeps its timers, and becomes hot again with the next write. \
             Of a task that is cold already nothing is checked again.",
        )
        .scope("task:manage")
        .sends("The state the task is expected to be in.", named("ReleaseRequest"))
        .json("200", "The task is cold.", named("ReleaseResult"))
        .fails(&[MALFORMED, RELEASE_BODY, TOO_LARGE, NO_TASK, PRECONDITION, BUSY, INTEGRITY, NO_COLD_TIER, TIER_AWAY])
        .fails(&WRITE)
}

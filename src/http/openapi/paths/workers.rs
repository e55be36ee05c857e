//! `/workers`: registration, polling, giving back, and the socket.

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{HttpMethod, PathsBuilder};
use utoipa::openapi::response::ResponseBuilder;

use super::WORKERS;
use crate::http::openapi::faults::{
    CAPACITY, DISABLED, NO_WORKER, NO_WORKER_ID, STOPPING, UNREGISTERED, UPGRADE, WORKER_MISMATCH, WRITE,
    bad_query,
};
use crate::http::openapi::kit::{named, word};
use crate::http::openapi::operation::Route;
use crate::http::openapi::parameters::{poll, token};

/// Adds the operations of this file.
pub(super) fn add(paths: PathsBuilder) -> PathsBuilder {
    let paths = list().at(paths, HttpMethod::Get, "/workers");
    let paths = register().at(paths, HttpMethod::Post, "/workers");
    let paths = pull().at(paths, HttpMethod::Get, "/workers/pull");
    let paths = decline().at(paths, HttpMethod::Post, "/workers/tasks/{taskId}/decline");
    let paths = get().at(paths, HttpMethod::Get, "/workers/{workerId}");
    let paths = delete().at(paths, HttpMethod::Delete, "/workers/{workerId}");
    let paths = set_status().at(paths, HttpMethod::Patch, "/workers/{workerId}/status");
    let paths = heartbeat().at(paths, HttpMethod::Post, "/workers/{workerId}/heartbeat");
    connect().at(paths, HttpMethod::Get, "/workers/ws")
}

fn list() -> Route {
    Route::new(WORKERS, "listWorkers", "List workers")
        .about("Empty while workers are switched off.")
        .scope("worker:manage")
        .json("200", "The workers.", named("WorkerList"))
}

fn register() -> Route {
    Route::new(WORKERS, "registerWorker", "Register a worker")
        .about(
            "Registers a worker that polls, or registers it again: rule, capacity and weight are replaced, assignments \
             stay, and it is `idle` again, or `busy` when full.",
        )
        .scope("worker:connect")
        .body("The worker; `{}` is enough.", named("RegisterRequest"))
        .json("201", "The registered worker.", named("Worker"))
        .fails(&[CAPACITY, WORKER_MISMATCH, DISABLED])
        .fails(&WRITE)
}

fn pull() -> Route {
    Route::new(WORKERS, "pullTask", "Poll for a task")
        .about(
            "Claims the oldest pending task with `assignMode` `pull` the worker is eligible for, or waits for one. \
             Counts as a sign of life. Not answered to `HEAD`.",
        )
        .scope("worker:connect")
        .takes_all(poll())
        .json("200", "The claimed task, `assigned` to the worker.", named("Task"))
        .empty("204", "There was none in time.")
        .fails(&[bad_query("timeout must be an integer"), NO_WORKER_ID, UNREGISTERED, WORKER_MISMATCH, DISABLED])
        .fails(&WRITE)
}

fn decline() -> Route {
    Route::new(WORKERS, "declineTask", "Give a task back")
        .about(
            "An assigned task becomes `pending` again and is offered to others; an offer moves on. In any other case \
             nothing happens, and the answer is the same.",
        )
        .scope("worker:connect")
        .body("Who declines.", named("DeclineRequest"))
        .json("200", "It is done.", named("Accepted"))
        .fails(&[WORKER_MISMATCH, DISABLED])
        .fails(&WRITE)
}

fn get() -> Route {
    Route::new(WORKERS, "getWorker", "Read a worker")
        .scope("worker:manage")
        .json("200", "The worker.", named("Worker"))
        .fails(&[NO_WORKER, DISABLED])
}

fn delete() -> Route {
    Route::new(WORKERS, "deleteWorker", "Remove a worker")
        .about("At once, its socket is closed. What happens to its tasks is up to the disconnect policy, without grace.")
        .scope("worker:manage")
        .empty("204", "The worker is gone.")
        .fails(&[NO_WORKER, DISABLED])
        .fails(&WRITE)
}

fn set_status() -> Route {
    Route::new(WORKERS, "setWorkerStatus", "Drain a worker, or put it back to work")
        .scope("worker:manage")
        .body("The status.", named("WorkerStatusRequest"))
        .json("200", "The worker; `busy` instead of `idle` when full.", named("Worker"))
        .fails(&[NO_WORKER, DISABLED])
        .fails(&WRITE)
}

fn heartbeat() -> Route {
    Route::new(WORKERS, "heartbeatWorker", "Give a sign of life")
        .about("Revives a worker that is `offline`. A body is ignored.")
        .scope("worker:connect")
        .json("200", "The worker.", named("Worker"))
        .fails(&[WORKER_MISMATCH, NO_WORKER, DISABLED])
        .fails(&WRITE)
}

fn connect() -> Route {
    let header = HeaderBuilder::new().schema(Some(word("websocket"))).build();
    let switched = ResponseBuilder::new()
        .description(
            "Text frames of one JSON object each: `WorkerMessage` to the server, `ServerMessage` from it.",
        )
        .header("Upgrade", header);
    Route::new(WORKERS, "connectWorker", "Open a worker's socket")
        .about(
            "Upgrades to WebSocket. The first message is `register`; then the server sends offers, and `ping`, which is \
             to be answered by `pong`. A bad message is answered by `error` and never closes the socket.\n\n\
             The server closes with 1000 (replaced, worker deleted), 1001 (shutdown), 1008 (token expired) or 1009 \
             (message over 1 MiB). Not answered to `HEAD`.",
        )
        .scope("worker:connect")
        .takes(token("A token where headers cannot be set. The header wins."))
        .answers("101", switched)
        .fails(&[DISABLED, UPGRADE, STOPPING])
}

//! Publishing and history.

use utoipa::openapi::path::{HttpMethod, PathsBuilder};

use super::EVENTS;
use crate::http::openapi::faults::{
    CURSOR, EVENT_SIZES, NO_CLIENT, NO_TASK, NO_TASK_NAMED, REPEATABLE, RESERVED, SEQUENCE, STOPPING,
    TERMINAL, WRITE,
};
use crate::http::openapi::kit::{list, named};
use crate::http::openapi::operation::{Route, replayable};
use crate::http::openapi::parameters::{idempotency_key, levels, limit, series_format, since, types};

/// Adds the operations of this file.
pub(super) fn add(paths: PathsBuilder) -> PathsBuilder {
    let paths = publish().at(paths, HttpMethod::Post, "/tasks/{taskId}/events");
    let paths = history().at(paths, HttpMethod::Get, "/tasks/{taskId}/events/history");
    expected().at(paths, HttpMethod::Get, "/tasks/{taskId}/seq/{clientId}")
}

fn publish() -> Route {
    Route::new(EVENTS, "publishEvents", "Publish events")
        .about(
            "One event, or up to 1000 as a batch that is stored as a whole or not at all. The answer comes once they \
             are stored.\n\n\
             With `clientId` and `clientSeq` events are stored in the client's own order: a number that is too high \
             waits for the gap to be filled (`hold`), or is refused (`fast-fail`).",
        )
        .scope("event:publish")
        .takes(idempotency_key())
        .body("An event or a list of events.", named("PublishRequest"))
        .answers("201", replayable("The stored events; of `accumulate` events the deltas as sent.", named("PublishResult")))
        .fails(&[RESERVED, TERMINAL, NO_TASK_NAMED])
        .fails(&SEQUENCE)
        .fails(&EVENT_SIZES)
        .fails(&REPEATABLE)
        .fails(&WRITE)
        .fails(&[STOPPING])
}

fn history() -> Route {
    let index = "Events with a greater `index`.";
    Route::new(EVENTS, "getEventHistory", "Read the events so far")
        .about(
            "Sorted by index, without superseded `latest` events. Of several cursors `since.id` counts before \
             `since.index` before `since.timestamp`. With `seriesFormat=accumulated` of each `accumulate` series only \
             the newest event is shown, with its running value and `seriesSnapshot`.",
        )
        .scope("event:history")
        .takes_all(since(index))
        .takes(types("Empty matches nothing."))
        .takes(levels("Empty matches nothing."))
        .takes(limit("The first so many events."))
        .takes(series_format("Deltas as sent, or running values."))
        .json("200", "The events.", list("", named("TaskEvent")))
        .fails(&[CURSOR, NO_TASK])
}

fn expected() -> Route {
    Route::new(EVENTS, "getExpectedSequence", "Read where a client's numbering stands")
        .about("Lets a publisher that lost its state go on where it stopped. Forgotten when the task ends.")
        .scope("event:publish")
        .json("200", "The number to use next.", named("ExpectedSequence"))
        .fails(&[NO_TASK_NAMED, NO_CLIENT])
}

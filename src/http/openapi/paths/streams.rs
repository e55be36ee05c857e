//! Streams: one task's events, and those of all tasks.

use utoipa::openapi::path::{HttpMethod, PathsBuilder};

use super::EVENTS;
use crate::http::openapi::faults::{CURSOR, NO_TASK, STOPPING};
use crate::http::openapi::operation::{Route, stream};
use crate::http::openapi::parameters::{
    last_event_id, levels, limit, on_unless_false, series_format, since, token, types,
};

/// Adds the operations of this file.
pub(super) fn add(paths: PathsBuilder) -> PathsBuilder {
    let paths = one_task().at(paths, HttpMethod::Get, "/tasks/{taskId}/events");
    all_tasks().at(paths, HttpMethod::Get, "/events")
}

const TOKEN: &str =
    "A token where headers cannot be set; accepted only if the server allows it. The header wins.";

const TASK_FRAMES: &str = ":keepalive\n\n\
    event: taskcast.event\n\
    data: {\"filteredIndex\":0,\"rawIndex\":0,\"eventId\":\"01K3X8Q5T2M7N4V6B9C0D1E2F3\",\"taskId\":\"report-7\",\
    \"type\":\"llm.delta\",\"timestamp\":1767225600250,\"level\":\"info\",\"data\":{\"delta\":\"Hel\"}}\n\
    id: 01K3X8Q5T2M7N4V6B9C0D1E2F3\n\n\
    event: taskcast.done\n\
    data: {\"reason\":\"completed\"}\n\n";

const GLOBAL_FRAMES: &str = ":keepalive\n\n\
    event: taskcast.event\n\
    data: {\"filteredIndex\":0,\"rawIndex\":4,\"eventId\":\"01K3X8Q5T2M7N4V6B9C0D1E2F3\",\"taskId\":\"report-7\",\
    \"type\":\"llm.delta\",\"timestamp\":1767225600250,\"level\":\"info\",\"data\":{\"delta\":\"Hel\"}}\n\
    id: 01K3X8Q5T2M7N4V6B9C0D1E2F3\n\n";

fn one_task() -> Route {
    let index = "Events whose rank under the filter of this request is greater; `-1` is everything, uncollapsed. \
                 Combines with the other cursors.";
    Route::new(EVENTS, "streamTaskEvents", "Follow a task")
        .about(
            "First what has happened, then what happens, in order, each event once, until the task ends.\n\n\
             - Without a cursor the replay shows of each `accumulate` series one event with its running value \
             (`seriesSnapshot`).\n\
             - With a cursor nothing is collapsed. To resume exactly, send the `id` of the last frame.\n\
             - `taskcast.done` is the last frame of a task that has ended or was deleted, a `StreamEnd`. A stream that \
             ends without it (token expiry, shutdown) is to be resumed.\n\
             - Comments (`:keepalive`) come first and every 15 seconds. A `retry:` line comes before a shutdown.",
        )
        .scope("event:subscribe")
        .takes(types("Present but empty matches nothing."))
        .takes(levels("Present but empty matches nothing."))
        .takes(on_unless_false("includeStatus", "Whether `taskcast:status` events are sent."))
        .takes(on_unless_false("wrap", "Whether events come as an `SSEEnvelope`, else as a `TaskEvent`."))
        .takes(series_format("What `accumulate` events carry after the replay: deltas, or running values."))
        .takes_all(since(index))
        .takes(limit("The last so many events of the replay; live events are not counted."))
        .takes(last_event_id())
        .takes(token(TOKEN))
        .answers("200", stream("Frames of `SSEEnvelope`, or of `TaskEvent` with `wrap=false`.", TASK_FRAMES))
        .fails(&[CURSOR, NO_TASK, STOPPING])
}

fn all_tasks() -> Route {
    Route::new(EVENTS, "streamAllEvents", "Follow all tasks")
        .about(
            "What happens to all tasks the caller may see, from now on: existing and future ones, from every instance. \
             There is no replay, no cursor and no `taskcast.done`. A stream that cannot keep up is closed rather than \
             that an event is left out.",
        )
        .scope("event:subscribe")
        .takes(types("Empty counts as absent."))
        .takes(levels("Empty counts as absent."))
        .takes(token(TOKEN))
        .answers("200", stream("Frames of `SSEEnvelope`, whose `filteredIndex` is 0.", GLOBAL_FRAMES))
        .fails(&[STOPPING])
}

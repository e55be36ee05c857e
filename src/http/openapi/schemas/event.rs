//! Events: to publish, stored, and as streams carry them.

use serde_json::json;
use taskcast_actors::domain::{Level, SeriesMode};
use utoipa::openapi::{RefOr, Schema};

use super::Named;
use crate::http::openapi::kit::{Record, any, either, flag, int, list, millis, named, named_as, text, words};

/// The components of this file.
pub(super) fn all() -> Vec<Named> {
    vec![
        ("Level", words("Importance of an event.", Level::ALL.map(Level::as_str)).into()),
        ("SeriesMode", words(MODE, SeriesMode::ALL.map(SeriesMode::as_str)).into()),
        ("NewEvent", new_event().into()),
        ("PublishRequest", publish()),
        ("PublishResult", published()),
        ("TaskEvent", task_event().into()),
        ("SSEEnvelope", envelope().into()),
        ("StreamEnd", end().into()),
        ("ExpectedSequence", expected().into()),
    ]
}

const MODE: &str = "How the events of one series belong together: `keep-all` keeps each, `accumulate` appends pieces of a \
                    growing text, of `latest` only the newest counts.";

fn series(record: Record) -> Record {
    record
        .may("seriesId", text("Which series; with `seriesMode` it makes the event a member."))
        .may("seriesMode", named("SeriesMode"))
        .may("seriesAccField", text("The string field of `data` that grows; `delta` when absent."))
}

fn snapshot(record: Record) -> Record {
    let about = "`data` is the running value of its series and stands for all deltas before it.";
    record.may("seriesSnapshot", flag(about).enum_values(Some([true])))
}

fn new_event() -> Record {
    let event_type = text("Free text; types that begin with `taskcast:` belong to the server.");
    let level = "Importance; `info` when absent.";
    let record = Record::new("An event to publish.")
        .need("type", event_type.pattern(Some("^(?!taskcast:)")))
        .may("level", named_as("Level", level))
        .may("data", any("Any JSON, at most 1 MiB; missing counts as `null`."));
    series(record)
        .may("clientId", text("Who numbers these events.").min_length(Some(1)).max_length(Some(256)))
        .may("clientSeq", int("The client's number for this event.", 0.0))
        .may(
            "seqMode",
            words("Whether a gap in the numbers is waited for.", ["hold", "fast-fail"])
                .default(Some("hold".into())),
        )
        .together("clientId", "clientSeq")
        .example(json!({
            "type": "llm.delta", "data": { "delta": "Hel" }, "seriesId": "answer", "seriesMode": "accumulate"
        }))
}

fn publish() -> RefOr<Schema> {
    let batch = list("A batch, stored as a whole or not at all.", named("NewEvent")).max_items(Some(1000));
    either("One event or a batch.", [named("NewEvent").into(), batch.into()])
}

fn published() -> RefOr<Schema> {
    let batch = list("In the order of the request.", named("TaskEvent"));
    either("As many as were sent, in the same form.", [named("TaskEvent").into(), batch.into()])
}

fn task_event() -> Record {
    let record = Record::new("An event of a task's log.")
        .need("id", text("Unique; a ULID when the server made it. Order events by `index`, not by `id`."))
        .need("taskId", text(""))
        .need("index", int("Place in the log, from 0, without gaps.", 0.0))
        .need("timestamp", millis("When it was stored; never decreases along the log."))
        .need("type", text("The producer's type, or one that begins with `taskcast:`."))
        .need("level", named("Level"))
        .need("data", any("The payload; of an `accumulate` event the delta as sent, or the running value."));
    snapshot(series(record))
        .may("clientId", text("Who numbered it."))
        .may("clientSeq", int("The client's number.", 0.0))
        .example(json!({
            "id": "01K3X8Q5T2M7N4V6B9C0D1E2F3", "taskId": "report-7", "index": 4, "timestamp": 1_767_225_600_250_u64,
            "type": "llm.delta", "level": "info", "data": { "delta": "Hel" },
            "seriesId": "answer", "seriesMode": "accumulate"
        }))
}

fn envelope() -> Record {
    let record = Record::new("An event as streams carry it.")
        .need(
            "filteredIndex",
            int("Rank under the filter of the request; 0 in the stream of all tasks.", 0.0),
        )
        .need("rawIndex", int("The `index` of the event.", 0.0))
        .need("eventId", text("The `id` of the event; resume with it."))
        .need("taskId", text(""))
        .need("type", text(""))
        .need("timestamp", millis("When it was stored."))
        .need("level", named("Level"))
        .need("data", any("The payload: a delta or a running value, as the request asked."));
    snapshot(series(record)).example(json!({
        "filteredIndex": 3, "rawIndex": 4, "eventId": "01K3X8Q5T2M7N4V6B9C0D1E2F3", "taskId": "report-7",
        "type": "llm.delta", "timestamp": 1_767_225_600_250_u64, "level": "info", "data": { "delta": "Hel" },
        "seriesId": "answer", "seriesMode": "accumulate"
    }))
}

fn end() -> Record {
    let reasons = ["completed", "failed", "timeout", "cancelled", "deleted"];
    Record::new("The `data` of `taskcast.done`, the last frame.").need("reason", words("", reasons))
}

fn expected() -> Record {
    Record::new("Where a client's numbering stands.")
        .need("clientId", text(""))
        .need("expectedSeq", int("The number to use next.", 0.0))
}

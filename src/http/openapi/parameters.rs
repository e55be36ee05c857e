//! Parameters of the path, the query and the headers.

use utoipa::openapi::path::{ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::{RefOr, Required, Schema};

use super::kit::{flag, int, integer, list, named, number, text, words};

/// What a task or worker id may look like (PROTOCOL §1).
pub(super) const ID_PATTERN: &str = r"^(?!\.{1,2}$)[^/\u0000-\u001F\u007F-\u009F]+$";

fn parameter(
    place: ParameterIn,
    name: &str,
    about: &str,
    schema: impl Into<RefOr<Schema>>,
) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema))
}

/// The path parameter of this name.
pub(super) fn path(name: &str) -> ParameterBuilder {
    let about = match name {
        "workerId" => "Id of the worker, percent-encoded.",
        "clientId" => "Id of the publishing client, percent-encoded.",
        _ => "Id of the task, percent-encoded.",
    };
    let id = text("").min_length(Some(1)).max_length(Some(256));
    parameter(ParameterIn::Path, name, about, id).required(Required::True)
}

/// A query parameter.
pub(super) fn query(name: &str, about: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    parameter(ParameterIn::Query, name, about, schema)
}

/// A comma list in the query.
pub(super) fn comma_list(name: &str, about: &str, items: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    query(name, about, list("", items)).style(Some(ParameterStyle::Form)).explode(Some(false))
}

/// `types`.
pub(super) fn types(empty: &str) -> ParameterBuilder {
    let about =
        format!("Comma list of type patterns: `*`, a prefix such as `llm.*`, or an exact type. {empty}");
    comma_list("types", &about, text("").examples(["llm.*"]))
}

/// `levels`.
pub(super) fn levels(empty: &str) -> ParameterBuilder {
    let about = format!("Comma list of levels; unknown names never match. {empty}");
    comma_list("levels", &about, named("Level"))
}

/// `limit`.
pub(super) fn limit(about: &str) -> ParameterBuilder {
    let lenient = "Leading digits are used; without any, or when not positive, it is ignored.";
    query("limit", &format!("{about} {lenient}"), int("", 1.0))
}

/// `includeStatus` and `wrap`.
pub(super) fn on_unless_false(name: &str, about: &str) -> ParameterBuilder {
    query(
        name,
        &format!("{about} Only the literal `false` switches it off."),
        flag("").default(Some(true.into())),
    )
}

/// `seriesFormat`.
pub(super) fn series_format(about: &str) -> ParameterBuilder {
    let format = words("", ["delta", "accumulated"]).default(Some("delta".into()));
    query("seriesFormat", &format!("{about} Other values count as `delta`."), format)
}

/// The three cursors, of which `index` means something else in streams and in history.
pub(super) fn since(index: &str) -> [ParameterBuilder; 3] {
    [
        query("since.id", "Events after the event with this id. Empty counts as absent.", text("")),
        query("since.index", index, integer("")),
        query("since.timestamp", "Events with a greater `timestamp`, in Unix milliseconds.", integer("")),
    ]
}

/// `Last-Event-ID`.
pub(super) fn last_event_id() -> ParameterBuilder {
    let about = "Used as `since.id` when no `since.*` is present. Browsers send it when they reconnect.";
    parameter(ParameterIn::Header, "Last-Event-ID", about, text(""))
}

/// `Idempotency-Key`.
pub(super) fn idempotency_key() -> ParameterBuilder {
    let about = "Makes the request safe to repeat: for 24 hours, the same key with the same body gets the first \
                 answer again, with `Idempotent-Replayed: true`. The key belongs to the path and the caller's `sub`.";
    let key = text("").min_length(Some(1)).max_length(Some(255)).pattern(Some("^[\\x21-\\x7E]+$"));
    parameter(ParameterIn::Header, "Idempotency-Key", about, key)
}

/// `token`.
pub(super) fn token(about: &str) -> ParameterBuilder {
    query("token", about, text("A JSON Web Token."))
}

/// `order` and `cursor` of a listing.
pub(super) fn paging() -> [ParameterBuilder; 2] {
    let order = words("", ["asc", "desc"]).default(Some("asc".into()));
    let cursor = "The `nextCursor` of the previous page, with otherwise equal parameters.";
    [query("order", "Direction of creation.", order), query("cursor", cursor, text("Opaque."))]
}

/// `workerId`, `weight` and `timeout` of a poll.
pub(super) fn poll() -> [ParameterBuilder; 3] {
    let wait = int("", 0.0).default(Some(30_000.into()));
    let worker = "The polling worker. Required unless the token has a `workerId`.";
    [
        query("workerId", worker, text("").min_length(Some(1)).max_length(Some(256))),
        query("weight", "New weight of the worker, stored before waiting.", number("")),
        query(
            "timeout",
            "Milliseconds to wait; `0` answers at once, more than 300000 counts as 300000.",
            wait,
        ),
    ]
}

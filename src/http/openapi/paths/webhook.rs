//! What the server sends to webhooks (PROTOCOL §18), and what becomes of what it could not deliver.

use utoipa::openapi::path::{HttpMethod, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::{Paths, Required};

use super::{EVENTS, TASKS};
use crate::http::openapi::faults::{NO_TASK, WRITE};
use crate::http::openapi::kit::{either, integer, named, text};
use crate::http::openapi::operation::Route;

/// Adds the operations of this file.
pub(super) fn add(paths: PathsBuilder) -> PathsBuilder {
    let paths = failures().at(paths, HttpMethod::Get, "/tasks/{taskId}/webhooks/failures");
    redeliver().at(paths, HttpMethod::Post, "/tasks/{taskId}/webhooks/redeliver")
}

fn failures() -> Route {
    Route::new(TASKS, "listWebhookFailures", "List what could not be delivered to webhooks")
        .about("Deliveries that failed for good, the oldest first: the last 100 of the task.")
        .scope("task:manage")
        .json("200", "The failures.", named("WebhookFailures"))
        .fails(&[NO_TASK])
}

fn redeliver() -> Route {
    Route::new(TASKS, "redeliverWebhooks", "Deliver again what failed")
        .about(
            "Each event is tried once more, out of order. A failure whose event is accepted is gone from the list; any \
             other stays with one more attempt.",
        )
        .scope("task:manage")
        .body("Which failures; `{}` is all of them.", named("RedeliverRequest"))
        .json("202", "How many of them are tried again.", named("RedeliverResult"))
        .fails(&[NO_TASK])
        .fails(&WRITE)
}

/// The requests the server makes.
pub(in crate::http::openapi) fn outgoing() -> Paths {
    deliver().at(PathsBuilder::new(), HttpMethod::Post, "taskEvent").build()
}

fn header(name: &str, about: &str, required: bool) -> ParameterBuilder {
    let schema = if name.ends_with("imestamp") { integer("") } else { text("") };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(if required { Required::True } else { Required::False })
        .description(Some(about))
        .schema(Some(schema))
}

fn deliver() -> Route {
    let forms = [named("TaskEvent").into(), named("SSEEnvelope").into()];
    Route::new(EVENTS, "deliverTaskEvent", "Deliver an event to a webhook")
        .about(
            "Every stored event that passes the webhook's filter, at least once, in index order. Anything but 2xx and \
             410 is repeated as `RetryConfig` says; redirects are not followed.",
        )
        .takes_all([
            header("X-Taskcast-Event", "Type of the event.", true),
            header("X-Taskcast-Timestamp", "Unix seconds of the first attempt.", true),
            header("X-Taskcast-Signature", "With a secret: `sha256=` and the hex HMAC-SHA256 of the body.", false),
            header("webhook-id", "Id of the event, the same for all attempts.", true),
            header("webhook-timestamp", "Unix seconds of this attempt.", true),
            header("webhook-signature", "With a secret: `v1,` and a Standard Webhooks signature.", false),
        ])
        .sends("The event; an `SSEEnvelope` when the webhook says `wrap`.", either("", forms))
        .empty("2XX", "Delivered.")
        .empty("410", "Stops this webhook for this task.")
        .empty("default", "Tried again later.")
}

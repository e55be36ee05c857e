//! Webhooks and the filters of those who subscribe.

use serde_json::json;

use super::Named;
use crate::http::openapi::kit::{Record, flag, int, integer, list, millis, named, named_as, text, words};

/// The components of this file.
pub(super) fn all() -> Vec<Named> {
    vec![
        ("WebhookConfig", webhook().into()),
        ("RetryConfig", retry().into()),
        ("SubscribeFilter", filter().into()),
        (
            "Backoff",
            words("How the delay grows from attempt to attempt.", ["fixed", "exponential", "linear"]).into(),
        ),
        ("WebhookFailures", failures().into()),
        ("WebhookFailure", failure().into()),
        ("RedeliverRequest", redeliver_request().into()),
        ("RedeliverResult", redeliver_result().into()),
    ]
}

fn webhook() -> Record {
    let secret = "Signs deliveries. After `whsec_` it must be valid base64. Never part of an answer.";
    Record::new("Where the events of a task are sent to.")
        .need("url", text("Target, `http` or `https`.").format(Some(uri())).pattern(Some("^[Hh][Tt][Tt][Pp][Ss]?:")))
        .may("filter", named_as("SubscribeFilter", "Which events; `types`, `levels` and `includeStatus` count."))
        .may("secret", text(secret).write_only(true))
        .may("wrap", flag("Whether deliveries are an `SSEEnvelope`.").default(Some(false.into())))
        .may("retry", named("RetryConfig"))
        .example(json!({
            "url": "https://example.com/hooks/taskcast", "filter": { "types": ["llm.*"] }, "retry": { "retries": 5 }
        }))
}

fn failures() -> Record {
    Record::new("What could not be delivered to the webhooks of a task.")
        .need("failures", list("The oldest first.", named("WebhookFailure")))
        .need("dropped", int("How many older ones are not kept any more.", 0.0))
}

fn failure() -> Record {
    Record::new("A delivery that failed for good.")
        .need("id", text("Names it in a `RedeliverRequest`."))
        .need(
            "source",
            words("Whether the webhook is the task's own or one for every task.", ["task", "global"]),
        )
        .need("host", text("Host of the webhook's URL."))
        .need("index", int("Index of the event.", 0.0))
        .need("eventId", text("Id of the event."))
        .need("type", text("Type of the event; of a long one the beginning."))
        .need("attempts", int("How often it was tried.", 1.0))
        .may("status", int("Status of the last answer, if there was one.", 100.0))
        .need("error", text("What went wrong the last time."))
        .need("firstAttemptAt", millis("When it was tried first."))
        .need("failedAt", millis("When it was tried last."))
        .need("redelivering", flag("Whether it is about to be tried again."))
}

fn redeliver_request() -> Record {
    Record::new("Which failures are tried again.")
        .may("failures", list("Ids of failures, all when absent; unknown ones are ignored.", text("")))
        .example(json!({ "failures": ["t0-17"] }))
}

fn redeliver_result() -> Record {
    Record::new("What is tried again.").need("redelivering", int("How many failures.", 0.0))
}

fn uri() -> utoipa::openapi::SchemaFormat {
    utoipa::openapi::SchemaFormat::Custom("uri".to_owned())
}

fn retry() -> Record {
    let backoff = "`exponential` when absent.";
    Record::new("How often a delivery is tried again. Defaults can be changed by the operator.")
        .may("retries", int("Attempts after the first.", 0.0).default(Some(3.into())))
        .may("backoff", named_as("Backoff", backoff))
        .may("initialDelayMs", int("Delay before the first repetition.", 0.0).default(Some(1000.into())))
        .may("maxDelayMs", int("No delay is longer.", 0.0).default(Some(30_000.into())))
        .may("timeoutMs", int("Time for one attempt.", 1.0).default(Some(5000.into())))
}

fn filter() -> Record {
    let since = Record::new("Where to begin.")
        .may("id", text(""))
        .may("index", integer(""))
        .may("timestamp", integer("Unix milliseconds."));
    Record::new("Which events somebody wants, and in which form.")
        .may("types", list("Type patterns, any of them; an empty list matches nothing.", text("")))
        .may("levels", list("Levels, any of them; an empty list matches nothing.", named("Level")))
        .may("includeStatus", flag("Whether `taskcast:status` is wanted.").default(Some(true.into())))
        .may("wrap", flag("Whether events come as an `SSEEnvelope`."))
        .may("seriesFormat", words("", ["delta", "accumulated"]))
        .may("since", since)
}

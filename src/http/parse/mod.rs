//! What a request says: bytes and query strings in, values of the domain out.
//!
//! **Here:** one file per body (`task`, `transition`, `resolve`, `redeliver`, `events`, `archive`), the query strings (`query`)
//! and the cursor of a listing (`cursor`). A body is checked as a whole by [`json::check`], read as a flat set of
//! raw fields (`fields`), and every field is converted by one function (`values`), in the order of the protocol's
//! tables, so that the same body always has the same first fault. What is kept as sent, apart from fields nobody
//! knows, is described by a table (`shape`).
//!
//! **Promised:** no input makes anything here panic or allocate more than a small multiple of its own size, and
//! user values keep their text.
//!
//! **Absent:** HTTP, the clock, and every rule that needs to know the task.

pub mod admin;
pub mod archive;
mod archived;
pub mod cursor;
mod error;
pub mod events;
mod fields;
mod path;
mod publish;
pub mod query;
pub mod redeliver;
pub mod release;
pub mod resolve;
mod shape;
pub mod task;
#[cfg(test)]
mod tests;
pub mod transition;
mod values;
mod webhook;
mod words;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use taskcast_actors::domain::json::{self, JsonError};
use taskcast_actors::domain::retention::CleanupRule;
use taskcast_actors::domain::{Json, Webhook};

pub use error::BodyError;

use path::Path;

/// The largest integer of the protocol (§1), 2^53 − 1.
pub const MAX_INT: i64 = (1 << 53) - 1;

/// Reads cleanup rules of the configuration.
///
/// # Errors
/// [`BodyError::Invalid`] naming the first offending field, from `cleanup.rules[0]` on.
pub fn cleanup_rules(values: &[serde_json::Value]) -> Result<Vec<CleanupRule>, BodyError> {
    let cleanup = Path::Body.field("cleanup");
    let rules = cleanup.field("rules");
    let rule = |(index, value)| {
        let raw = serde_json::value::to_raw_value(value).map_err(|_| BodyError::Malformed)?;
        shape::read(&raw, &rules.item(index), &shape::CLEANUP_RULE)
    };
    values.iter().enumerate().map(rule).collect()
}

/// Reads webhooks of the configuration.
///
/// # Errors
/// [`BodyError::Invalid`] naming the first offending field, from `webhook.endpoints[0]` on.
pub fn webhook_endpoints(values: &[serde_json::Value]) -> Result<Vec<Webhook>, BodyError> {
    let section = Path::Body.field("webhook");
    let endpoints = section.field("endpoints");
    let endpoint = |(index, value)| {
        let raw = serde_json::value::to_raw_value(value).map_err(|_| BodyError::Malformed)?;
        webhook::webhook(&raw, &endpoints.item(index))
    };
    values.iter().enumerate().map(endpoint).collect()
}

/// Reads what the configuration says of retries.
///
/// # Errors
/// [`BodyError::Invalid`] naming the first offending field, from `webhook.defaultRetry` on.
pub fn webhook_retry(value: &serde_json::Value) -> Result<Json, BodyError> {
    let section = Path::Body.field("webhook");
    let raw = serde_json::value::to_raw_value(value).map_err(|_| BodyError::Malformed)?;
    shape::read(&raw, &section.field("defaultRetry"), &shape::RETRY)
}

/// The text of a body without `\u0000`; whether it is JSON remains to be seen.
fn body_text(body: &[u8]) -> Result<&str, BodyError> {
    match json::check(body) {
        Ok(text) => Ok(text),
        Err(JsonError::Malformed) => Err(BodyError::Malformed),
        Err(JsonError::Nul) => {
            grammar(std::str::from_utf8(body).map_err(|_| BodyError::Malformed)?)?;
            Err(BodyError::Invalid("strings must not contain \\u0000".to_owned()))
        }
    }
}

/// The text of a body that is JSON, whatever its strings contain.
fn any_body_text(body: &[u8]) -> Result<&str, BodyError> {
    if json::check(body) == Err(JsonError::Malformed) {
        return Err(BodyError::Malformed);
    }
    std::str::from_utf8(body).map_err(|_| BodyError::Malformed)
}

/// Refuses `text` if it is not one JSON value.
fn grammar(text: &str) -> Result<(), BodyError> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ()).map_err(|_| BodyError::Malformed)
}

/// The one JSON value that `text` is.
fn raw(text: &str) -> Result<&RawValue, BodyError> {
    serde_json::from_str(text).map_err(|_| BodyError::Malformed)
}

//! The body of `POST /tasks` (PROTOCOL §7.1).

use std::borrow::Cow;

use serde_json::value::RawValue;
use taskcast_actors::domain::NewTask;

use super::fields::Fields;
use super::path::Path;
use super::shape::{self, AUTH_CONFIG, CLEANUP};
use super::values::{cost, object, one_of, string, strings, task_id, text, ttl};
use super::webhook::webhooks;
use super::words::{ASSIGN_MODES, DISCONNECT_POLICIES};
use super::{BodyError, any_body_text, body_text, grammar};

const FIELDS: [&str; 12] = [
    "id",
    "type",
    "params",
    "metadata",
    "ttl",
    "tags",
    "assignMode",
    "cost",
    "disconnectPolicy",
    "webhooks",
    "cleanup",
    "authConfig",
];

/// What authorisation has to know of a body before its fields are checked (PROTOCOL §3, check order).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The id the task is to have, if it is a string.
    pub id: Option<String>,
    /// Whether there are webhooks.
    pub has_webhooks: bool,
    /// Whether an existing task is to be replaced.
    pub overwrite: bool,
}

/// Looks into a body that need not be valid.
///
/// # Errors
/// [`BodyError::Malformed`] when it is not JSON.
pub fn preview(body: &[u8]) -> Result<Preview, BodyError> {
    let text = any_body_text(body)?;
    grammar(text)?;
    let fields = Fields::of_body(text, FIELDS.into_iter());
    Ok(fields.map(|fields| Preview::of(&fields)).unwrap_or_default())
}

impl Preview {
    /// The preview of the task with these fields.
    pub(super) fn of(fields: &Fields<'_, '_>) -> Self {
        let at = fields.path();
        let id = fields.raw("id").and_then(|raw| text(raw, at).ok());
        let empty = |raw: &RawValue| raw.get().strip_prefix('[').is_some_and(|rest| rest.trim_ascii() == "]");
        let has_webhooks = fields.raw("webhooks").is_some_and(|raw| !empty(raw));
        Self { id: id.map(Cow::into_owned), has_webhooks, overwrite: false }
    }
}

/// Reads a task to create.
///
/// # Errors
/// [`BodyError::Malformed`], or [`BodyError::Invalid`] for the first field that breaks a rule.
pub fn parse(body: &[u8]) -> Result<NewTask, BodyError> {
    let fields = Fields::of_body(body_text(body)?, FIELDS.into_iter())?;
    Ok(NewTask {
        id: fields.get("id", task_id)?,
        task_type: fields.get("type", string)?,
        params: fields.get("params", object)?,
        metadata: fields.get("metadata", object)?,
        ttl: fields.get("ttl", ttl)?,
        tags: fields.get("tags", strings)?,
        assign_mode: fields.get("assignMode", one_of(ASSIGN_MODES))?,
        disconnect_policy: fields.get("disconnectPolicy", one_of(DISCONNECT_POLICIES))?,
        cost: fields.get("cost", cost)?,
        webhooks: fields.get("webhooks", webhooks)?,
        cleanup: fields.get("cleanup", |raw: &RawValue, at: &Path<'_>| shape::read(raw, at, &CLEANUP))?,
        auth_config: fields
            .get("authConfig", |raw: &RawValue, at: &Path<'_>| shape::read(raw, at, &AUTH_CONFIG))?,
    })
}

//! The body of `POST /tasks/import` (PROTOCOL §14).

use std::borrow::Cow;

use serde_json::value::RawValue;
use taskcast_actors::domain::archive::{Archive, SCHEMA, VERSION};

use super::archived;
use super::fields::Fields;
use super::path::Path;
use super::task::Preview;
use super::values::{boolean, moment, text};
use super::{BodyError, any_body_text, body_text, grammar};

const FIELDS: [&str; 2] = ["archive", "overwrite"];
const ARCHIVE_FIELDS: [&str; 5] = ["schema", "version", "exportedAt", "task", "events"];

/// Longest part of an unknown schema or version that is repeated in an error.
const EXCERPT: usize = 100;

/// Looks into a body that need not be valid, for the id of the task, whether it has webhooks, and whether it may replace another.
///
/// # Errors
/// [`BodyError::Malformed`] when it is not JSON.
pub fn preview(body: &[u8]) -> Result<Preview, BodyError> {
    let text = any_body_text(body)?;
    grammar(text)?;
    Ok(task_preview(text).unwrap_or_default())
}

fn task_preview(text: &str) -> Result<Preview, BodyError> {
    let body = Fields::of_body(text, FIELDS.into_iter())?;
    let task =
        body.need("archive", |raw, at| Fields::of(raw, at, ["task"].into_iter())?.need("task", keep))?;
    let preview = Preview::of(&Fields::of(task, &Path::Body, ["id", "webhooks"].into_iter())?);
    Ok(Preview { overwrite: body.raw("overwrite").is_some_and(|raw| raw.get() == "true"), ..preview })
}

fn keep<'a>(raw: &'a RawValue, _: &Path<'_>) -> Result<&'a RawValue, BodyError> {
    Ok(raw)
}

/// Reads an archive and whether it may replace the task that has its id.
///
/// # Errors
/// [`BodyError::Malformed`], or [`BodyError::Invalid`] for the first part that breaks a rule.
pub fn parse(body: &[u8]) -> Result<(Archive, bool), BodyError> {
    let fields = Fields::of_body(body_text(body)?, FIELDS.into_iter())?;
    let archive = fields.need("archive", archive)?;
    let overwrite = fields.get("overwrite", boolean)?;
    Ok((archive, overwrite.unwrap_or(false)))
}

fn archive(raw: &RawValue, at: &Path<'_>) -> Result<Archive, BodyError> {
    let fields = Fields::of(raw, at, ARCHIVE_FIELDS.into_iter())?;
    check_name(&fields, "schema", SCHEMA)?;
    check_name(&fields, "version", &VERSION.to_string())?;
    fields.need("exportedAt", moment)?;
    let task = fields.need("task", archived::task)?;
    let events = fields.need("events", |raw, at| archived::events(raw, at, &task.id))?;
    Ok(Archive { task, events })
}

fn check_name(fields: &Fields<'_, '_>, name: &'static str, wanted: &str) -> Result<(), BodyError> {
    let found = fields.raw(name);
    let quoted = |raw: &RawValue| raw.get().starts_with('"');
    let right = |raw: &RawValue| quoted(raw) == (name == "schema") && shown(raw) == wanted;
    if found.is_some_and(right) {
        return Ok(());
    }
    let found = found.map_or(Cow::Borrowed("undefined"), shown);
    let excerpt: String = found.chars().take(EXCERPT).collect();
    Err(BodyError::Invalid(format!("Unsupported archive {name}: {excerpt}")))
}

/// A string without its quotes, anything else as sent.
fn shown(raw: &RawValue) -> Cow<'_, str> {
    text(raw, &Path::Body).unwrap_or(Cow::Borrowed(raw.get()))
}

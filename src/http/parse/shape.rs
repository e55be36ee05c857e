//! Values that are kept as they were sent, apart from the fields nobody knows: described by tables, checked and
//! cleaned by one function.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::path::Path;
use super::values::{boolean, each, int, object, text, word};
use super::words::{BACKOFFS, CLEANUP_TARGETS, LEVELS, SCOPES, SERIES_FORMATS, SERIES_MODES, STATUSES};
use super::{BodyError, MAX_INT};
use Shape::{Bool, Int, List, Object, Text, UserObject, Word};

/// What a value has to be.
pub(super) enum Shape {
    /// `true` or `false`.
    Bool,
    /// A string.
    Text,
    /// An integer not smaller than this one.
    Int(i64),
    /// One of these strings.
    Word(&'static [&'static str]),
    /// A list of such values.
    List(&'static Shape),
    /// An object with these members; others are dropped.
    Object(&'static [Field]),
    /// An object of the user's own.
    UserObject,
}

/// A member of an object.
pub(super) struct Field {
    name: &'static str,
    shape: &'static Shape,
    required: bool,
}

const fn need(name: &'static str, shape: &'static Shape) -> Field {
    Field { name, shape, required: true }
}

const fn may(name: &'static str, shape: &'static Shape) -> Field {
    Field { name, shape, required: false }
}

const TEXTS: Shape = List(&Text);

/// TaskError.
pub(super) const TASK_ERROR: Shape =
    Object(&[need("message", &Text), may("code", &Text), may("details", &UserObject)]);

/// SubscribeFilter.
pub(super) const FILTER: Shape = Object(&[
    may("types", &TEXTS),
    may("levels", &List(&Word(LEVELS))),
    may("includeStatus", &Bool),
    may("wrap", &Bool),
    may("seriesFormat", &Word(SERIES_FORMATS)),
    may(
        "since",
        &Object(&[may("id", &Text), may("index", &Int(-MAX_INT)), may("timestamp", &Int(-MAX_INT))]),
    ),
]);

/// RetryConfig.
pub(super) const RETRY: Shape = Object(&[
    may("retries", &Int(0)),
    may("backoff", &Word(BACKOFFS)),
    may("initialDelayMs", &Int(0)),
    may("maxDelayMs", &Int(0)),
    may("timeoutMs", &Int(1)),
]);

/// CleanupRule.
pub(super) const CLEANUP_RULE: Shape = Object(&[
    may("name", &Text),
    may("match", &Object(&[may("taskTypes", &TEXTS), may("status", &List(&Word(STATUSES)))])),
    need("trigger", &Object(&[may("afterMs", &Int(0))])),
    need("target", &Word(CLEANUP_TARGETS)),
    may(
        "eventFilter",
        &Object(&[
            may("types", &TEXTS),
            may("levels", &List(&Word(LEVELS))),
            may("olderThanMs", &Int(0)),
            may("seriesMode", &List(&Word(SERIES_MODES))),
        ]),
    ),
]);

/// cleanup.
pub(super) const CLEANUP: Shape = Object(&[need("rules", &List(&CLEANUP_RULE))]);

/// authConfig.
pub(super) const AUTH_CONFIG: Shape = Object(&[need(
    "rules",
    &List(&Object(&[
        need("match", &Object(&[need("scope", &List(&Word(SCOPES)))])),
        need("require", &Object(&[may("claims", &UserObject), may("sub", &TEXTS)])),
    ])),
)]);

/// Reads a value of this shape.
pub(super) fn read<T: DeserializeOwned>(
    raw: &RawValue,
    at: &Path<'_>,
    shape: &Shape,
) -> Result<T, BodyError> {
    let mut clean = String::with_capacity(raw.get().len());
    write(raw, at, shape, &mut clean)?;
    serde_json::from_str(&clean).map_err(|_| at.refuse("cannot be read"))
}

/// Checks a value and appends it to `out` without what its shape does not know.
fn write(raw: &RawValue, at: &Path<'_>, shape: &Shape, out: &mut String) -> Result<(), BodyError> {
    match shape {
        Bool => boolean(raw, at).map(|_| ())?,
        Text => text(raw, at).map(|_| ())?,
        Int(least) => int(raw, at, *least..=MAX_INT).map(|_| ())?,
        Word(names) => word(raw, at, names).map(|_| ())?,
        List(shape) => return write_list(raw, at, shape, out),
        Object(fields) => return write_object(raw, at, fields, out),
        UserObject => {
            out.push_str(object(raw, at)?.as_str());
            return Ok(());
        }
    }
    out.push_str(raw.get());
    Ok(())
}

fn write_list(raw: &RawValue, at: &Path<'_>, shape: &Shape, out: &mut String) -> Result<(), BodyError> {
    out.push('[');
    each(raw, at, |index, raw| {
        if index > 0 {
            out.push(',');
        }
        write(raw, &at.item(index), shape, out)
    })?;
    out.push(']');
    Ok(())
}

/// Checks the members in the order of the table and writes them in the order they were sent.
fn write_object(raw: &RawValue, at: &Path<'_>, table: &[Field], out: &mut String) -> Result<(), BodyError> {
    let fields = Fields::of(raw, at, table.iter().map(|field| field.name))?;
    let mut clean = Vec::with_capacity(table.len());
    for field in table {
        let Some((place, raw)) = fields.find(field.name).filter(|(_, raw)| raw.get() != "null") else {
            if field.required {
                return Err(at.field(field.name).refuse("is required"));
            }
            continue;
        };
        let mut member = format!("\"{}\":", field.name);
        write(raw, &at.field(field.name), field.shape, &mut member)?;
        clean.push((place, member));
    }
    clean.sort_unstable_by_key(|(place, _)| *place);
    let members: Vec<String> = clean.into_iter().map(|(_, member)| member).collect();
    out.push('{');
    out.push_str(&members.join(","));
    out.push('}');
    Ok(())
}

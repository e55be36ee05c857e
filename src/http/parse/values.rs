//! One function for each kind of value a field can have.

use std::borrow::Cow;
use std::fmt;
use std::num::IntErrorKind;
use std::ops::RangeInclusive;

use serde::de::{DeserializeOwned, Deserializer as _, Error as _, SeqAccess, Visitor};
use serde::{Deserialize as _, de::IntoDeserializer};
use serde_json::value::RawValue;
use taskcast_actors::domain::{Json, TaskId, Timestamp};

use super::path::Path;
use super::{BodyError, MAX_INT};

/// The largest `ttl` and `cost` (PROTOCOL §1).
const MAX_SMALL: i64 = i32::MAX as i64;

/// The text of a string.
pub(super) fn text<'a>(raw: &'a RawValue, at: &Path<'_>) -> Result<Cow<'a, str>, BodyError> {
    let quoted = raw.get();
    let Some(inside) = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Err(at.refuse("must be a string"));
    };
    if !inside.contains('\\') {
        return Ok(Cow::Borrowed(inside));
    }
    serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| at.refuse("must be a string"))
}

/// A string.
pub(super) fn string(raw: &RawValue, at: &Path<'_>) -> Result<String, BodyError> {
    text(raw, at).map(Cow::into_owned)
}

/// A list of strings.
pub(super) fn strings(raw: &RawValue, at: &Path<'_>) -> Result<Vec<String>, BodyError> {
    list(raw, at, string)
}

/// `true` or `false`.
pub(super) fn boolean(raw: &RawValue, at: &Path<'_>) -> Result<bool, BodyError> {
    match raw.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(at.refuse("must be a boolean")),
    }
}

/// Any value, kept as text.
pub(super) fn any(raw: &RawValue, at: &Path<'_>) -> Result<Json, BodyError> {
    Json::deserialize(raw).map_err(|_| at.refuse("must be JSON"))
}

/// An object, kept as text.
pub(super) fn object(raw: &RawValue, at: &Path<'_>) -> Result<Json, BodyError> {
    if !raw.get().starts_with('{') {
        return Err(at.refuse("must be an object"));
    }
    any(raw, at)
}

/// The integer that `digits` are, or the nearest there is; `None` when they are no integer.
pub(super) fn saturating(digits: &str) -> Option<i64> {
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match digits.parse() {
        Ok(value) => Some(value),
        Err(error) if *error.kind() == IntErrorKind::NegOverflow => Some(i64::MIN),
        Err(_) => Some(i64::MAX),
    }
}

/// An integer of `range`.
pub(super) fn int(raw: &RawValue, at: &Path<'_>, range: RangeInclusive<i64>) -> Result<i64, BodyError> {
    let value = saturating(raw.get()).ok_or_else(|| at.refuse("must be an integer"))?;
    if value < *range.start() {
        return Err(at.refuse(format_args!("must be at least {}", range.start())));
    }
    if value > *range.end() {
        return Err(at.refuse(format_args!("must be at most {}", range.end())));
    }
    Ok(value)
}

/// An integer from 0 on.
pub(super) fn natural(raw: &RawValue, at: &Path<'_>) -> Result<u64, BodyError> {
    int(raw, at, 0..=MAX_INT).map(i64::unsigned_abs)
}

/// An integer from 1 on.
pub(super) fn positive(raw: &RawValue, at: &Path<'_>) -> Result<u64, BodyError> {
    int(raw, at, 1..=MAX_INT).map(i64::unsigned_abs)
}

/// A `cost`.
pub(super) fn cost(raw: &RawValue, at: &Path<'_>) -> Result<u32, BodyError> {
    let value = int(raw, at, 1..=MAX_SMALL)?;
    u32::try_from(value).map_err(|_| at.refuse("must be an integer"))
}

/// A time to live in seconds; the text of its refusal is fixed (PROTOCOL §3).
pub(super) fn ttl(raw: &RawValue, at: &Path<'_>) -> Result<u32, BodyError> {
    match saturating(raw.get()) {
        Some(value) if value <= 0 => {
            Err(BodyError::Invalid(format!("Invalid TTL: {value}. TTL must be a positive number.")))
        }
        _ => cost(raw, at),
    }
}

/// A point in time of an archive: any finite number, cut to whole milliseconds (PROTOCOL §14).
pub(super) fn moment(raw: &RawValue, at: &Path<'_>) -> Result<Timestamp, BodyError> {
    let number = |text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite());
    let digits = raw.get();
    let value = match (digits.as_bytes().first(), saturating(digits)) {
        (_, Some(value)) => value,
        // The cast saturates, and what it cannot hold exactly is refused below.
        (Some(b'-' | b'0'..=b'9'), None) => number(digits).map_or(i64::MAX, |value| value.trunc() as i64),
        _ => return Err(at.refuse("must be a finite number")),
    };
    if !(-MAX_INT..=MAX_INT).contains(&value) {
        return Err(at.refuse("must be a finite number of milliseconds"));
    }
    Ok(Timestamp(value))
}

/// A task id.
pub(super) fn task_id(raw: &RawValue, at: &Path<'_>) -> Result<TaskId, BodyError> {
    TaskId::parse(&text(raw, at)?).map_err(|error| at.refuse(error))
}

/// Refuses what is not one of `names`.
pub(super) fn word<'a>(raw: &'a RawValue, at: &Path<'_>, names: &[&str]) -> Result<Cow<'a, str>, BodyError> {
    match text(raw, at) {
        Ok(name) if names.contains(&&*name) => Ok(name),
        _ => Err(at.refuse(format_args!("must be one of {}", names.join(", ")))),
    }
}

/// A value of the enumeration `T`, whose names are `names`.
pub(super) fn one_of<T: DeserializeOwned>(
    names: &'static [&'static str],
) -> impl Fn(&RawValue, &Path<'_>) -> Result<T, BodyError> {
    move |raw, at| {
        let name = word(raw, at, names)?;
        let name: serde::de::value::StrDeserializer<'_, serde_json::Error> = (&*name).into_deserializer();
        T::deserialize(name).map_err(|_| at.refuse("is not known"))
    }
}

/// A list, each element converted by `convert`.
pub(super) fn list<'a, T>(
    raw: &'a RawValue,
    at: &Path<'_>,
    convert: impl Fn(&'a RawValue, &Path<'_>) -> Result<T, BodyError>,
) -> Result<Vec<T>, BodyError> {
    let mut items = Vec::new();
    each(raw, at, |index, raw| {
        items.push(convert(raw, &at.item(index))?);
        Ok(())
    })?;
    Ok(items)
}

/// Shows the elements of a list to `visit` until it refuses one.
pub(super) fn each<'a>(
    raw: &'a RawValue,
    at: &Path<'_>,
    visit: impl FnMut(usize, &'a RawValue) -> Result<(), BodyError>,
) -> Result<(), BodyError> {
    let mut refusal = None;
    let elements = Elements { visit, refusal: &mut refusal };
    let done = serde_json::Deserializer::from_str(raw.get()).deserialize_seq(elements);
    match refusal {
        Some(refusal) => Err(refusal),
        None => done.map_err(|_| at.refuse("must be an array")),
    }
}

struct Elements<'r, F> {
    visit: F,
    refusal: &'r mut Option<BodyError>,
}

impl<'a, F: FnMut(usize, &'a RawValue) -> Result<(), BodyError>> Visitor<'a> for Elements<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(raw) = seq.next_element()? {
            if let Err(refusal) = (self.visit)(index, raw) {
                *self.refusal = Some(refusal);
                return Err(A::Error::custom("refused"));
            }
            index += 1;
        }
        Ok(())
    }
}

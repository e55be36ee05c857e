//! The body of `POST /tasks/:id/events` (PROTOCOL §8.1, §8.5).
//!
//! This is the busiest body of all: it is read in one pass when nothing is wrong with it (`publish`). When anything
//! is, it is read again here, field by field, to say what.

use std::sync::Arc;

use serde_json::value::RawValue;
use taskcast_actors::domain::{ClientSeq, Json, Level, NewEvent, RESERVED_PREFIX, Series};

use super::fields::Fields;
use super::path::Path;
use super::publish;
use super::values::{any, each, natural, one_of, text, word};
use super::words::{LEVELS, SEQ_MODES, SERIES_MODES};
use super::{BodyError, body_text, raw};

const FIELDS: [&str; 9] =
    ["type", "level", "data", "seriesId", "seriesMode", "seriesAccField", "clientId", "clientSeq", "seqMode"];

/// Longest `clientId`, in bytes.
pub(super) const MAX_CLIENT_ID: usize = 256;

/// How much one request may publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishLimits {
    /// The bytes of one event's data as compact JSON.
    pub event_data_bytes: usize,
    /// The events of one batch.
    pub batch_items: usize,
}

/// What a request publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// In the order of the request.
    pub events: Vec<NewEvent>,
    /// Whether they came as an array, which the answer then is too.
    pub batch: bool,
    /// Whether a gap in the client's numbering is an error at once.
    pub fast_fail: bool,
}

/// One event of a request.
pub(super) struct Item {
    /// The event.
    pub(super) event: NewEvent,
    /// Whether it is numbered and says `fast-fail`.
    pub(super) fast_fail: bool,
}

/// Reads one event or a batch.
///
/// # Errors
/// [`BodyError::Malformed`]; [`BodyError::TooLarge`] before any other fault of a field; [`BodyError::Invalid`] or
/// [`BodyError::ReservedType`] for the first field that breaks a rule.
pub fn parse(body: &[u8], limits: &PublishLimits) -> Result<Published, BodyError> {
    let text = body_text(body)?;
    match publish::fast(text, limits) {
        Some(published) => Ok(published),
        None => parse_precisely(text, limits),
    }
}

/// Reads what [`publish::fast`] would not.
pub(super) fn parse_precisely(text: &str, limits: &PublishLimits) -> Result<Published, BodyError> {
    let body = raw(text)?;
    let (mut events, mut fast_fail) = (Vec::new(), false);
    let mut take = |item: Item| {
        fast_fail |= item.fast_fail;
        events.push(item.event);
    };
    let batch = match body.get().as_bytes().first() {
        Some(b'[') => {
            let root = Path::Body.field("events");
            check_sizes(body, &root, limits)?;
            each(body, &root, |index, raw| item(raw, &root.item(index)).map(&mut take))?;
            check_sequence(&events)?;
            true
        }
        Some(b'{') => {
            check_size(body, &Path::Body, limits)?;
            take(item(body, &Path::Body)?);
            false
        }
        _ => return Err(Path::Body.refuse("must be an object or an array")),
    };
    Ok(Published { events, batch, fast_fail })
}

fn check_sizes(batch: &RawValue, root: &Path<'_>, limits: &PublishLimits) -> Result<(), BodyError> {
    let mut count = 0;
    each(batch, root, |_, _| {
        count += 1;
        Ok(())
    })?;
    if count > limits.batch_items {
        return Err(BodyError::TooLarge("Too many events in batch"));
    }
    each(batch, root, |_, raw| check_size(raw, root, limits))
}

fn check_size(item: &RawValue, at: &Path<'_>, limits: &PublishLimits) -> Result<(), BodyError> {
    let Ok(fields) = Fields::of(item, at, ["data"].into_iter()) else { return Ok(()) };
    let long = fields.raw("data").filter(|raw| raw.get().len() > limits.event_data_bytes);
    match long.map(|raw| any(raw, at)).transpose()? {
        Some(data) if data.as_str().len() > limits.event_data_bytes => {
            Err(BodyError::TooLarge("Event data too large"))
        }
        _ => Ok(()),
    }
}

fn item(raw: &RawValue, at: &Path<'_>) -> Result<Item, BodyError> {
    let fields = Fields::of(raw, at, FIELDS.into_iter())?;
    let event = NewEvent {
        event_type: fields.need("type", event_type)?,
        level: fields.get("level", one_of::<Level>(LEVELS))?.unwrap_or_default(),
        data: fields.get("data", any)?.unwrap_or_else(Json::null),
        series: series(&fields)?,
        client: client(&fields)?,
    };
    let mode = fields.get("seqMode", |raw, at| word(raw, at, SEQ_MODES))?;
    let fast_fail = event.client.is_some() && mode.as_deref() == Some("fast-fail");
    Ok(Item { event, fast_fail })
}

fn event_type(raw: &RawValue, at: &Path<'_>) -> Result<Arc<str>, BodyError> {
    let name = text(raw, at)?;
    if name.starts_with(RESERVED_PREFIX) {
        return Err(BodyError::ReservedType(name.into_owned()));
    }
    Ok((*name).into())
}

/// The series fields of an event.
pub(super) fn series(fields: &Fields<'_, '_>) -> Result<Option<Box<Series>>, BodyError> {
    let series = Series {
        id: fields.get("seriesId", |raw, at| Ok((*text(raw, at)?).into()))?,
        mode: fields.get("seriesMode", one_of(SERIES_MODES))?,
        acc_field: fields.get("seriesAccField", |raw, at| Ok((*text(raw, at)?).into()))?,
    };
    Ok((series != Series::default()).then(|| Box::new(series)))
}

/// The numbering of an event: both fields or neither.
pub(super) fn client(fields: &Fields<'_, '_>) -> Result<Option<Box<ClientSeq>>, BodyError> {
    let id = fields.get("clientId", |raw, at| {
        let id = text(raw, at)?;
        if id.is_empty() || id.len() > MAX_CLIENT_ID {
            return Err(at.refuse("must be 1 to 256 bytes"));
        }
        Ok((*id).into())
    })?;
    let at = fields.path();
    match (id, fields.get("clientSeq", natural)?) {
        (Some(id), Some(seq)) => Ok(Some(Box::new(ClientSeq { id, seq }))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(at.field("clientSeq").refuse("is required with clientId")),
        (None, Some(_)) => Err(at.field("clientId").refuse("is required with clientSeq")),
    }
}

/// The numbered events of a batch are one client's and have consecutive numbers.
pub(super) fn check_sequence(events: &[NewEvent]) -> Result<(), BodyError> {
    let root = Path::Body.field("events");
    let mut before: Option<&ClientSeq> = None;
    for (index, event) in events.iter().enumerate() {
        let Some(client) = event.client.as_deref() else { continue };
        let at = root.item(index);
        match before {
            Some(before) if before.id != client.id => {
                return Err(at.field("clientId").refuse("must be the same in the whole batch"));
            }
            Some(before) if before.seq + 1 != client.seq => {
                let next = before.seq + 1;
                return Err(at
                    .field("clientSeq")
                    .refuse(format_args!("must be consecutive; expected {next}")));
            }
            _ => before = Some(client),
        }
    }
    Ok(())
}

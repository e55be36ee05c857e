//! One pass over a publish body in which everything is as it should be.
//!
//! Whatever is not is left to [`super::events::parse_precisely`], so a `None` or an error here never decides anything.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use taskcast_actors::domain::{ClientSeq, Json, Level, NewEvent, RESERVED_PREFIX, Series, SeriesMode};

use super::MAX_INT;
use super::events::{Item, MAX_CLIENT_ID, PublishLimits, Published, check_sequence};

/// Reads `text` if nothing is wrong with it.
pub(super) fn fast(text: &str, limits: &PublishLimits) -> Option<Published> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let batch = text.trim_ascii_start().starts_with('[');
    let published = if batch {
        let published = reader.deserialize_seq(Batch(limits)).ok()?;
        check_sequence(&published.events).ok()?;
        published
    } else {
        let item = One { limits, before: None }.deserialize(&mut reader).ok()?;
        Published { events: vec![item.event], batch, fast_fail: item.fast_fail }
    };
    reader.end().ok()?;
    Some(published)
}

struct Batch<'l>(&'l PublishLimits);

impl<'de> Visitor<'de> for Batch<'_> {
    type Value = Published;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Published, A::Error> {
        let mut published = Published { events: Vec::new(), batch: true, fast_fail: false };
        loop {
            let before = published.events.last().map(|event| &event.event_type);
            let Some(item) = seq.next_element_seed(One { limits: self.0, before })? else { break };
            if published.events.len() == self.0.batch_items {
                return Err(A::Error::custom("too many"));
            }
            published.fast_fail |= item.fast_fail;
            published.events.push(item.event);
        }
        Ok(published)
    }
}

/// One event; in a batch, with the type of the one before, which it often shares.
struct One<'l> {
    limits: &'l PublishLimits,
    before: Option<&'l Arc<str>>,
}

impl<'de> DeserializeSeed<'de> for One<'_> {
    type Value = Item;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Item, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for One<'_> {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let mut sent = Sent::default();
        while let Some(key) = map.next_key()? {
            match key {
                Key::Type => sent.event_type = map.next_value()?,
                Key::Level => sent.level = map.next_value()?,
                Key::Data => sent.data = Some(map.next_value()?),
                Key::SeriesId => sent.series_id = map.next_value()?,
                Key::SeriesMode => sent.series_mode = map.next_value()?,
                Key::SeriesAccField => sent.series_acc_field = map.next_value()?,
                Key::ClientId => sent.client_id = map.next_value()?,
                Key::ClientSeq => sent.client_seq = map.next_value()?,
                Key::SeqMode => sent.seq_mode = map.next_value()?,
                Key::Unknown => map.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        sent.item(self.limits, self.before).ok_or_else(|| A::Error::custom("something is wrong"))
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Key {
    Type,
    Level,
    Data,
    SeriesId,
    SeriesMode,
    SeriesAccField,
    ClientId,
    ClientSeq,
    SeqMode,
    #[serde(other)]
    Unknown,
}

/// The fields of one event, as sent; of a repeated one the last.
#[derive(Default)]
struct Sent<'a> {
    event_type: Option<Text<'a>>,
    level: Option<Text<'a>>,
    data: Option<Json>,
    series_id: Option<Text<'a>>,
    series_mode: Option<Text<'a>>,
    series_acc_field: Option<Text<'a>>,
    client_id: Option<Text<'a>>,
    client_seq: Option<u64>,
    seq_mode: Option<Text<'a>>,
}

impl Sent<'_> {
    fn item(self, limits: &PublishLimits, before: Option<&Arc<str>>) -> Option<Item> {
        let event_type = self.event_type?.0;
        let level = self.level.map_or(Some(Level::Info), |name| Level::parse(&name.0))?;
        let data = self.data.unwrap_or_else(Json::null);
        if event_type.starts_with(RESERVED_PREFIX) || data.as_str().len() > limits.event_data_bytes {
            return None;
        }
        let fast_fail = match self.seq_mode.as_ref().map(|mode| &*mode.0) {
            None | Some("hold") => false,
            Some("fast-fail") => true,
            Some(_) => return None,
        };
        let series = series(self.series_id, self.series_mode, self.series_acc_field)?;
        let client = client(self.client_id, self.client_seq)?;
        let fast_fail = fast_fail && client.is_some();
        let event_type = match before {
            Some(before) if **before == *event_type => Arc::clone(before),
            _ => (*event_type).into(),
        };
        let event = NewEvent { event_type, level, data, series, client };
        Some(Item { event, fast_fail })
    }
}

/// The series fields; the outer `None` says that something is wrong.
fn series(
    id: Option<Text<'_>>,
    mode: Option<Text<'_>>,
    field: Option<Text<'_>>,
) -> Option<Option<Box<Series>>> {
    if id.is_none() && mode.is_none() && field.is_none() {
        return Some(None);
    }
    let mode = match mode {
        Some(name) => Some(SeriesMode::parse(&name.0)?),
        None => None,
    };
    let text = |text: Text<'_>| (*text.0).into();
    Some(Some(Box::new(Series { id: id.map(text), mode, acc_field: field.map(text) })))
}

/// The numbering; the outer `None` says that something is wrong.
fn client(id: Option<Text<'_>>, seq: Option<u64>) -> Option<Option<Box<ClientSeq>>> {
    let (id, seq) = match (id, seq) {
        (None, None) => return Some(None),
        (Some(id), Some(seq)) => (id.0, seq),
        _ => return None,
    };
    let fits = (1..=MAX_CLIENT_ID).contains(&id.len()) && seq <= MAX_INT.unsigned_abs();
    fits.then(|| Some(Box::new(ClientSeq { id: (*id).into(), seq })))
}

/// A string, borrowed when it holds no escape.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        reader.deserialize_str(Borrow)
    }
}

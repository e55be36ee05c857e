//! The known members of a JSON object as raw values.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::path::Path;
use super::{BodyError, grammar};

/// The known members of an object, in the order they were first sent. Of a repeated one the last value counts, and
/// one sent as `null` counts as absent. Others are gone: an object full of them takes no memory.
pub(super) struct Fields<'a, 'p> {
    members: Vec<(&'static str, &'a RawValue)>,
    path: &'p Path<'p>,
}

impl<'a> Fields<'a, 'static> {
    /// Reads a body that must be an object.
    pub(super) fn of_body(
        text: &'a str,
        known: impl Iterator<Item = &'static str> + Clone,
    ) -> Result<Self, BodyError> {
        if !text.trim_ascii_start().starts_with('{') {
            grammar(text)?;
            return Err(Path::Body.refuse("must be an object"));
        }
        let members = members(text, known).map_err(|_| BodyError::Malformed)?;
        Ok(Self { members, path: &Path::Body })
    }
}

impl<'a, 'p> Fields<'a, 'p> {
    /// Reads a value that must be an object.
    pub(super) fn of(
        raw: &'a RawValue,
        path: &'p Path<'p>,
        known: impl Iterator<Item = &'static str> + Clone,
    ) -> Result<Self, BodyError> {
        let members = members(raw.get(), known).map_err(|_| path.refuse("must be an object"))?;
        Ok(Self { members, path })
    }

    /// Where the object is.
    pub(super) fn path(&self) -> &'p Path<'p> {
        self.path
    }

    /// The value of `name`, even if it is `null`, and its place among the members.
    pub(super) fn find(&self, name: &str) -> Option<(usize, &'a RawValue)> {
        let place = self.members.iter().position(|(member, _)| *member == name)?;
        Some((place, self.members[place].1))
    }

    /// The value of `name` unless it is `null`.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.find(name).map(|(_, raw)| raw).filter(|raw| raw.get() != "null")
    }

    /// Converts the value of `name`, if it is there.
    pub(super) fn get<T>(
        &self,
        name: &'static str,
        convert: impl FnOnce(&'a RawValue, &Path<'_>) -> Result<T, BodyError>,
    ) -> Result<Option<T>, BodyError> {
        self.raw(name).map(|raw| convert(raw, &self.path.field(name))).transpose()
    }

    /// Converts the value of `name`, which must be there.
    pub(super) fn need<T>(
        &self,
        name: &'static str,
        convert: impl FnOnce(&'a RawValue, &Path<'_>) -> Result<T, BodyError>,
    ) -> Result<T, BodyError> {
        self.get(name, convert)?.ok_or_else(|| self.path.field(name).refuse("is required"))
    }
}

fn members<K: Iterator<Item = &'static str> + Clone>(
    text: &str,
    known: K,
) -> Result<Vec<(&'static str, &RawValue)>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Collect(known))?;
    reader.end()?;
    Ok(members)
}

/// Keeps the members with these names.
struct Collect<K>(K);

impl<'a, K: Iterator<Item = &'static str> + Clone> Visitor<'a> for Collect<K> {
    type Value = Vec<(&'static str, &'a RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Self::Value = Vec::with_capacity(8);
        while let Some(name) = map.next_key_seed(Name(self.0.clone()))? {
            let Some(name) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value()?;
            match members.iter_mut().find(|(member, _)| *member == name) {
                Some(member) => member.1 = value,
                None => members.push((name, value)),
            }
        }
        Ok(members)
    }
}

/// Recognises one of these names without copying it.
struct Name<K>(K);

impl<'a, K: Iterator<Item = &'static str>> DeserializeSeed<'a> for Name<K> {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'a>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl<K: Iterator<Item = &'static str>> Visitor<'_> for Name<K> {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(mut self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.find(|known| *known == name))
    }
}

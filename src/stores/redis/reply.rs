//! Taking answers apart.

use std::fmt::Display;
use std::str::FromStr;

use fred::types::Value;
use taskcast_actors::domain::Stamp;

use super::error::Failure;

/// The elements of an answer, one after the other.
pub(super) struct Reply(std::vec::IntoIter<Value>);

impl Reply {
    pub(super) fn of(value: Value) -> Result<Self, Failure> {
        match value {
            Value::Array(values) => Ok(Self(values.into_iter())),
            other => Err(Failure::corrupt(format!("an answer is {}", other.kind()))),
        }
    }

    /// How many elements are left.
    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    /// The next element, if it is there and has a value.
    pub(super) fn value(&mut self) -> Option<Value> {
        self.0.next().filter(|value| !value.is_null())
    }

    /// The next element, which has to be an array.
    pub(super) fn array(&mut self) -> Result<Self, Failure> {
        Self::of(self.0.next().unwrap_or(Value::Null))
    }

    /// The next element, which has to be bytes.
    pub(super) fn bytes(&mut self) -> Result<Value, Failure> {
        let value = self.value().ok_or_else(|| Failure::corrupt("a field is missing"))?;
        if value.as_bytes().is_none() { Err(Failure::corrupt("a field is no text")) } else { Ok(value) }
    }

    /// The next element, which has to be a text.
    pub(super) fn text(&mut self) -> Result<String, Failure> {
        text_of(&self.bytes()?).map(str::to_owned)
    }

    /// The next element, if it is there, which has to be a text.
    pub(super) fn optional_text(&mut self) -> Result<Option<String>, Failure> {
        self.value().map(|value| text_of(&value).map(str::to_owned)).transpose()
    }

    /// The next element, which has to say a number.
    pub(super) fn number<N: FromStr<Err: Display>>(&mut self) -> Result<N, Failure> {
        match self.value() {
            Some(Value::Integer(number)) => parse(&number.to_string()),
            Some(value) => parse(text_of(&value)?),
            None => Err(Failure::corrupt("a number is missing")),
        }
    }
}

/// An answer that is one number.
pub(super) fn integer(value: &Value) -> Result<i64, Failure> {
    match value {
        Value::Integer(number) => Ok(*number),
        other => Err(Failure::corrupt(format!("an answer is {}", other.kind()))),
    }
}

/// The text that `value` is.
pub(super) fn text_of(value: &Value) -> Result<&str, Failure> {
    let bytes = value.as_bytes().ok_or_else(|| Failure::corrupt("a field is no text"))?;
    std::str::from_utf8(bytes).map_err(Failure::corrupt)
}

pub(super) fn parse<N: FromStr<Err: Display>>(text: &str) -> Result<N, Failure> {
    text.parse().map_err(Failure::corrupt)
}

/// A stamp as it is stored.
pub(super) fn stamp_text(stamp: Stamp) -> String {
    format!("{}.{}.{}", stamp.incarnation, stamp.version, stamp.revision)
}

/// Reads [`stamp_text`].
pub(super) fn stamp_of(text: &str) -> Result<Stamp, Failure> {
    let mut parts = text.splitn(3, '.').map(parse);
    let mut part = || parts.next().unwrap_or_else(|| Err(Failure::corrupt("a stamp is too short")));
    Ok(Stamp { incarnation: part()?, version: part()?, revision: part()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_comes_back_from_its_text() {
        let stamp = Stamp { incarnation: u64::MAX, version: 1 << 32, revision: 7 };
        assert_eq!(stamp_of(&stamp_text(stamp)).unwrap(), stamp);
        for text in ["", "1", "1.2", "1.2.x", "1.2.3.4"] {
            assert!(stamp_of(text).is_err(), "{text}");
        }
    }
}

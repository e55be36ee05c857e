//! User JSON as opaque text: checked once at the door, kept byte for byte, never rebuilt as a tree.
//!
//! PROTOCOL §1 asks that user values come back with their key order and their exact numbers.
//! Keeping the (compact) text is the simplest way to promise that.

mod same;
mod scan;

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use self::scan::{Elements, Members, end_of_string};

/// Deepest nesting of arrays and objects accepted in a request (PROTOCOL §1).
pub const MAX_DEPTH: usize = 128;

/// Largest object whose keys are compared pairwise for duplicates; larger ones go through a map.
const SMALL_OBJECT: usize = 24;

/// Why a text is not acceptable JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, not UTF-8, a lone surrogate, or nested deeper than [`MAX_DEPTH`].
    #[error("malformed JSON")]
    Malformed,
    /// A string holds `\u0000`, which no store can be trusted to keep.
    #[error("strings must not contain \\u0000")]
    Nul,
}

/// A JSON value as compact text. Cloning is cheap; equality is equality of the text. It can be deserialised only from
/// text in memory, of which it is a copy.
#[derive(Clone)]
pub struct Json(Arc<str>);

impl Json {
    /// The value `null`.
    pub fn null() -> Self {
        Self::trusted("null".to_owned())
    }

    /// The value `{}`.
    pub fn empty_object() -> Self {
        Self::trusted("{}".to_owned())
    }

    /// Checks `text`, removes white space outside strings and resolves duplicate keys (the last value wins).
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        check(text.as_bytes())?;
        serde_json::from_str(text).map_err(|_| JsonError::Malformed)
    }

    /// Wraps text that is already compact, valid JSON, for instance what a store gives back.
    pub fn from_stored(text: &str) -> Result<Self, JsonError> {
        serde_json::from_str::<&RawValue>(text).map(|_| Self(text.into())).map_err(|_| JsonError::Malformed)
    }

    /// Serialises `value`.
    pub fn of(value: &impl Serialize) -> Self {
        let text = serde_json::to_string(value).expect("values of the domain serialise");
        Self::trusted(text)
    }

    fn trusted(text: String) -> Self {
        Self(text.into())
    }

    /// The compact text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value as a type of yours.
    ///
    /// ```
    /// use taskcast_actors::domain::Json;
    /// let numbers: Vec<u8> = Json::parse("[1, 2]")?.read().unwrap();
    /// assert_eq!(numbers, [1, 2]);
    /// # Ok::<(), taskcast_actors::domain::json::JsonError>(())
    /// ```
    ///
    /// # Errors
    /// When it does not fit.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }

    /// Whether the value is an object.
    pub fn is_object(&self) -> bool {
        self.as_str().starts_with('{')
    }

    /// The text of the member `name` of this object, or `None` when it is absent or this is no object.
    pub fn member(&self, name: &str) -> Option<&str> {
        Members::of(self.as_str())?.find(|(key, _)| unescaped(key) == name).map(|(_, value)| value)
    }

    /// The inside of the string literal at member `name`, still escaped, or `None` when that is no string.
    pub fn string_member(&self, name: &str) -> Option<&str> {
        self.member(name)?.strip_prefix('"')?.strip_suffix('"')
    }

    /// Whether this object has every member of `wanted` with the same value: numbers compare exactly and by value,
    /// strings by text, objects whatever the order of their members.
    ///
    /// ```
    /// use taskcast_actors::domain::Json;
    /// let claims = Json::parse(r#"{"org":{"id":7,"plan":"pro"},"sub":"a"}"#)?;
    /// assert!(claims.covers(&Json::parse(r#"{"org":{"plan":"pro","id":7.0}}"#)?));
    /// assert!(!claims.covers(&Json::parse(r#"{"org":{"id":7}}"#)?));
    /// # Ok::<(), taskcast_actors::domain::json::JsonError>(())
    /// ```
    pub fn covers(&self, wanted: &Self) -> bool {
        same::covers(&same::members(self.as_str()), &same::members(wanted.as_str()))
    }

    /// This object with the string at member `name` replaced by `escaped`, all else untouched.
    pub fn with_string_member(&self, name: &str, escaped: &str) -> Self {
        let text = self.as_str();
        let Some(old) = self.string_member(name) else {
            return self.clone();
        };
        let start = old.as_ptr() as usize - text.as_ptr() as usize;
        let mut out = String::with_capacity(text.len() - old.len() + escaped.len());
        out.push_str(&text[..start]);
        out.push_str(escaped);
        out.push_str(&text[start + old.len()..]);
        Self::trusted(out)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        Ok(Self(canonical(raw.get()).into()))
    }
}

/// Checks a whole request body: UTF-8, depth, surrogate pairs and `\u0000`.
///
/// The grammar itself is left to the parser that reads the body afterwards.
pub fn check(body: &[u8]) -> Result<&str, JsonError> {
    let text = std::str::from_utf8(body).map_err(|_| JsonError::Malformed)?;
    let bytes = text.as_bytes();
    let (mut depth, mut at, mut in_string) = (0usize, 0, false);
    while at < bytes.len() {
        match (bytes[at], in_string) {
            (b'"', _) => in_string = !in_string,
            (b'\\', true) => at += check_escape(&bytes[at..])?,
            (b'{' | b'[', false) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(JsonError::Malformed);
                }
            }
            (b'}' | b']', false) => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(text)
}

/// Length of the escape sequence at the start of `rest`, minus one.
fn check_escape(rest: &[u8]) -> Result<usize, JsonError> {
    if rest.get(1) != Some(&b'u') {
        return Ok(1);
    }
    match hex4(rest.get(2..6))? {
        0 => Err(JsonError::Nul),
        0xD800..=0xDBFF => match (rest.get(6..8), hex4(rest.get(8..12))?) {
            (Some(b"\\u"), 0xDC00..=0xDFFF) => Ok(11),
            _ => Err(JsonError::Malformed),
        },
        0xDC00..=0xDFFF => Err(JsonError::Malformed),
        _ => Ok(5),
    }
}

fn hex4(digits: Option<&[u8]>) -> Result<u32, JsonError> {
    let digits = digits.ok_or(JsonError::Malformed)?;
    digits.iter().try_fold(0u32, |value, digit| {
        let digit = char::from(*digit).to_digit(16).ok_or(JsonError::Malformed)?;
        Ok(value << 4 | digit)
    })
}

/// Valid JSON without white space outside strings and without duplicate keys; all else as it was.
fn canonical(text: &str) -> Cow<'_, str> {
    let compact = compacted(text);
    if keys_are_unique(&compact) {
        return compact;
    }
    let mut unique = String::with_capacity(compact.len());
    write_unique(&compact, &mut unique);
    Cow::Owned(unique)
}

fn compacted(text: &str) -> Cow<'_, str> {
    let is_space = |byte: u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
    let bytes = text.as_bytes();
    let (mut at, mut kept_to, mut out) = (0, 0, String::new());
    while at < bytes.len() {
        if bytes[at] == b'"' {
            at = end_of_string(bytes, at);
        } else if is_space(bytes[at]) {
            out.push_str(&text[kept_to..at]);
            kept_to = at + 1;
        }
        at += 1;
    }
    if kept_to == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept_to..]);
    Cow::Owned(out)
}

fn keys_are_unique(value: &str) -> bool {
    match value.as_bytes().first() {
        Some(b'{') => {
            let members: Vec<_> = Members::of(value).into_iter().flatten().collect();
            let unique =
                if members.len() <= SMALL_OBJECT && members.iter().all(|(key, _)| !key.contains('\\')) {
                    (1..members.len()).all(|i| members[..i].iter().all(|m| m.0 != members[i].0))
                } else {
                    let keys: HashSet<_> = members.iter().map(|(key, _)| unescaped(key)).collect();
                    keys.len() == members.len()
                };
            unique && members.iter().all(|(_, value)| keys_are_unique(value))
        }
        Some(b'[') => Elements::of(value).all(keys_are_unique),
        _ => true,
    }
}

/// Writes the compact `value` with the last value of each key at the place of its first.
fn write_unique(value: &str, out: &mut String) {
    match value.as_bytes().first() {
        Some(b'{') => {
            let mut places: HashMap<_, usize> = HashMap::new();
            let mut members: Vec<(&str, &str)> = Vec::new();
            for (key, value) in Members::of(value).into_iter().flatten() {
                match places.entry(unescaped(key)) {
                    Entry::Occupied(place) => members[*place.get()].1 = value,
                    Entry::Vacant(place) => {
                        place.insert(members.len());
                        members.push((key, value));
                    }
                }
            }
            out.push('{');
            for (position, (key, value)) in members.iter().enumerate() {
                out.push_str(if position > 0 { ",\"" } else { "\"" });
                out.push_str(key);
                out.push_str("\":");
                write_unique(value, out);
            }
            out.push('}');
        }
        Some(b'[') => {
            out.push('[');
            for (position, element) in Elements::of(value).enumerate() {
                out.push_str(if position > 0 { "," } else { "" });
                write_unique(element, out);
            }
            out.push(']');
        }
        _ => out.push_str(value),
    }
}

fn unescaped(raw_key: &str) -> Cow<'_, str> {
    if !raw_key.contains('\\') {
        return Cow::Borrowed(raw_key);
    }
    let unescaped = serde_json::from_str::<String>(&format!("\"{raw_key}\""));
    unescaped.map_or(Cow::Borrowed(raw_key), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_key_order_and_empty_values_are_kept() {
        let text =
            r#"{"z":12345678901234567,"a":0.1234567890123456789,"n":null,"e":[],"o":{},"s":"\u00e9\n"}"#;
        assert_eq!(Json::parse(text).unwrap().as_str(), text);
    }

    #[test]
    fn white_space_goes_and_the_last_duplicate_key_wins() {
        let json = Json::parse("{ \"a\" : 1,\n\"b\":\"x y\" , \"a\": 2.50 }").unwrap();
        assert_eq!(json.as_str(), r#"{"a":2.50,"b":"x y"}"#);
        let nested = Json::parse(r#"[{"a":{"k":1,"k":2}}]"#).unwrap();
        assert_eq!(nested.as_str(), r#"[{"a":{"k":2}}]"#);
        let escaped = Json::parse(r#"{"a":1,"\u0061":2}"#).unwrap();
        assert_eq!(escaped.as_str(), r#"{"a":2}"#);
    }

    #[test]
    fn keys_that_mean_something_to_a_parser_are_user_data_like_all_others() {
        let magic = "{ \"$serde_json::private::Number\" : \"5\" }";
        assert_eq!(Json::parse(magic).unwrap().as_str(), r#"{"$serde_json::private::Number":"5"}"#);
        let many: Vec<_> = (0..40).map(|n| format!("\"k{n}\":{n}")).collect();
        let object = format!("{{{}}}", many.join(","));
        assert_eq!(Json::parse(&object).unwrap().as_str(), object);
    }

    #[test]
    fn hostile_text_is_refused() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(Json::parse(&deep(128)).is_ok());
        assert_eq!(Json::parse(&deep(129)), Err(JsonError::Malformed));
        assert_eq!(Json::parse(r#""\u0000""#), Err(JsonError::Nul));
        assert_eq!(Json::parse(r#"{"\u0000":1}"#), Err(JsonError::Nul));
        for lone in [r#""\ud800""#, r#""\ud800\u0041""#, r#""\udc00""#, r#""\ud8"#] {
            assert_eq!(Json::parse(lone), Err(JsonError::Malformed), "{lone}");
        }
        assert!(Json::parse(r#""\ud83d\ude00 \\u0000""#).is_ok());
        assert_eq!(check(b"\"\xff\""), Err(JsonError::Malformed));
    }

    #[test]
    fn a_string_member_is_found_and_replaced_in_place() {
        let json = Json::parse(r#"{"x":{"delta":"no"},"delta":"a\"b","y":1}"#).unwrap();
        assert_eq!(json.string_member("delta"), Some(r#"a\"b"#));
        assert_eq!(json.string_member("y"), None);
        assert_eq!(
            json.with_string_member("delta", "new").as_str(),
            r#"{"x":{"delta":"no"},"delta":"new","y":1}"#
        );
    }
}

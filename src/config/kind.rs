//! What a key may hold: the check of a value, and the reading of text as one.

use std::net::IpAddr;

use serde_json::Value;

use super::rate_limit::network;

/// What a key may hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// `true` or `false`.
    Bool,
    /// An integer from the first to the second number.
    Int(u64, u64),
    /// A number from 0 to 1.
    Fraction,
    /// Any text but an empty one.
    Text,
    /// Where Sentry takes reports.
    SentryDsn,
    /// One of these words.
    Word(&'static [&'static str]),
    /// An IPv4 or IPv6 address.
    Address,
    /// One of these words, or a list of them.
    WordOrWords(&'static [&'static str]),
    /// A list of non-empty texts.
    Texts,
    /// A non-empty text, or a list of them.
    TextOrTexts,
    /// A list of IP addresses and networks.
    Networks,
    /// An IP address, or a network of them such as `10.0.0.0/8`.
    Network,
    /// The scheme, host and port of a web page.
    Origin,
    /// `"*"`, `false`, or a list of web origins.
    Origins,
    /// A list of maps, whose keys are in the schema as `path[].key`.
    Maps,
    /// Anything; for sections that are refused as a whole.
    Free,
}

impl Kind {
    /// Whether `value` is allowed here. The maps of [`Kind::Maps`] are checked by their own keys.
    pub(super) fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Free, _) | (Self::Bool, Value::Bool(_)) | (Self::Origins, Value::Bool(false)) => true,
            (Self::Int(least, most), Value::Number(number)) => {
                number.as_u64().is_some_and(|n| (least..=most).contains(&n))
            }
            (Self::Fraction, Value::Number(number)) => {
                number.as_f64().is_some_and(|n| (0.0..=1.0).contains(&n))
            }
            (_, Value::String(text)) => self.accepts_text(text),
            (Self::Maps, Value::Array(items)) => items.iter().all(Value::is_object),
            (_, Value::Array(items)) => {
                self.item().is_some_and(|kind| items.iter().all(|item| kind.accepts(item)))
            }
            _ => false,
        }
    }

    fn accepts_text(self, text: &str) -> bool {
        match self {
            Self::Text | Self::TextOrTexts => !text.is_empty(),
            Self::Word(words) | Self::WordOrWords(words) => words.contains(&text),
            Self::SentryDsn => text.parse::<sentry::types::Dsn>().is_ok(),
            Self::Network => network(text).is_some(),
            Self::Address => text.parse::<IpAddr>().is_ok(),
            Self::Origin => is_origin(text),
            Self::Origins => text == "*",
            _ => false,
        }
    }

    /// What the items may be where a list of scalars is allowed.
    pub(super) fn item(self) -> Option<Self> {
        match self {
            Self::Texts | Self::TextOrTexts => Some(Self::Text),
            Self::WordOrWords(words) => Some(Self::Word(words)),
            Self::Networks => Some(Self::Network),
            Self::Origins => Some(Self::Origin),
            _ => None,
        }
    }

    /// Reads a variable's text as this kind; text that is not one stays text, for [`Kind::accepts`] to refuse.
    pub(super) fn read(self, text: &str) -> Value {
        let scalar = match self {
            Self::Bool => flag(text).map(Value::Bool),
            Self::Int(..) => digits(text).map(Value::from),
            Self::Origins if text == "false" => Some(Value::Bool(false)),
            _ => None,
        };
        scalar.unwrap_or_else(|| Value::String(text.to_owned()))
    }

    /// What is allowed here, to follow "expected".
    pub(super) fn expected(self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Int(least, most) => format!("an integer from {least} to {most}"),
            Self::Fraction => "a number from 0 to 1".to_owned(),
            Self::Text => "a non-empty string".to_owned(),
            Self::SentryDsn => "a Sentry DSN such as https://key@host/project".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Address => "an IP address".to_owned(),
            Self::WordOrWords(words) => format!("one of {}, or a list of them", words.join(", ")),
            Self::Texts => "a list of non-empty strings".to_owned(),
            Self::TextOrTexts => "a non-empty string or a list of them".to_owned(),
            Self::Network => "an IP address or a network such as 10.0.0.0/8".to_owned(),
            Self::Networks => "a list of IP addresses and networks".to_owned(),
            Self::Origin => "an origin such as https://app.example".to_owned(),
            Self::Origins => "\"*\", false or a list of origins".to_owned(),
            Self::Maps => "a list of maps".to_owned(),
            Self::Free => "anything".to_owned(),
        }
    }
}

/// What kind of value was found, to follow "found". The value itself may be a secret and is never shown.
pub(super) fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_u64() => "an integer",
        Value::Number(number) if number.is_i64() => "a negative integer",
        Value::Number(_) => "a number that does not fit",
        Value::String(text) if text.is_empty() => "an empty string",
        Value::String(_) => "text that does not fit",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn digits(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn is_origin(text: &str) -> bool {
    let scheme_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let host_letter = |byte: u8| byte.is_ascii_graphic() && !b"/?#@*\\".contains(&byte);
    text.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty()
            && scheme.bytes().all(scheme_letter)
            && !host.is_empty()
            && host.bytes().all(host_letter)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_accepts_its_own_and_refuses_the_rest() {
        let port = Kind::Int(1, 10);
        let table = [
            (Kind::Bool, json!(true), true),
            (Kind::Bool, json!("true"), false),
            (Kind::Bool, json!(1), false),
            (port, json!(1), true),
            (port, json!(10), true),
            (port, json!(0), false),
            (port, json!(11), false),
            (port, json!(-1), false),
            (port, json!(1.5), false),
            (port, json!("5"), false),
            (Kind::Fraction, json!(0), true),
            (Kind::Fraction, json!(0.5), true),
            (Kind::Fraction, json!(1.01), false),
            (Kind::Fraction, json!("0.5"), false),
            (Kind::SentryDsn, json!("https://key@host/1"), true),
            (Kind::SentryDsn, json!("https://host/1"), false),
            (Kind::Text, json!("a"), true),
            (Kind::Text, json!(""), false),
            (Kind::Text, json!(5), false),
            (Kind::Word(&["a", "b"]), json!("b"), true),
            (Kind::Word(&["a", "b"]), json!("B"), false),
            (Kind::WordOrWords(&["a", "b"]), json!("a"), true),
            (Kind::WordOrWords(&["a", "b"]), json!(["a", "b"]), true),
            (Kind::WordOrWords(&["a", "b"]), json!(["a", "c"]), false),
            (Kind::WordOrWords(&["a", "b"]), json!("c"), false),
            (Kind::Address, json!("::1"), true),
            (Kind::Address, json!("localhost"), false),
            (Kind::Texts, json!(["a", "b"]), true),
            (Kind::Texts, json!("a"), false),
            (Kind::Texts, json!(["a", 1]), false),
            (Kind::TextOrTexts, json!("a"), true),
            (Kind::TextOrTexts, json!(["a"]), true),
            (Kind::TextOrTexts, json!({}), false),
            (Kind::Maps, json!([{}]), true),
            (Kind::Maps, json!([1]), false),
            (Kind::Maps, json!({}), false),
            (Kind::Free, json!(null), true),
        ];
        for (kind, value, accepted) in table {
            assert_eq!(kind.accepts(&value), accepted, "{kind:?} {value}");
        }
    }

    #[test]
    fn origins_are_a_star_or_false_or_a_list_without_paths() {
        let table = [
            (json!("*"), true),
            (json!(false), true),
            (json!(true), false),
            (json!("https://a.example"), false),
            (json!([]), true),
            (json!(["https://a.example", "http://localhost:3000"]), true),
            (json!(["https://a.example/"]), false),
            (json!(["a.example"]), false),
            (json!(["*"]), false),
            (json!(["https://"]), false),
        ];
        for (value, accepted) in table {
            assert_eq!(Kind::Origins.accepts(&value), accepted, "{value}");
        }
    }

    #[test]
    fn text_is_read_as_the_kind_of_its_key() {
        let table = [
            (Kind::Bool, "1", json!(true)),
            (Kind::Bool, "false", json!(false)),
            (Kind::Bool, "yes", json!("yes")),
            (Kind::Int(0, 9), "7", json!(7)),
            (Kind::Int(0, 9), "+7", json!("+7")),
            (Kind::Int(0, 9), "", json!("")),
            (Kind::Int(0, 9), "99999999999999999999999", json!("99999999999999999999999")),
            (Kind::Text, "7", json!("7")),
            (Kind::Origins, "false", json!(false)),
        ];
        for (kind, text, value) in table {
            assert_eq!(kind.read(text), value, "{kind:?} {text}");
        }
    }
}

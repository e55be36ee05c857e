//! Equality of values by what they mean, however they are written.

use std::borrow::Cow;
use std::collections::HashMap;

use super::scan::{Elements, Members};
use super::unescaped;

/// Whether two compact values are the same: members in any order, numbers by their exact value, strings by their text.
pub(super) fn same(left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    match (left.as_bytes().first(), right.as_bytes().first()) {
        (Some(b'{'), Some(b'{')) => {
            let (left, right) = (members(left), members(right));
            left.len() == right.len() && covers(&left, &right)
        }
        (Some(b'['), Some(b'[')) => {
            let (mut left, mut right) = (Elements::of(left), Elements::of(right));
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return true,
                    (Some(left), Some(right)) if same(left, right) => {}
                    _ => return false,
                }
            }
        }
        (Some(b'"'), Some(b'"')) => string(left) == string(right),
        (Some(b'-' | b'0'..=b'9'), Some(b'-' | b'0'..=b'9')) => {
            Decimal::of(left).is_some_and(|number| Some(number) == Decimal::of(right))
        }
        _ => false,
    }
}

/// The members of a compact object by their unescaped names; nothing when it is none.
pub(super) fn members(object: &str) -> HashMap<Cow<'_, str>, &str> {
    Members::of(object).into_iter().flatten().map(|(key, value)| (unescaped(key), value)).collect()
}

/// Whether each of the `wanted` members is there, with the same value.
pub(super) fn covers(members: &HashMap<Cow<'_, str>, &str>, wanted: &HashMap<Cow<'_, str>, &str>) -> bool {
    wanted.iter().all(|(key, value)| members.get(key).is_some_and(|found| same(found, value)))
}

fn string(literal: &str) -> Cow<'_, str> {
    let inside = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    unescaped(inside.unwrap_or_default())
}

/// A number as `digits` · 10^`exponent`, the digits without zeros at either end.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// The value of a JSON number, or `None` when its exponent is beyond all measure.
    fn of(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let kept = all.trim_end_matches('0');
        let digits = kept.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        let length = |text: &str| i64::try_from(text.len()).ok();
        let cut = length(&all)?.checked_sub(length(kept)?)?.checked_sub(length(fraction)?)?;
        let exponent = exponent.strip_prefix('+').unwrap_or(exponent).parse::<i64>().ok()?;
        Some(Self { negative, digits, exponent: exponent.checked_add(cut)? })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Json;

    fn same(left: &str, right: &str) -> bool {
        let parse = |text| Json::parse(text).unwrap();
        let (one, other) = (parse(left), parse(right));
        let said = super::same(one.as_str(), other.as_str());
        assert_eq!(super::same(other.as_str(), one.as_str()), said, "{left} {right}");
        said
    }

    #[test]
    fn values_are_the_same_however_they_are_written() {
        let table = [
            ("1", "1.0"),
            ("1", "10e-1"),
            ("100", "1E+2"),
            ("0", "-0.000e7"),
            ("-12.5", "-1.250e1"),
            ("12345678901234567890", "1.2345678901234567890e19"),
            (r#""a/é""#, r#""\u0061\/\u00e9""#),
            (r#""\"""#, r#""\u0022""#),
            (r#"{"a":1,"b":[{"c":null}]}"#, r#"{ "b" : [ {"\u0063":null} ], "a" : 1.0 }"#),
            ("[]", "[ ]"),
            ("{}", "{ }"),
            ("1e99999999999999999999", "1e99999999999999999999"),
        ];
        for (left, right) in table {
            assert!(same(left, right), "{left} {right}");
        }
    }

    #[test]
    fn values_that_differ_in_anything_are_not_the_same() {
        let table = [
            ("1", "2"),
            ("1", "-1"),
            ("1", "10"),
            ("1", "0.1"),
            ("9007199254740993", "9007199254740992"),
            ("0.1", "0.1000000000000000055511151231257827"),
            ("1", r#""1""#),
            ("1", "true"),
            ("0", "false"),
            ("0", "null"),
            ("null", "{}"),
            ("[]", "{}"),
            ("[1,2]", "[2,1]"),
            ("[1]", "[1,1]"),
            (r#"{"a":1}"#, r#"{"a":1,"b":1}"#),
            (r#"{"a":1,"b":1}"#, r#"{"a":1,"c":1}"#),
            (r#""a""#, r#""A""#),
            (r#""é""#, r#""e\u0301""#),
            (r#"{"$serde_json::private::Number":"5"}"#, "5"),
            ("1e99999999999999999999", "1e99999999999999999998"),
        ];
        for (left, right) in table {
            assert!(!same(left, right), "{left} {right}");
        }
    }

    #[test]
    fn an_object_covers_what_it_has_with_the_same_value() {
        let object = Json::parse(r#"{"org":{"id":7,"roles":["a"]},"n":null}"#).unwrap();
        let table = [
            ("{}", true),
            (r#"{"org":{"roles":["a"],"id":7.0}}"#, true),
            (r#"{"n":null}"#, true),
            (r#"{"org":{"id":7}}"#, false),
            (r#"{"missing":null}"#, false),
            (r#"{"n":0}"#, false),
        ];
        for (wanted, covered) in table {
            assert_eq!(object.covers(&Json::parse(wanted).unwrap()), covered, "{wanted}");
        }
        let list = Json::parse("[]").unwrap();
        assert!(list.covers(&Json::empty_object()) && !list.covers(&object));
    }
}

//! Properties over arbitrary input.

use proptest::collection::vec;
use proptest::prelude::*;
use taskcast_actors::domain::Json;

use super::super::query::{GlobalQuery, HistoryQuery, ListQuery, StreamQuery};
use super::super::{BodyError, archive, cleanup_rules, resolve, task, transition};
use super::{events, is_json, outcomes};

/// Names that mean something somewhere, so that arbitrary trees reach every rule.
const NAMES: [&str; 24] = [
    "id",
    "type",
    "params",
    "ttl",
    "tags",
    "webhooks",
    "url",
    "filter",
    "since",
    "retry",
    "cleanup",
    "rules",
    "match",
    "trigger",
    "target",
    "authConfig",
    "scope",
    "require",
    "data",
    "archive",
    "task",
    "events",
    "schema",
    "clientSeq",
];

fn literal() -> impl Strategy<Value = String> {
    let words = vec![
        "null",
        "true",
        "0",
        "-1",
        "1.0",
        "1e400",
        "9007199254740992",
        "\"\"",
        "\"info\"",
        "\"latest\"",
        "\"http://a\"",
        "\"all\"",
        "\"\\u0000\"",
        "\"\\ud83d\\ude00\"",
    ];
    prop_oneof![
        2 => prop::sample::select(words).prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => "[^\"\\\\\\p{Cc}]{0,8}".prop_map(|text| format!("\"{text}\"")),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
        1 => "[a-z]{0,3}",
    ]
}

/// The text of an arbitrary JSON value.
fn tree() -> impl Strategy<Value = String> {
    literal().prop_recursive(6, 64, 6, |inner| {
        let members = vec((name(), inner.clone()), 0..6).prop_map(|members| {
            let members: Vec<String> = members.into_iter().map(|(k, v)| format!("\"{k}\" :{v}")).collect();
            format!("{{{}}}", members.join(", "))
        });
        prop_oneof![vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(","))), members]
    })
}

/// The text of an arbitrary compact object without repeated keys.
fn user_object() -> impl Strategy<Value = String> {
    let number =
        prop_oneof!["-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", "true|false|null"];
    let text = "([ !#-\\[\\]-~é😀]|\\\\[nrtbf\"/\\\\]|\\\\u00[2-9a-f][0-9a-f]){0,12}"
        .prop_map(|t| format!("\"{t}\""));
    let value = prop_oneof![number, text].prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            object(inner)
        ]
    });
    object(value)
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    vec(value, 0..5).prop_map(|values| {
        let members = values.iter().enumerate().map(|(i, value)| format!("\"k {}\":{value}", 9 - i));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    })
}

fn fields(known: &'static [(&'static str, &'static [&'static str])]) -> impl Strategy<Value = String> {
    vec((prop::sample::select(known), any::<prop::sample::Index>()), 0..9).prop_map(|fields| {
        let members =
            fields.iter().map(|((name, values), index)| format!("\"{name}\":{}", index.get(values)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    })
}

/// Events that are mostly right.
fn event() -> impl Strategy<Value = String> {
    fields(&[
        ("type", &["\"a\"", "\"a\"", "\"a\"", "\"\\u0061\"", "\"taskcast:a\"", "1"]),
        ("type", &["\"a\""]),
        ("level", &["\"info\"", "\"error\"", "null", "\"loud\"", "{\"info\":null}"]),
        ("data", &["null", "{\"a\": 1}", "\"0123456789012345678901\"", "[]"]),
        ("seriesId", &["\"\"", "\"s\"", "null", "0"]),
        ("seriesMode", &["\"latest\"", "\"keep-all\"", "\"x\""]),
        ("seriesAccField", &["\"f\"", "null", "[]"]),
        ("clientId", &["\"c\"", "\"c\"", "\"\""]),
        ("clientSeq", &["0", "1", "2", "-0", "1.0", "9007199254740992"]),
        ("seqMode", &["\"hold\"", "\"fast-fail\"", "\"x\""]),
    ])
}

fn text(json: Option<Json>) -> String {
    json.unwrap().as_str().to_owned()
}

proptest! {
    #[test]
    fn no_bytes_make_a_body_panic(bytes in vec(any::<u8>(), 0..64)) {
        outcomes(&bytes);
        let _ = (task::preview(&bytes), archive::preview(&bytes));
    }

    #[test]
    fn no_cut_or_bent_tree_makes_a_body_panic(text in tree(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        outcomes(&bytes);
        outcomes(&bytes[..at]);
    }

    #[test]
    fn a_tree_is_malformed_for_nobody(text in tree()) {
        prop_assert!(is_json(&text));
        for error in outcomes(text.as_bytes()).into_iter().flatten() {
            prop_assert_ne!(error, BodyError::Malformed);
        }
        let _ = events::both(text.as_bytes());
        prop_assert!(task::preview(text.as_bytes()).is_ok() && archive::preview(text.as_bytes()).is_ok());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let _ = cleanup_rules(&[value]);
    }

    #[test]
    fn both_ways_of_reading_events_agree(items in vec(event(), 0..5)) {
        for item in &items {
            let _ = events::both(item.as_bytes());
        }
        let _ = events::both(format!("[{}]", items.join(" , ")).as_bytes());
    }

    #[test]
    fn no_query_string_panics(query in ".*", header in proptest::option::of(".*")) {
        let _ = (HistoryQuery::parse(&query), StreamQuery::parse(&query, header.as_deref()));
        let _ = (GlobalQuery::parse(&query), ListQuery::parse(&query));
    }

    #[test]
    fn no_value_of_a_parameter_panics(name in "since\\.(id|index|timestamp)|limit|types|levels|order|cursor", value in ".*") {
        let query = format!("{name}={value}");
        let _ = (HistoryQuery::parse(&query), StreamQuery::parse(&query, None));
        let _ = (GlobalQuery::parse(&query), ListQuery::parse(&query));
    }

    #[test]
    fn user_values_come_back_byte_for_byte(value in user_object()) {
        let body = format!("{{ \"params\" : {value} , \"metadata\":{value}}}");
        let task = task::parse(body.as_bytes()).unwrap();
        prop_assert_eq!(text(task.params), &*value);
        prop_assert_eq!(text(task.metadata), &*value);

        let error = format!("{{\"message\":\"m\",\"x\":1,\"details\": {value} }}");
        let request = format!("{{\"type\":\"t\",\"data\":{value}}}");
        let body = format!("{{\"status\":\"blocked\",\"result\":{value},\"error\":{error},\"blockedRequest\":{request}}}");
        let wish = transition::parse(body.as_bytes()).unwrap();
        prop_assert_eq!(text(wish.result), &*value);
        prop_assert_eq!(text(wish.error.unwrap().details), &*value);
        prop_assert_eq!(text(wish.blocked_request.unwrap().data), &*value);

        let answer = resolve::parse(format!("{{\"data\":[{value}]}}").as_bytes()).unwrap().unwrap();
        prop_assert_eq!(answer.as_str(), format!("[{value}]"));
    }

    #[test]
    fn user_values_of_events_and_rules_come_back_byte_for_byte(value in user_object()) {
        let limits = super::super::events::PublishLimits { event_data_bytes: 1 << 20, batch_items: 2 };
        let body = format!("[{{\"type\":\"a\",\"data\":{value}}},{{\"data\": {value} ,\"type\":\"\\u0061\"}}]");
        let published = super::super::events::parse(body.as_bytes(), &limits).unwrap();
        prop_assert!(published.events.iter().all(|event| event.data.as_str() == value && &*event.event_type == "a"));

        let rules = format!("{{\"rules\":[{{\"match\":{{\"scope\":[]}},\"require\":{{\"claims\":{value}}}}}]}}");
        let task = task::parse(format!("{{\"authConfig\":{rules}}}").as_bytes()).unwrap();
        prop_assert_eq!(text(task.auth_config), rules);
    }
}

//! `POST /tasks/:id/events`.

use taskcast_actors::domain::{Level, NewEvent, SeriesMode};

use super::super::BodyError;
use super::super::events::{PublishLimits, Published, parse, parse_precisely};
use super::super::publish::fast;
use super::check;

pub(super) const LIMITS: PublishLimits = PublishLimits { event_data_bytes: 20, batch_items: 3 };

/// Reads `body` both ways, which must not differ.
pub(super) fn both(body: &[u8]) -> Result<Published, BodyError> {
    let outcome = parse(body, &LIMITS);
    if let Ok(text) = super::super::body_text(body) {
        assert_eq!(parse_precisely(text, &LIMITS), outcome);
    }
    outcome
}

fn published(body: &str) -> Published {
    both(body.as_bytes()).unwrap()
}

fn one(body: &str) -> NewEvent {
    let Published { mut events, batch, .. } = published(body);
    assert!(!batch && events.len() == 1);
    events.remove(0)
}

#[test]
fn all_fields_of_an_event_arrive() {
    let event =
        one(r#"{"type":"a\n","level":"warn","data":{"z": 1.0,"a":[]},"seriesId":"s","seriesMode":"keep-all",
        "seriesAccField":"f","clientId":"c","clientSeq":0,"x":{"y":1}}"#);
    assert_eq!(
        (&*event.event_type, event.level, event.data.as_str()),
        ("a\n", Level::Warn, r#"{"z":1.0,"a":[]}"#)
    );
    let series = event.series.unwrap();
    assert_eq!(series.id.as_deref(), Some("s"));
    assert_eq!((series.mode, series.acc_field.as_deref()), (Some(SeriesMode::KeepAll), Some("f")));
    let client = event.client.unwrap();
    assert_eq!((&*client.id, client.seq), ("c", 0));
}

#[test]
fn missing_and_null_fields_have_their_defaults() {
    let plain = one(r#"{"type":""}"#);
    assert_eq!((plain.level, plain.data.as_str()), (Level::Info, "null"));
    assert!(plain.series.is_none() && plain.client.is_none());
    let nulls = r#"{"type":"","level":null,"data":null,"seriesId":null,"seriesMode":null,"seriesAccField":null,
        "clientId":null,"clientSeq":null,"seqMode":null}"#;
    assert_eq!(one(nulls), plain);
    assert_eq!(one(r#"{"type":1,"type":"","data":5,"data":null}"#), plain);
}

#[test]
fn good_bodies_take_the_fast_way() {
    let good = [
        r#"{"type":"a","data":{"b":"c"},"seriesId":"s","seriesMode":"accumulate"}"#,
        r#" { "type" : "a\"b" , "level" : "error", "unknown": [1] } "#,
        r#"[{"type":"a","clientId":"c","clientSeq":1,"seqMode":"hold"},{"type":"b"}]"#,
        "[]",
    ];
    for body in good {
        assert!(fast(body, &LIMITS).is_some(), "{body}");
        both(body.as_bytes()).unwrap();
    }
}

#[test]
fn events_follow_their_rules() {
    check(
        both,
        ("", ""),
        &[
            ("{}", "type is required"),
            (r#"{"type":null}"#, "type is required"),
            (r#"{"type":5,"level":"x"}"#, "type must be a string"),
            (r#"[["a"]]"#, "events[0] must be an object"),
            (r#"[{"type":"a"},{"level":"info"}]"#, "events[1].type is required"),
            (r#"[{"type":"a"},{"type":"a","level":"loud"}]"#, "events[1].level must be one of debug, info"),
        ],
    );
    let long = format!(r#""clientSeq":1,"clientId":"{}""#, "é".repeat(129));
    let fits = format!(r#""clientSeq":1,"clientId":"{}""#, "é".repeat(128));
    let cases = [
        (r#""level":"INFO""#, "level must be one of debug, info, warn, error"),
        (r#""level":{"info":null}"#, "level must be one of"),
        (r#""seriesId":1"#, "seriesId must be a string"),
        (r#""seriesId":"""#, ""),
        (r#""seriesMode":"all""#, "seriesMode must be one of keep-all, accumulate, latest"),
        (r#""seriesAccField":{}"#, "seriesAccField must be a string"),
        (r#""clientId":"c""#, "clientSeq is required with clientId"),
        (r#""clientSeq":1"#, "clientId is required with clientSeq"),
        (r#""clientId":"","clientSeq":1"#, "clientId must be 1 to 256 bytes"),
        (long.as_str(), "clientId must be 1 to 256 bytes"),
        (fits.as_str(), ""),
        (r#""clientId":5,"clientSeq":1"#, "clientId must be a string"),
        (r#""clientId":"c","clientSeq":-1"#, "clientSeq must be at least 0"),
        (r#""clientId":"c","clientSeq":-0"#, ""),
        (r#""clientId":"c","clientSeq":1.0"#, "clientSeq must be an integer"),
        (r#""clientId":"c","clientSeq":"1""#, "clientSeq must be an integer"),
        (r#""clientId":"c","clientSeq":9007199254740991"#, ""),
        (r#""clientId":"c","clientSeq":9007199254740992"#, "clientSeq must be at most 9007199254740991"),
        (r#""seqMode":"wait""#, "seqMode must be one of hold, fast-fail"),
        (r#""seqMode":1"#, "seqMode must be one of"),
    ];
    check(both, (r#"{"type":"t","#, "}"), &cases);
}

#[test]
fn reserved_types_have_their_own_error() {
    for body in [r#"{"type":"taskcast:x","level":1}"#, r#"[{"type":"a"},{"type":"t\u0061skcast:x"}]"#] {
        let error = both(body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "Event type is reserved: taskcast:x");
        assert_eq!((error.code(), error.status()), ("reserved_event_type", 400));
    }
    assert!(both(br#"{"type":"taskcast"}"#).is_ok());
}

#[test]
fn too_much_data_and_too_many_events_come_before_other_faults() {
    let long = "x".repeat(18);
    let fits = format!(r#"{{"type":"a","data":   "{long}"}}"#);
    assert_eq!(one(&fits).data.as_str().len(), LIMITS.event_data_bytes);
    let spaced = r#"{"type":"a","data":[                      1                   ]}"#;
    assert_eq!(one(spaced).data.as_str(), "[1]");
    let too_long = format!(r#"{{"type":5,"data":"{long}x"}}"#);
    let in_batch = format!(r#"[{{"level":1}},{too_long}]"#);
    let item = r#"{"type":5}"#;
    let too_many = format!("[{item},{item},{item},{too_long}]");
    let cases = [
        (&too_long, "Event data too large"),
        (&in_batch, "Event data too large"),
        (&too_many, "Too many events in batch"),
    ];
    for (body, text) in cases {
        let error = both(body.as_bytes()).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.code(), error.status()), (text, "too_large", 413));
    }
    assert_eq!(both(format!("{too_many},").as_bytes()), Err(BodyError::Malformed));
}

#[test]
fn a_batch_keeps_its_order_and_may_be_empty() {
    let Published { events, batch, fast_fail } = published(r#"[{"type":"b"},{"type":"a"},{"type":"c"}]"#);
    let types: Vec<&str> = events.iter().map(|event| &*event.event_type).collect();
    assert_eq!((types, batch, fast_fail), (vec!["b", "a", "c"], true, false));
    assert_eq!(published(" [ ] "), Published { events: vec![], batch: true, fast_fail: false });
}

#[test]
fn numbered_items_of_a_batch_are_consecutive_and_one_clients() {
    let item = |client: &str, seq: u64| format!(r#"{{"type":"a","clientId":"{client}","clientSeq":{seq}}}"#);
    let plain = r#"{"type":"a"}"#.to_owned();
    let cases = [
        ([item("c", 4), plain.clone(), item("c", 5)], ""),
        ([item("c", 4), item("c", 5), item("c", 6)], ""),
        ([item("c", 4), item("d", 5), plain.clone()], "events[1].clientId must be the same"),
        ([item("c", 4), item("c", 4), plain.clone()], "events[1].clientSeq must be consecutive; expected 5"),
        ([item("c", 4), plain.clone(), item("c", 6)], "events[2].clientSeq must be consecutive; expected 5"),
        ([item("c", 4), item("c", 3), plain], "events[1].clientSeq must be consecutive; expected 5"),
    ];
    for (items, expected) in cases {
        check(both, ("[", "]"), &[(&items.join(","), expected)]);
    }
}

#[test]
fn a_batch_fails_fast_if_any_numbered_item_says_so() {
    let cases = [
        (r#"{"type":"a","clientId":"c","clientSeq":1,"seqMode":"fast-fail"}"#, true),
        (r#"{"type":"a","clientId":"c","clientSeq":1,"seqMode":"hold"}"#, false),
        (r#"{"type":"a","seqMode":"fast-fail"}"#, false),
    ];
    for (item, expected) in cases {
        assert_eq!(published(item).fast_fail, expected, "{item}");
        let batch = format!(r#"[{{"type":"a","clientId":"c","clientSeq":0}},{item}]"#);
        assert_eq!(published(&batch).fast_fail, expected, "{batch}");
        let batch = format!(r#"[{item},{{"type":"a","clientId":"c","clientSeq":2}}]"#);
        assert_eq!(published(&batch).fast_fail, expected, "{batch}");
    }
}

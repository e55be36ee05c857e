//! Every rule as a table, and properties over arbitrary input.

mod archive;
mod events;
mod properties;
mod query;
mod task;
mod transition;

use serde_json::value::RawValue;

use super::BodyError;

/// What one field of a body leads to: the start of the text of the refusal, or `""` when it is accepted.
type Case<'a> = (&'a str, &'a str);

/// Wraps each case into `before` and `after` and compares the outcomes.
fn check<T: std::fmt::Debug>(
    parse: impl Fn(&[u8]) -> Result<T, BodyError>,
    (before, after): (&str, &str),
    cases: &[Case<'_>],
) {
    for (field, expected) in cases {
        let body = format!("{before}{field}{after}");
        match (parse(body.as_bytes()), *expected) {
            (Ok(_), "") => {}
            (Err(error), expected) if !expected.is_empty() => {
                assert!(error.to_string().starts_with(expected), "{field}: {error}");
                assert_eq!((error.code(), error.status()), ("invalid_body", 400), "{field}");
            }
            (outcome, _) => panic!("{field}: {outcome:?}"),
        }
    }
}

/// Whether `text` is JSON.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

#[test]
fn what_is_no_json_is_malformed_in_every_body() {
    let deep = |n: usize| format!("{{\"data\":{}{}}}", "[".repeat(n), "]".repeat(n));
    let bodies: [&[u8]; 16] = [
        b"",
        b" ",
        b"{",
        b"{}}",
        b"{} {}",
        b"[1",
        b"nul",
        b"'a'",
        b"{\"a\":1,}",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\\ud800\"}",
        b"{\"a\":\"\\u0000\"",
        b"{\"a\":\"\n\"}",
        b"{\"data\":\"\\x\"}",
        b"\xef\xbb\xbf{}",
        b"{\"data\":01}",
    ];
    let too_deep = deep(128);
    for body in bodies.into_iter().chain([too_deep.as_bytes()]) {
        for error in outcomes(body).into_iter().map(Option::unwrap) {
            assert_eq!(error, BodyError::Malformed, "{}", String::from_utf8_lossy(body));
            assert_eq!(error.to_string(), "Malformed JSON in request body");
            assert_eq!((error.code(), error.status()), ("invalid_body", 400));
        }
    }
    assert!(super::resolve::parse(deep(127).as_bytes()).is_ok());
}

#[test]
fn bodies_that_are_no_object_and_zero_characters_are_refused() {
    for body in ["null", "1", "\"a\"", "true"] {
        for error in outcomes(body.as_bytes()).into_iter().map(Option::unwrap) {
            assert!(error.to_string().starts_with("request body must be an object"), "{body}: {error}");
        }
    }
    for body in [r#"{"x":"a\u0000b"}"#, r#"{"\u0000":1}"#, r#"{"data":{"a":["\u0000"]}}"#] {
        for error in outcomes(body.as_bytes()).into_iter().map(Option::unwrap) {
            assert_eq!(error.to_string(), "strings must not contain \\u0000", "{body}");
            assert_eq!(error.code(), "invalid_body");
        }
    }
}

/// What every parse function of a body says.
fn outcomes(body: &[u8]) -> [Option<BodyError>; 5] {
    [
        super::task::parse(body).err(),
        super::transition::parse(body).err(),
        super::resolve::parse(body).err(),
        super::events::parse(body, &events::LIMITS).err(),
        super::archive::parse(body).err(),
    ]
}

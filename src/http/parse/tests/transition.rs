//! `PATCH /tasks/:id/status` and `POST /tasks/:id/resolve`.

use taskcast_actors::domain::{TaskStatus, Transition};

use super::super::{resolve, transition};
use super::check;

#[test]
fn all_fields_of_a_transition_arrive() {
    let body = r#"{"status":"blocked","result":{"a":[]},"reason":"r","ttl":1,"resumeAfterMs":9007199254740991,
        "error":{"message":"m","code":"c","details":{"z":0.10,"a":1},"x":1},
        "blockedRequest":{"type":"t","data":[1, 2],"y":2},"z":3}"#;
    let wish = transition::parse(body.as_bytes()).unwrap();
    assert_eq!(wish.to, TaskStatus::Blocked);
    assert_eq!(wish.result.unwrap().as_str(), r#"{"a":[]}"#);
    assert_eq!((wish.reason.as_deref(), wish.ttl), (Some("r"), Some(1)));
    assert_eq!(wish.resume_after_ms, Some(9_007_199_254_740_991));
    let error = wish.error.unwrap();
    assert_eq!((error.message.as_str(), error.code.as_deref()), ("m", Some("c")));
    assert_eq!(error.details.unwrap().as_str(), r#"{"z":0.10,"a":1}"#);
    let request = wish.blocked_request.unwrap();
    assert_eq!((request.request_type.as_str(), request.data.unwrap().as_str()), ("t", "[1,2]"));
    let plain = transition::parse(br#"{"status":"running","result":null,"error":null}"#).unwrap();
    assert_eq!(plain, Transition::to(TaskStatus::Running));
}

#[test]
fn transitions_follow_their_rules() {
    check(
        transition::parse,
        ("", ""),
        &[
            ("{}", "status is required"),
            (r#"{"status":null}"#, "status is required"),
            (r#"{"status":"done"}"#, "status must be one of pending, assigned"),
            (r#"{"status":1,"ttl":0}"#, "status must be one of"),
        ],
    );
    let cases = [
        (r#""result":[]"#, "result must be an object"),
        (r#""error":"e""#, "error must be an object"),
        (r#""error":["m"]"#, "error must be an object"),
        (r#""error":{}"#, "error.message is required"),
        (r#""error":{"message":1}"#, "error.message must be a string"),
        (r#""error":{"message":"m","code":1}"#, "error.code must be a string"),
        (r#""error":{"message":"m","code":null,"details":null}"#, ""),
        (r#""error":{"message":"m","details":[]}"#, "error.details must be an object"),
        (r#""reason":1"#, "reason must be a string"),
        (r#""ttl":-1"#, "Invalid TTL: -1. TTL must be a positive number."),
        (r#""resumeAfterMs":0"#, "resumeAfterMs must be at least 1"),
        (r#""resumeAfterMs":1.0"#, "resumeAfterMs must be an integer"),
        (r#""resumeAfterMs":9007199254740992"#, "resumeAfterMs must be at most 9007199254740991"),
        (r#""blockedRequest":1"#, "blockedRequest must be an object"),
        (r#""blockedRequest":{"data":1}"#, "blockedRequest.type is required"),
        (r#""blockedRequest":{"type":1}"#, "blockedRequest.type must be a string"),
    ];
    check(transition::parse, (r#"{"status":"paused","#, "}"), &cases);
}

#[test]
fn the_data_of_a_blocked_request_may_be_null_or_absent() {
    let data = |request: &str| {
        let body = format!(r#"{{"status":"blocked","blockedRequest":{request}}}"#);
        transition::parse(body.as_bytes()).unwrap().blocked_request.unwrap().data
    };
    assert_eq!(data(r#"{"type":"t"}"#), None);
    assert_eq!(data(r#"{"type":"t","data":null}"#).unwrap().as_str(), "null");
}

#[test]
fn a_resolution_is_any_value() {
    let data = |body: &str| resolve::parse(body.as_bytes()).unwrap().map(|data| data.as_str().to_owned());
    assert_eq!(data("{}"), None);
    assert_eq!(data(r#"{"data":null,"x":1}"#), None);
    assert_eq!(data(r#"{"data":[1.0,{ }]}"#).as_deref(), Some("[1.0,{}]"));
    check(resolve::parse, ("", ""), &[("[]", "request body must be an object"), ("{}", "")]);
}

//! `POST /tasks`, and the configuration's cleanup rules.

use serde_json::json;
use taskcast_actors::domain::retention::CleanupTarget;
use taskcast_actors::domain::{AssignMode, DisconnectPolicy, NewTask};

use super::super::task::{Preview, parse, preview};
use super::super::{BodyError, cleanup_rules};
use super::check;

fn parsed(body: &str) -> NewTask {
    parse(body.as_bytes()).unwrap()
}

#[test]
fn everything_is_optional_and_null_is_absent() {
    assert_eq!(parsed(" {} "), NewTask::default());
    let names = ["id", "type", "params", "metadata", "ttl", "tags", "assignMode", "cost"];
    let more = ["disconnectPolicy", "webhooks", "cleanup", "authConfig", "status", "x"];
    let members: Vec<String> = names.iter().chain(&more).map(|name| format!("\"{name}\":null")).collect();
    assert_eq!(parsed(&format!("{{{}}}", members.join(","))), NewTask::default());
}

#[test]
fn all_fields_arrive() {
    let task = parsed(
        r#"{"id":"a b","type":"t\u00e9","params":{"z":1.0,"a":12345678901234567},"metadata":{},"ttl":5,
        "tags":["x",""],"assignMode":"ws-race","cost":2147483647,"disconnectPolicy":"mark","status":7}"#,
    );
    assert_eq!(task.id.unwrap().as_str(), "a b");
    assert_eq!(task.task_type.as_deref(), Some("té"));
    assert_eq!(task.params.unwrap().as_str(), r#"{"z":1.0,"a":12345678901234567}"#);
    assert_eq!(task.metadata.unwrap().as_str(), "{}");
    assert_eq!((task.ttl, task.cost), (Some(5), Some(i32::MAX as u32)));
    assert_eq!(task.tags.unwrap(), ["x", ""]);
    assert_eq!(task.assign_mode, Some(AssignMode::WsRace));
    assert_eq!(task.disconnect_policy, Some(DisconnectPolicy::Mark));
}

#[test]
fn of_a_repeated_key_the_last_value_counts() {
    assert_eq!(parsed(r#"{"ttl":0,"ttl":7,"\u0074tl":9}"#).ttl, Some(9));
    assert_eq!(parsed(r#"{"ttl":7,"ttl":null}"#).ttl, None);
    assert_eq!(parsed(r#"{"params":{"a":1,"a":2}}"#).params.unwrap().as_str(), r#"{"a":2}"#);
    let hook = r#"{"webhooks":[{"url":1,"wrap":true,"url":"http://a"}]}"#;
    assert_eq!(parsed(hook).webhooks.unwrap()[0].url, "http://a");
}

#[test]
fn the_first_offending_field_is_named_whatever_the_order_of_the_body() {
    for body in [r#"{"tags":1,"type":2,"x":3}"#, r#"{"type":2,"tags":1}"#] {
        assert_eq!(parse(body.as_bytes()).unwrap_err().to_string(), "type must be a string");
    }
}

#[test]
fn plain_fields_follow_their_rules() {
    let long = format!(r#""id":"{}""#, "é".repeat(129));
    let fits = format!(r#""id":"{}""#, "é".repeat(128));
    let cases = [
        (long.as_str(), "id must be 1 to 256 bytes"),
        (fits.as_str(), ""),
        (r#""id":"""#, "id must be"),
        (r#""id":"a/b""#, "id must be"),
        (r#""id":".""#, "id must be"),
        (r#""id":"..""#, "id must be"),
        (r#""id":"...""#, ""),
        (r#""id":"a\u0085""#, "id must be"),
        (r#""id":"a\n""#, "id must be"),
        (r#""id":"\ud83d\ude00""#, ""),
        (r#""id":5"#, "id must be a string"),
        (r#""type":"""#, ""),
        (r#""type":{}"#, "type must be a string"),
        (r#""params":[]"#, "params must be an object"),
        (r#""metadata":"{}""#, "metadata must be an object"),
        (r#""tags":"a""#, "tags must be an array"),
        (r#""tags":{}"#, "tags must be an array"),
        (r#""tags":["a",1]"#, "tags[1] must be a string"),
        (r#""tags":[null]"#, "tags[0] must be a string"),
        (r#""tags":[]"#, ""),
        (r#""assignMode":"push""#, "assignMode must be one of external, pull, ws-offer, ws-race"),
        (r#""assignMode":"Pull""#, "assignMode must be one of"),
        (r#""assignMode":{"pull":null}"#, "assignMode must be one of"),
        (r#""disconnectPolicy":"""#, "disconnectPolicy must be one of reassign, mark, fail"),
        (r#""cost":0"#, "cost must be at least 1"),
        (r#""cost":1.0"#, "cost must be an integer"),
        (r#""cost":1e0"#, "cost must be an integer"),
        (r#""cost":"1""#, "cost must be an integer"),
        (r#""cost":2147483648"#, "cost must be at most 2147483647"),
        (r#""ttl":2147483647"#, ""),
        (r#""ttl":2147483648"#, "ttl must be at most 2147483647"),
        (r#""ttl":99999999999999999999999"#, "ttl must be at most 2147483647"),
        (r#""ttl":0"#, "Invalid TTL: 0. TTL must be a positive number."),
        (r#""ttl":-0"#, "Invalid TTL: 0. TTL must be a positive number."),
        (r#""ttl":-7"#, "Invalid TTL: -7. TTL must be a positive number."),
        (r#""ttl":1.5"#, "ttl must be an integer"),
        (r#""ttl":true"#, "ttl must be an integer"),
    ];
    check(parse, ("{", "}"), &cases);
}

#[test]
fn webhooks_follow_their_rules() {
    let url = r#""url":"https://a.example/x?y=1""#;
    let with = |rest: &str| format!("{url},{rest}");
    let cases = [
        (url.to_owned(), ""),
        (r#""url":"http://localhost:1""#.to_owned(), ""),
        (r#""url":"ftp://a""#.to_owned(), "webhooks[0].url must be an http or https URL"),
        (r#""url":"/a""#.to_owned(), "webhooks[0].url must be an http or https URL"),
        (r#""url":"http://""#.to_owned(), "webhooks[0].url must be an http or https URL"),
        (r#""url":null"#.to_owned(), "webhooks[0].url is required"),
        (r#""wrap":true"#.to_owned(), "webhooks[0].url is required"),
        (r#""url":["http://a"]"#.to_owned(), "webhooks[0].url must be a string"),
        (with(r#""wrap":0"#), "webhooks[0].wrap must be a boolean"),
        (with(r#""secret":1"#), "webhooks[0].secret must be a string"),
        (with(r#""secret":"whsec""#), ""),
        (with(r#""secret":"whsec_QUJD""#), ""),
        (with(r#""secret":"whsec_QUI=""#), ""),
        (with(r#""secret":"whsec_QUI""#), "webhooks[0].secret must be valid base64"),
        (with(r#""secret":"whsec_""#), "webhooks[0].secret must be valid base64"),
        (with(r#""secret":"whsec_a b=""#), "webhooks[0].secret must be valid base64"),
        (with(r#""filter":[]"#), "webhooks[0].filter must be an object"),
        (with(r#""filter":{"types":"a"}"#), "webhooks[0].filter.types must be an array"),
        (with(r#""filter":{"types":[1]}"#), "webhooks[0].filter.types[0] must be a string"),
        (with(r#""filter":{"levels":["info","loud"]}"#), "webhooks[0].filter.levels[1] must be one of debug"),
        (with(r#""filter":{"includeStatus":"no"}"#), "webhooks[0].filter.includeStatus must be a boolean"),
        (with(r#""filter":{"wrap":1}"#), "webhooks[0].filter.wrap must be a boolean"),
        (with(r#""filter":{"seriesFormat":"x"}"#), "webhooks[0].filter.seriesFormat must be one of delta"),
        (with(r#""filter":{"since":{"index":-1,"id":"a","timestamp":0}}"#), ""),
        (with(r#""filter":{"since":{"index":0.5}}"#), "webhooks[0].filter.since.index must be an integer"),
        (with(r#""retry":{"retries":-1}"#), "webhooks[0].retry.retries must be at least 0"),
        (with(r#""retry":{"backoff":"none"}"#), "webhooks[0].retry.backoff must be one of fixed"),
        (with(r#""retry":{"initialDelayMs":1.0}"#), "webhooks[0].retry.initialDelayMs must be an integer"),
        (with(r#""retry":{"maxDelayMs":9007199254740992}"#), "webhooks[0].retry.maxDelayMs must be at most"),
        (with(r#""retry":{"maxDelayMs":9007199254740991}"#), ""),
        (with(r#""retry":{"timeoutMs":0}"#), "webhooks[0].retry.timeoutMs must be at least 1"),
    ];
    let cases: Vec<_> = cases.iter().map(|(field, expected)| (field.as_str(), *expected)).collect();
    check(parse, ("{\"webhooks\":[{", "}]}"), &cases);
    let lists = [("{}", "webhooks must be an array"), ("[1]", "webhooks[0] must be an object"), ("[]", "")];
    check(parse, ("{\"webhooks\":", "}"), &lists);
    let second = r#"{"webhooks":[{"url":"http://a"},{"url":"x"}]}"#;
    let error = parse(second.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "webhooks[1].url must be an http or https URL");
}

#[test]
fn webhooks_keep_what_was_sent_without_unknown_and_null_fields() {
    let task = parsed(
        r#"{"webhooks":[{"secret":"s","x":1,"url":"http://A","retry":{"timeoutMs":5,"y":2,"retries":0},
        "filter":{"since":{"z":1,"index":-1}, "wrap":null, "types":[], "q":{}}, "wrap":false}]}"#,
    );
    let hook = &task.webhooks.unwrap()[0];
    assert_eq!((hook.url.as_str(), hook.wrap), ("http://A", Some(false)));
    assert_eq!(hook.secret.as_ref().unwrap().0, "s");
    assert_eq!(hook.filter.as_ref().unwrap().as_str(), r#"{"since":{"index":-1},"types":[]}"#);
    assert_eq!(hook.retry.as_ref().unwrap().as_str(), r#"{"timeoutMs":5,"retries":0}"#);
}

#[test]
fn cleanup_rules_follow_their_rules() {
    let due = r#""trigger":{},"target":"all""#;
    let with = |rest: &str| format!("{due},{rest}");
    let cases = [
        (due.to_owned(), ""),
        (r#""target":"all""#.to_owned(), "cleanup.rules[0].trigger is required"),
        (r#""trigger":{}"#.to_owned(), "cleanup.rules[0].target is required"),
        (r#""trigger":5,"target":"all""#.to_owned(), "cleanup.rules[0].trigger must be an object"),
        (
            r#""trigger":{},"target":"log""#.to_owned(),
            "cleanup.rules[0].target must be one of all, events, task",
        ),
        (
            r#""trigger":{"afterMs":-1},"target":"all""#.to_owned(),
            "cleanup.rules[0].trigger.afterMs must be at",
        ),
        (with(r#""name":1"#), "cleanup.rules[0].name must be a string"),
        (with(r#""match":[]"#), "cleanup.rules[0].match must be an object"),
        (with(r#""match":{"taskTypes":[null]}"#), "cleanup.rules[0].match.taskTypes[0] must be a string"),
        (with(r#""match":{"status":["done"]}"#), "cleanup.rules[0].match.status[0] must be one of pending"),
        (with(r#""eventFilter":{"types":{}}"#), "cleanup.rules[0].eventFilter.types must be an array"),
        (with(r#""eventFilter":{"levels":[""]}"#), "cleanup.rules[0].eventFilter.levels[0] must be one of"),
        (with(r#""eventFilter":{"olderThanMs":-5}"#), "cleanup.rules[0].eventFilter.olderThanMs must be at"),
        (
            with(r#""eventFilter":{"seriesMode":"latest"}"#),
            "cleanup.rules[0].eventFilter.seriesMode must be an",
        ),
        (
            with(r#""eventFilter":{"seriesMode":["last"]}"#),
            "cleanup.rules[0].eventFilter.seriesMode[0] must be",
        ),
    ];
    let cases: Vec<_> = cases.iter().map(|(field, expected)| (field.as_str(), *expected)).collect();
    check(parse, (r#"{"cleanup":{"rules":[{"#, "}]}}"), &cases);
    let whole = [
        ("{}", "cleanup.rules is required"),
        ("[]", "cleanup must be an object"),
        (r#"{"rules":{}}"#, "cleanup.rules must be an array"),
        (r#"{"rules":[]}"#, ""),
    ];
    check(parse, ("{\"cleanup\":", "}"), &whole);
}

#[test]
fn the_configuration_has_the_same_cleanup_rules_as_a_task() {
    let rule = json!({"name": "n", "match": {"taskTypes": ["llm.*"], "status": ["failed"], "x": 1},
        "trigger": {"afterMs": 5}, "target": "events", "y": null,
        "eventFilter": {"types": ["a"], "levels": ["debug"], "olderThanMs": 0, "seriesMode": ["latest"]}});
    let body = json!({"cleanup": {"rules": [rule]}}).to_string();
    let configured = cleanup_rules(std::slice::from_ref(&rule)).unwrap();
    assert_eq!(parsed(&body).cleanup.unwrap().rules, configured);
    assert_eq!((configured[0].trigger.after_ms, configured[0].target), (Some(5), CleanupTarget::Events));
    let error = cleanup_rules(&[rule, json!({"trigger": {}})]).unwrap_err();
    assert_eq!(error, BodyError::Invalid("cleanup.rules[1].target is required".to_owned()));
}

#[test]
fn auth_configs_follow_their_rules() {
    let cases = [
        ("{}", "authConfig.rules is required"),
        (r#"{"rules":[]}"#, ""),
        (r#"{"rules":[{"require":{}}]}"#, "authConfig.rules[0].match is required"),
        (r#"{"rules":[{"match":{"scope":[]}}]}"#, "authConfig.rules[0].require is required"),
        (r#"{"rules":[{"match":{},"require":{}}]}"#, "authConfig.rules[0].match.scope is required"),
        (
            r#"{"rules":[{"match":{"scope":"*"},"require":{}}]}"#,
            "authConfig.rules[0].match.scope must be an array",
        ),
        (r#"{"rules":[{"match":{"scope":["*"]},"require":{}}]}"#, ""),
        (
            r#"{"rules":[{"match":{"scope":["task:signal","task:eat"]},"require":{}}]}"#,
            "authConfig.rules[0].match.scope[1] must be one of task:create",
        ),
        (
            r#"{"rules":[{"match":{"scope":["*"]},"require":{"claims":[]}}]}"#,
            "authConfig.rules[0].require.claims must be an object",
        ),
        (
            r#"{"rules":[{"match":{"scope":["*"]},"require":{"sub":"a"}}]}"#,
            "authConfig.rules[0].require.sub must be an array",
        ),
    ];
    check(parse, ("{\"authConfig\":", "}"), &cases);
}

#[test]
fn an_auth_config_is_kept_as_sent_without_unknown_fields() {
    let body = r#"{"authConfig": {"x":1, "rules":[{"y":[], "require":{"sub":["a"], "claims":{"z":1.0, "a":null}},
        "match":{"q":2,"scope":["event:publish"]}}]}}"#;
    let expected = concat!(
        r#"{"rules":[{"require":{"sub":["a"],"claims":{"z":1.0,"a":null}},"#,
        r#""match":{"scope":["event:publish"]}}]}"#
    );
    assert_eq!(parsed(body).auth_config.unwrap().as_str(), expected);
}

#[test]
fn a_preview_needs_json_and_nothing_else() {
    let seen = |body: &str| preview(body.as_bytes()).unwrap();
    let of = |id: Option<&str>, has_webhooks| Preview {
        id: id.map(str::to_owned),
        has_webhooks,
        ..Preview::default()
    };
    assert_eq!(seen(r#"{"id":"a/b","ttl":0,"webhooks":[{}]}"#), of(Some("a/b"), true));
    assert_eq!(seen(r#"{"id":5,"webhooks":[ ]}"#), of(None, false));
    assert_eq!(seen(r#"{"id":"\u0061","x":"\u0000","webhooks":7}"#), of(Some("a"), true));
    assert_eq!(seen(r#"{"webhooks":null}"#), of(None, false));
    assert_eq!(seen("[1]"), of(None, false));
    for body in ["", "{", r#"{"id":"a"}}"#, r#"{"id":"\ud800"}"#, r#"{"id":"\u0000""#] {
        assert_eq!(preview(body.as_bytes()), Err(BodyError::Malformed), "{body}");
    }
}

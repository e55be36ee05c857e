//! `POST /tasks/:id/events`.

use serde_json::{Value, json};

use crate::support::sse::each;
use crate::support::{Server, Setup, Store, Wire};

on_each_store!(
    an_event_comes_back_as_it_was_stored,
    user_json_keeps_every_byte,
    a_batch_is_all_or_nothing,
    a_bad_event_is_refused_and_names_the_field,
    reserved_types_are_refused,
    what_is_too_large_is_refused,
    a_body_may_come_in_chunks_and_slowly,
    a_publisher_that_hangs_up_stores_nothing,
);
with_each_store!(limits_can_be_set);

async fn an_event_comes_back_as_it_was_stored(server: Server) {
    server.create("t").await;
    let answer = server.post("/tasks/t/events", r#"{"type":"","x":1}"#).await;
    let event = answer.ok(201);
    let (id, at) = (event["id"].as_str().expect("an id"), &event["timestamp"]);
    assert_eq!(id.len(), 26);
    let exact = format!(
        r#"{{"id":"{id}","taskId":"t","index":0,"timestamp":{at},"type":"","level":"info","data":null}}"#
    );
    assert_eq!(answer.text(), exact);
    let body = r#"{"type":"a","level":"debug","data":[],"seriesId":"s","seriesMode":"accumulate",
        "seriesAccField":"f","clientId":"c","clientSeq":0,"seqMode":"fast-fail"}"#;
    let event = server.publish("t", body).await;
    let mut sent: Value = serde_json::from_str(body).expect("JSON");
    sent.as_object_mut().expect("an object").remove("seqMode");
    for (name, value) in sent.as_object().expect("an object") {
        assert_eq!(event[name], *value, "{name}");
    }
    assert_eq!(event.as_object().map(serde_json::Map::len), Some(12));
    let odd =
        r#"{"type":"a","data":null,"seriesId":"","seriesMode":"latest","level":null,"seriesAccField":null}"#;
    let event = server.publish("t", odd).await;
    assert_eq!((&event["seriesId"], &event["seriesMode"]), (&json!(""), &json!("latest")));
    assert_eq!(server.history("t", "").await.len(), 3);
}

async fn user_json_keeps_every_byte(server: Server) {
    server.create("t").await;
    let values = [
        r#"{"z":1,"a":{"y":[],"b":{}},"m":null}"#,
        "12345678901234567",
        "0.1234567890123456789",
        "-0",
        "1E+400",
        r#""ü😀\"\\\u001f""#,
        "[[[]],{},\"\"]",
        "true",
    ];
    for value in values {
        let answer = server.post("/tasks/t/events", &format!(r#"{{"type":"a","data":{value}}}"#)).await;
        assert!(answer.text().ends_with(&format!(r#""data":{value}}}"#)), "{}", answer.text());
    }
    let history = server.get("/tasks/t/events/history").await;
    for value in values {
        assert!(history.text().contains(&format!(r#""data":{value}}}"#)), "{value}");
    }
    let twice = server.post("/tasks/t/events", r#"{"type":"a","type":"b","data":{"k":1,"k":2}}"#).await;
    let event = twice.ok(201);
    assert_eq!((&event["type"], &event["data"]), (&json!("b"), &json!({"k": 2})));
}

async fn a_batch_is_all_or_nothing(server: Server) {
    server.create("t").await;
    let events = server.publish("t", r#"[{"type":"a"},{"type":"b","data":1},{"type":"a"}]"#).await;
    let events = events.as_array().expect("a batch answers with a list");
    assert_eq!(each(events, "type"), ["a", "b", "a"]);
    assert_eq!(each(events, "index"), [0, 1, 2]);
    assert_eq!(server.publish("t", "[]").await, json!([]));
    let one = server.publish("t", r#"[{"type":"c"}]"#).await;
    assert_eq!(one[0]["index"], 3);
    for (bad, named) in [(r#"{"level":"info"}"#, "events[1].type"), ("1", "events[1]"), ("[]", "events[1]")] {
        let body = format!(r#"[{{"type":"x"}},{bad},{{"type":"x"}}]"#);
        server.post("/tasks/t/events", &body).await.refused_with(400, "invalid_body", named);
    }
    assert_eq!(server.history("t", "").await.len(), 4);
    let many: Vec<_> = (0..1000).map(|number| format!(r#"{{"type":"n","data":{number}}}"#)).collect();
    let stored = server.publish("t", &format!("[{}]", many.join(","))).await;
    let stored = stored.as_array().expect("a list");
    assert!(
        stored.iter().zip(4..).all(|(event, index)| event["index"] == index && event["data"] == index - 4)
    );
    assert_eq!(server.history("t", "").await.len(), 1004);
}

async fn a_bad_event_is_refused_and_names_the_field(server: Server) {
    server.create("t").await;
    let refused = [
        ("{}", "type"),
        (r#"{"type":null}"#, "type"),
        (r#"{"type":1}"#, "type"),
        (r#"{"type":"a","level":"loud"}"#, "level"),
        (r#"{"type":"a","seriesId":1}"#, "seriesId"),
        (r#"{"type":"a","seriesMode":"sum"}"#, "seriesMode"),
        (r#"{"type":"a","seriesAccField":{}}"#, "seriesAccField"),
        (r#"{"type":"a","clientId":"c"}"#, "clientSeq"),
        (r#"{"type":"a","clientSeq":1}"#, "clientId"),
        (r#"{"type":"a","clientId":"","clientSeq":1}"#, "clientId"),
        (r#"{"type":"a","clientId":"c","clientSeq":-1}"#, "clientSeq"),
        (r#"{"type":"a","clientId":"c","clientSeq":1.0}"#, "clientSeq"),
        (r#"{"type":"a","clientId":"c","clientSeq":9007199254740992}"#, "clientSeq"),
        (r#"{"type":"a","seqMode":"later"}"#, "seqMode"),
        (r#"{"type":"a","data":"\u0000"}"#, "\\u0000"),
        (r#""text""#, "object"),
        ("1", "object"),
    ];
    for (body, named) in refused {
        server.post("/tasks/t/events", body).await.refused_with(400, "invalid_body", named);
        server.post("/tasks/none/events", body).await.refused_with(400, "invalid_body", named);
    }
    assert_eq!(server.history("t", "").await, Vec::<Value>::new());
}

async fn reserved_types_are_refused(server: Server) {
    server.create("t").await;
    for name in ["taskcast:", "taskcast:status", "taskcast:mine"] {
        let text = format!("Event type is reserved: {name}");
        for body in [format!(r#"{{"type":"{name}"}}"#), format!(r#"[{{"type":"a"}},{{"type":"{name}"}}]"#)] {
            server.post("/tasks/t/events", &body).await.refused(400, "reserved_event_type", &text);
        }
    }
    assert_eq!(server.publish("t", r#"{"type":"taskcast"}"#).await["index"], 0);
}

async fn what_is_too_large_is_refused(server: Server) {
    server.create("t").await;
    let event = |bytes: usize| format!(r#"{{"type":"a","data":"{}"}}"#, "x".repeat(bytes - 2));
    let stored = server.post("/tasks/t/events", &event(1 << 20)).await;
    assert_eq!(stored.status, 201);
    let large = server.post("/tasks/t/events", &event((1 << 20) + 1)).await;
    large.refused(413, "too_large", "Event data too large");
    let spaced = format!(r#"{{"type":"a","data":[{}1]}}"#, " ".repeat(2 << 20));
    assert_eq!(server.post("/tasks/t/events", &spaced).await.status, 201, "only compact JSON counts");
    let many = format!("[{}]", vec![r#"{"type":"a"}"#; 1001].join(","));
    server.post("/tasks/t/events", &many).await.refused(413, "too_large", "Too many events in batch");
    let body = format!(r#"{{"id":"large","params":{{"x":"{}"}}}}"#, "x".repeat(9 << 20));
    for (method, path) in [("POST", "/tasks"), ("POST", "/tasks/t/events"), ("PATCH", "/tasks/t/status")] {
        let answer = server.call(method, path, &[], body.as_bytes()).await;
        answer.refused(413, "too_large", "Request body too large");
    }
    let import = server.post("/tasks/import", &body).await;
    import.refused(400, "invalid_body", "archive is required");
    let mut wire = Wire::connect(server.address).await;
    let promised = b"POST /tasks HTTP/1.1\r\nhost: t\r\ncontent-length: 99999999999\r\n\r\n";
    wire.send(promised).await.expect("the server reads");
    wire.answer(false).await.expect("an answer").refused(413, "too_large", "Request body too large");
    assert_eq!(server.history("t", "").await.len(), 2);
}

async fn a_body_may_come_in_chunks_and_slowly(server: Server) {
    server.create("t").await;
    let mut wire = Wire::connect(server.address).await;
    let head = "POST /tasks/t/events HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n";
    for piece in [head, "8\r\n{\"type\":\r\n", "5\r\n\"abc\"\r\n", "1\r\n}\r\n", "0\r\n\r\n"] {
        for byte in piece.as_bytes() {
            wire.send(&[*byte]).await.expect("the server reads");
        }
    }
    assert_eq!(wire.answer(false).await.expect("an answer").ok(201)["type"], "abc");
    let expect = [("expect", "100-continue")];
    let answer = wire.call("POST", "/tasks/t/events", &expect, br#"{"type":"b"}"#).await;
    assert_eq!(answer.expect("an answer").ok(201)["index"], 1);
    let mut both = Vec::new();
    for name in ["c", "d"] {
        let body = format!(r#"{{"type":"{name}"}}"#);
        both.extend(crate::support::client::request("POST", "/tasks/t/events", &[], body.as_bytes()));
    }
    wire.send(&both).await.expect("the server reads");
    for index in 2..4 {
        assert_eq!(wire.answer(false).await.expect("an answer").ok(201)["index"], index);
    }
}

async fn a_publisher_that_hangs_up_stores_nothing(server: Server) {
    server.create("t").await;
    let body = br#"{"type":"half"}"#;
    let whole = crate::support::client::request("POST", "/tasks/t/events", &[], body);
    for cut in (1..whole.len()).step_by(7).chain([whole.len() - 1]) {
        let mut wire = Wire::connect(server.address).await;
        wire.send(&whole[..cut]).await.expect("the server reads");
        drop(wire);
    }
    assert_eq!(server.publish("t", r#"{"type":"whole"}"#).await["index"], 0);
    server.is_well().await;
    assert_eq!(each(&server.history("t", "").await, "type"), ["whole"]);
}

async fn limits_can_be_set(store: Store) {
    let limits = json!({"bodyBytes": 200, "importBytes": 300, "eventDataBytes": 10, "batchItems": 2});
    let server = Setup::new(store).config(json!({"limits": limits})).start().await;
    server.create("t").await;
    let large = |bytes: usize| format!("{{{}}}", " ".repeat(bytes - 2));
    assert_eq!(server.post("/tasks", &large(200)).await.status, 201);
    server.post("/tasks", &large(201)).await.refused(413, "too_large", "Request body too large");
    server.post("/tasks/import", &large(300)).await.refused_with(400, "invalid_body", "archive");
    server.post("/tasks/import", &large(301)).await.refused(413, "too_large", "Request body too large");
    let event = r#"{"type":"a","data":"123456789"}"#;
    server.post("/tasks/t/events", event).await.refused(413, "too_large", "Event data too large");
    let three = r#"[{"type":"a"},{"type":"a"},{"type":"a"}]"#;
    server.post("/tasks/t/events", three).await.refused(413, "too_large", "Too many events in batch");
    assert_eq!(server.publish("t", r#"[{"type":"a","data":"12345678"},{"type":"a"}]"#).await[1]["index"], 1);
}

//! Creating, showing and deleting tasks.

use serde_json::{Value, json};

use crate::support::Server;

on_each_store!(
    an_empty_body_creates_a_pending_task,
    every_field_comes_back_as_it_went_in,
    unknown_fields_and_nulls_are_dropped,
    a_taken_id_is_refused,
    a_bad_body_is_refused_and_names_the_field,
    a_body_that_is_no_json_is_refused,
    a_missing_task_is_missing_everywhere,
    a_deleted_task_is_gone_and_its_id_free,
    a_webhook_secret_is_never_shown_or_logged,
);

async fn an_empty_body_creates_a_pending_task(server: Server) {
    let answer = server.post("/tasks", "{}").await;
    let task = answer.ok(201);
    let id = task["id"].as_str().expect("an id");
    assert_eq!(id.len(), 26);
    assert!(id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()), "{id}");
    let at = task["createdAt"].as_i64().expect("whole milliseconds");
    let exact = format!(r#"{{"id":"{id}","status":"pending","createdAt":{at},"updatedAt":{at}}}"#);
    assert_eq!(answer.text(), exact);
    let shown = server.get(&format!("/tasks/{id}")).await;
    let exact = format!("{},\"hot\":false,\"subscriberCount\":0}}", exact.trim_end_matches('}'));
    assert_eq!((shown.status, shown.text()), (200, exact.as_str()));
    let answer = server.call("POST", "/tasks", &[("content-type", "text/plain")], b" {} \n").await;
    assert_eq!(answer.status, 201);
}

async fn every_field_comes_back_as_it_went_in(server: Server) {
    let body = r#"{"id":"full","type":"llm.chat","params":{"z":1,"a":{"n":12345678901234567,
        "f":0.1234567890123456789,"e":1e400},"":[],"o":{}},"metadata":{"k":null},"ttl":2147483647,
        "tags":["b","a",""],"assignMode":"pull","cost":3,"disconnectPolicy":"mark",
        "webhooks":[{"url":"https://a.example/x?y=1","filter":{"types":["a.*"],"since":{"index":3}},
        "wrap":true,"retry":{"retries":0,"backoff":"linear"}}],
        "cleanup":{"rules":[{"name":"n","match":{"status":["failed"]},"trigger":{"afterMs":5},
        "target":"events","eventFilter":{"levels":["debug"],"seriesMode":["latest"]}}]},
        "authConfig":{"rules":[{"match":{"scope":["*"]},"require":{"claims":{"a":[1]},"sub":["s"]}}]}}"#;
    let answer = server.post("/tasks", body).await;
    let task = answer.ok(201);
    let sent: Value = serde_json::from_str(body).expect("JSON");
    for (name, value) in sent.as_object().expect("an object") {
        assert_eq!(task[name], *value, "{name}");
    }
    assert_eq!(task.as_object().map(serde_json::Map::len), sent.as_object().map(|sent| sent.len() + 3));
    let exact = r#""params":{"z":1,"a":{"n":12345678901234567,"#;
    assert!(answer.text().replace([' ', '\n'], "").contains(exact), "{}", answer.text());
    assert!(answer.text().contains("0.1234567890123456789") && answer.text().contains("1e400"));
    let shown = server.get("/tasks/full").await.ok(200);
    assert_eq!(shown["params"].to_string(), sent["params"].to_string());
}

async fn unknown_fields_and_nulls_are_dropped(server: Server) {
    let body = r#"{"id":"t","status":"failed","result":{},"type":null,"ttl":null,"hot":true,"createdAt":1,
        "webhooks":[{"url":"http://a.example","nope":1,"secret":null}],"cleanup":{"rules":[],"x":1}}"#;
    let task = server.post("/tasks", body).await.ok(201);
    let mut names: Vec<_> = task.as_object().expect("an object").keys().collect();
    names.sort_unstable();
    assert_eq!(names, ["cleanup", "createdAt", "id", "status", "updatedAt", "webhooks"]);
    assert_eq!(task["status"], "pending");
    assert_eq!(task["webhooks"], json!([{"url": "http://a.example"}]));
    assert_eq!(task["cleanup"], json!({"rules": []}));
}

async fn a_taken_id_is_refused(server: Server) {
    server.create("mine").await;
    let again = server.post("/tasks", r#"{"id":"mine","type":"other"}"#).await;
    again.refused(409, "task_exists", "Task already exists: mine");
    assert_eq!(server.get("/tasks/mine").await.ok(200).get("type"), None);
}

async fn a_bad_body_is_refused_and_names_the_field(server: Server) {
    let refused = [
        (r#"{"id":""}"#, "id"),
        (r#"{"id":"a/b"}"#, "id"),
        (r#"{"id":".."}"#, "id"),
        (r#"{"id":"a\u0085"}"#, "id"),
        (r#"{"id":7}"#, "id"),
        (r#"{"type":1}"#, "type"),
        (r#"{"params":[]}"#, "params"),
        (r#"{"metadata":"x"}"#, "metadata"),
        (r#"{"ttl":1.5}"#, "ttl"),
        (r#"{"ttl":"5"}"#, "ttl"),
        (r#"{"ttl":2147483648}"#, "ttl"),
        (r#"{"tags":["a",1]}"#, "tags[1]"),
        (r#"{"tags":"a"}"#, "tags"),
        (r#"{"assignMode":"push"}"#, "assignMode"),
        (r#"{"disconnectPolicy":"x"}"#, "disconnectPolicy"),
        (r#"{"cost":0}"#, "cost"),
        (r#"{"cost":2147483648}"#, "cost"),
        (r#"{"webhooks":{}}"#, "webhooks"),
        (r#"{"webhooks":[{}]}"#, "webhooks[0].url"),
        (r#"{"webhooks":[{"url":"ftp://a"}]}"#, "webhooks[0].url"),
        (r#"{"webhooks":[{"url":"http://a","secret":"whsec_%"}]}"#, "webhooks[0].secret"),
        (r#"{"webhooks":[{"url":"http://a","retry":{"backoff":"x"}}]}"#, "webhooks[0].retry.backoff"),
        (r#"{"cleanup":{}}"#, "cleanup.rules"),
        (r#"{"cleanup":{"rules":[{"target":"all"}]}}"#, "cleanup.rules[0].trigger"),
        (r#"{"cleanup":{"rules":[{"trigger":{},"target":"x"}]}}"#, "cleanup.rules[0].target"),
        (r#"{"authConfig":{"rules":[{"match":{"scope":["no"]},"require":{}}]}}"#, "authConfig.rules[0]"),
        (r#"{"type":"a\u0000b"}"#, "\\u0000"),
        (r#"{"params":{"a\u0000":1}}"#, "\\u0000"),
        ("[]", "object"),
        ("null", "object"),
        ("1", "object"),
        (r#"{"ttl":9007199254740993}"#, "ttl"),
    ];
    for (body, named) in refused {
        server.post("/tasks", body).await.refused_with(400, "invalid_body", named);
    }
    for ttl in [0, -1, -99] {
        let text = format!("Invalid TTL: {ttl}. TTL must be a positive number.");
        server.post("/tasks", &format!(r#"{{"ttl":{ttl}}}"#)).await.refused(400, "invalid_body", &text);
    }
    let long = format!(r#"{{"id":"{}"}}"#, "é".repeat(129));
    server.post("/tasks", &long).await.refused_with(400, "invalid_body", "id");
    assert_eq!(server.get("/tasks").await.ok(200), json!({"tasks": []}));
}

async fn a_body_that_is_no_json_is_refused(server: Server) {
    server.create("t").await;
    let deep = format!("{}1{}", r#"{"params":"#.repeat(200), "}".repeat(200));
    let bodies: [&[u8]; 10] = [
        b"",
        b"{",
        b"{}x",
        b"{'a':1}",
        b"\xff",
        b"{\"type\":\"\xc3\x28\"}",
        br#"{"type":"\ud800"}"#,
        b"NaN",
        b"{\"a\":01}",
        deep.as_bytes(),
    ];
    let paths =
        ["/tasks", "/tasks/import", "/tasks/t/events", "/tasks/t/resolve", "/tasks/t/storage/release"];
    for body in bodies {
        for (method, path) in
            paths.map(|path| ("POST", path)).into_iter().chain([("PATCH", "/tasks/t/status")])
        {
            let answer = server.call(method, path, &[], body).await;
            answer.refused(400, "invalid_body", "Malformed JSON in request body");
        }
    }
}

async fn a_missing_task_is_missing_everywhere(server: Server) {
    let release = r#"{"expectedLastEventIndex":-1,"inactiveSince":0}"#;
    let unnamed = [
        ("GET", "", ""),
        ("GET", "/events", ""),
        ("GET", "/events/history", ""),
        ("POST", "/resolve", "{}"),
        ("GET", "/request", ""),
        ("POST", "/storage/release", release),
    ];
    let named = [
        ("PATCH", "/status", r#"{"status":"running"}"#),
        ("POST", "/events", r#"{"type":"a"}"#),
        ("POST", "/events", "[]"),
        ("GET", "/archive", ""),
        ("DELETE", "", ""),
        ("GET", "/seq/c", ""),
    ];
    for id in ["none", "a%2Fb", "%2e%2e", "%00", "%ff"] {
        for (method, path, body) in unnamed {
            let answer = server.call(method, &format!("/tasks/{id}{path}"), &[], body.as_bytes()).await;
            answer.refused(404, "task_not_found", "Task not found");
        }
    }
    for (method, path, body) in named {
        let answer = server.call(method, &format!("/tasks/n%20o{path}"), &[], body.as_bytes()).await;
        answer.refused(404, "task_not_found", "Task not found: n o");
    }
}

async fn a_deleted_task_is_gone_and_its_id_free(server: Server) {
    for status in ["pending", "running", "completed"] {
        server.create("t").await;
        if status != "pending" {
            server.moved("t", "running").await;
        }
        if status == "completed" {
            server.moved("t", "completed").await;
        } else {
            server.publish("t", r#"{"type":"a","clientId":"c","clientSeq":4}"#).await;
        }
        let deleted = server.delete("/tasks/t").await;
        assert_eq!((deleted.status, deleted.body.len()), (204, 0));
        server.get("/tasks/t").await.refused(404, "task_not_found", "Task not found");
        server.delete("/tasks/t").await.refused(404, "task_not_found", "Task not found: t");
        assert_eq!(server.get("/tasks").await.ok(200), json!({"tasks": []}));
    }
    server.create("t").await;
    assert_eq!(server.history("t", "").await, Vec::<Value>::new());
    let seq = server.get("/tasks/t/seq/c").await;
    seq.refused(404, "seq_client_not_found", "Unknown client: c");
    assert_eq!(server.publish("t", r#"{"type":"a"}"#).await["index"], 0);
}

async fn a_webhook_secret_is_never_shown_or_logged(server: Server) {
    let hook = r#"{"url":"https://a.example","secret":"tell-nobody"}"#;
    let created = server.post("/tasks", &format!(r#"{{"id":"t","webhooks":[{hook}]}}"#)).await;
    let mut answers = vec![created, server.get("/tasks/t").await, server.get("/tasks").await];
    answers.push(server.patch("/tasks/t/status", r#"{"status":"running"}"#).await);
    answers.push(server.get("/tasks/t/archive").await);
    answers.push(server.get("/tasks/t/events/history").await);
    answers.push(server.post("/tasks", r#"{"webhooks":[{"url":1,"secret":"tell-nobody"}]}"#).await);
    for answer in answers {
        assert!(!answer.text().contains("tell-nobody"), "{}", answer.text());
    }
    assert!(!server.logs().contains("tell-nobody"), "{}", server.logs());
}

//! Archives: out, in, and over an existing task (PROTOCOL §14).

use serde_json::{Value, json};

use crate::support::sse::each;
use crate::support::{Answer, Client, Server};

on_each_store!(
    an_archive_keeps_the_newest_of_each_series,
    an_archive_comes_back_as_it_went_out,
    an_import_is_refused_where_the_task_exists,
    a_bad_archive_is_refused_and_names_the_part,
    an_import_over_a_task_ends_its_streams_without_done,
    numbering_goes_on_behind_an_import,
);

async fn import(client: &Client, archive: &Value, overwrite: bool) -> Answer {
    let body = json!({"archive": archive, "overwrite": overwrite});
    client.post("/tasks/import", &body.to_string()).await
}

/// A task with a delta series, a superseded event and a status.
async fn filled(client: &Client, id: &str) {
    client.running(id).await;
    let events = [
        r#"{"type":"tok","data":{"delta":"a","n":1},"seriesId":"s","seriesMode":"accumulate"}"#,
        r#"{"type":"p","data":1,"seriesId":"l","seriesMode":"latest"}"#,
        r#"{"type":"tok","data":{"delta":"b","n":2},"seriesId":"s","seriesMode":"accumulate"}"#,
        r#"{"type":"plain","level":"warn","data":{"z":1,"a":12345678901234567}}"#,
        r#"{"type":"p","data":2,"seriesId":"l","seriesMode":"latest"}"#,
    ];
    client.publish(id, &format!("[{}]", events.join(","))).await;
}

async fn an_archive_keeps_the_newest_of_each_series(server: Server) {
    filled(&server, "t").await;
    let archive = server.get("/tasks/t/archive").await.ok(200);
    assert_eq!((&archive["schema"], &archive["version"]), (&json!("taskcast.taskArchive"), &json!(1)));
    assert!(archive["exportedAt"].is_i64());
    let mut task = server.get("/tasks/t").await.ok(200);
    for name in ["hot", "subscriberCount"] {
        task.as_object_mut().expect("an object").remove(name);
    }
    assert_eq!(archive["task"], task);
    let events = archive["events"].as_array().expect("a list");
    assert_eq!(each(events, "type"), ["taskcast:status", "tok", "p", "plain"]);
    assert_eq!(each(events, "index"), [0, 1, 2, 3]);
    assert_eq!(events[1]["data"], json!({"delta": "ab", "n": 2}));
    assert_eq!(events[2]["data"], 2);
    assert!(events.iter().all(|event| event.get("seriesSnapshot").is_none()));
    let live = server.history("t", "").await;
    assert_eq!((&events[1]["id"], &events[2]["id"]), (&live[2]["id"], &live[4]["id"]));
}

async fn an_archive_comes_back_as_it_went_out(server: Server) {
    filled(&server, "t").await;
    server.moved("t", "completed").await;
    let archive = server.get("/tasks/t/archive").await.ok(200);
    assert_eq!(server.delete("/tasks/t").await.status, 204);
    let count = archive["events"].as_array().map(Vec::len);
    let imported = import(&server, &archive, false).await.ok(200);
    assert_eq!(imported, json!({"ok": true, "taskId": "t", "eventCount": count, "overwritten": false}));
    let again = server.get("/tasks/t/archive").await.ok(200);
    assert_eq!((&again["task"], &again["events"]), (&archive["task"], &archive["events"]));
    assert_eq!(json!(server.history("t", "").await), archive["events"]);
    let mut stream = server.stream("/tasks/t/events?since.index=-1&wrap=false").await;
    assert_eq!(json!(stream.events(count.unwrap_or(0)).await), archive["events"]);
    assert_eq!(stream.done().await, "completed");
}

async fn an_import_is_refused_where_the_task_exists(server: Server) {
    filled(&server, "t").await;
    let archive = server.get("/tasks/t/archive").await.ok(200);
    import(&server, &archive, false).await.refused(409, "task_exists", "Task already exists: t");
    let imported = import(&server, &archive, true).await.ok(200);
    assert_eq!(imported["overwritten"], true);
    let mut shuffled = archive;
    shuffled["events"].as_array_mut().expect("a list").reverse();
    shuffled["exportedAt"] = json!(1.5);
    shuffled["task"]["createdAt"] = json!(1_700_000_000_000.9);
    import(&server, &shuffled, true).await.ok(200);
    assert_eq!(each(&server.history("t", "").await, "index"), [0, 1, 2, 3]);
    let shown = server.get("/tasks/t").await;
    assert!(shown.text().contains(r#""createdAt":1700000000000,"#), "{}", shown.text());
}

async fn a_bad_archive_is_refused_and_names_the_part(server: Server) {
    filled(&server, "t").await;
    let good = server.get("/tasks/t/archive").await.ok(200);
    let broken = [
        ("/schema", json!("x"), "Unsupported archive schema: x"),
        ("/version", json!(2), "Unsupported archive version: 2"),
        ("/exportedAt", json!("now"), "exportedAt"),
        ("/task/id", json!("a/b"), "archive.task.id"),
        ("/task/status", json!("done"), "archive.task.status"),
        ("/task/createdAt", json!(null), "archive.task.createdAt"),
        ("/task/ttl", json!(0), "Invalid TTL: 0."),
        ("/events", json!({}), "archive.events"),
        ("/events/0/id", json!(""), "archive.events[0].id"),
        ("/events/1/id", good["events"][0]["id"].clone(), "archive.events[1].id"),
        ("/events/1/taskId", json!("other"), "archive.events[1].taskId"),
        ("/events/1/index", json!(-1), "archive.events[1].index"),
        ("/events/1/index", json!(0), "archive.events[1].index"),
        ("/events/3/index", json!(7), "contiguous indexes from 0; expected 3, got 7"),
        ("/events/1/timestamp", json!("x"), "archive.events[1].timestamp"),
        ("/events/1/level", json!("loud"), "archive.events[1].level"),
        ("/events/1/seriesMode", json!("x"), "archive.events[1].seriesMode"),
        ("/events/1/type", json!(1), "archive.events[1].type"),
    ];
    for (pointer, value, named) in broken {
        let mut archive = good.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let parent = archive.pointer_mut(parent).expect("it is there");
        match parent.as_object_mut() {
            Some(object) => object.insert(name.to_owned(), value),
            None => panic!("{pointer} is in no object"),
        };
        import(&server, &archive, true).await.refused_with(400, "invalid_body", named);
    }
    for name in ["seriesSnapshot", "_accumulatedData"] {
        let mut archive = good.clone();
        archive["events"][0][name] = json!(true);
        import(&server, &archive, true).await.refused_with(400, "invalid_body", name);
    }
    let mut archive = good.clone();
    archive["events"][0].as_object_mut().expect("an object").remove("data");
    import(&server, &archive, true).await.refused_with(400, "invalid_body", "archive.events[0].data");
    server.post("/tasks/import", "{}").await.refused(400, "invalid_body", "archive is required");
    let again = server.get("/tasks/t/archive").await.ok(200);
    assert_eq!((&again["task"], &again["events"]), (&good["task"], &good["events"]));
}

async fn an_import_over_a_task_ends_its_streams_without_done(server: Server) {
    filled(&server, "t").await;
    let archive = server.get("/tasks/t/archive").await.ok(200);
    let mut all = server.stream("/events").await;
    let mut stream = server.stream("/tasks/t/events").await;
    assert_eq!(stream.events(4).await.len(), 4);
    import(&server, &archive, true).await.ok(200);
    let rest = stream.rest().await;
    assert_eq!((rest.events, rest.done, rest.retry), (vec![], None, None));
    server.publish("t", r#"{"type":"later"}"#).await;
    assert_eq!(all.event().await["type"], "later", "imported events are not news");
    let mut stream = server.stream("/tasks/t/events").await;
    assert_eq!(each(&stream.events(5).await, "rawIndex"), [0, 1, 2, 3, 4]);
}

async fn numbering_goes_on_behind_an_import(server: Server) {
    filled(&server, "t").await;
    server.publish("t", r#"{"type":"a","clientId":"c","clientSeq":7}"#).await;
    let archive = server.get("/tasks/t/archive").await.ok(200);
    import(&server, &archive, true).await.ok(200);
    let expected = server.get("/tasks/t/seq/c").await.ok(200);
    assert_eq!(expected, json!({"clientId": "c", "expectedSeq": 8}));
    let more = r#"{"type":"tok","data":{"delta":"c"},"seriesId":"s","seriesMode":"accumulate"}"#;
    assert_eq!(server.publish("t", more).await["index"], 5);
    let running = server.history("t", "seriesFormat=accumulated&types=tok").await;
    assert_eq!(each(&running, "data"), [json!({"delta": "abc"})]);
}

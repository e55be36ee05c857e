//! The bytes of a stream.

use serde_json::json;

use crate::support::sse::KEEPALIVE;
use crate::support::{Frame, Server, Setup, Store, wait_until};

on_each_store!(
    a_stream_is_exactly_these_bytes,
    raw_events_are_sent_when_wrap_is_false,
    the_head_keeps_proxies_from_buffering,
    a_finished_task_is_replayed_and_done,
    every_end_has_its_reason,
    a_deleted_task_ends_its_streams,
);
with_each_store!(silence_is_filled_with_comments);

async fn a_stream_is_exactly_these_bytes(server: Server) {
    server.create("t").await;
    let mut stream = server.stream("/tasks/t/events").await;
    let data = r#"{"z":[],"a":"line\nbreak\u2028","n":12345678901234567}"#;
    let body = format!(
        r#"{{"type":"a.b","level":"warn","data":{data},"seriesId":"s","seriesMode":"latest","seriesAccField":"f","clientId":"c","clientSeq":1}}"#
    );
    let event = server.publish("t", &body).await;
    let (id, at) = (event["id"].as_str().expect("an id"), &event["timestamp"]);
    let data = r#"{"z":[],"a":"line\nbreak\u2028","n":12345678901234567}"#;
    let envelope = format!(
        r#"{{"filteredIndex":0,"rawIndex":0,"eventId":"{id}","taskId":"t","timestamp":{at},"type":"a.b","level":"warn","data":{data},"seriesId":"s","seriesMode":"latest","seriesAccField":"f"}}"#
    );
    let exact = format!("event: taskcast.event\ndata: {envelope}\nid: {id}\n\n");
    assert_eq!(stream.frame().await, Some(Frame(exact.clone())));
    // A replay is made of the same bytes.
    let mut replay = server.stream("/tasks/t/events").await;
    assert_eq!(replay.frame().await, Some(Frame(exact)));
    server.moved("t", "cancelled").await;
    for mut stream in [stream, replay] {
        let status = stream.event().await;
        assert_eq!((&status["filteredIndex"], &status["rawIndex"]), (&json!(1), &json!(1)));
        assert_eq!(
            (&status["type"], &status["data"]),
            (&json!("taskcast:status"), &json!({"status": "cancelled"}))
        );
        let done = "event: taskcast.done\ndata: {\"reason\":\"cancelled\"}\n\n";
        assert_eq!(stream.frame().await, Some(Frame(done.to_owned())));
        assert_eq!(stream.frame().await, None);
    }
}

async fn raw_events_are_sent_when_wrap_is_false(server: Server) {
    server.create("t").await;
    let mut streams = Vec::new();
    for query in ["wrap=false", "wrap=false&seriesFormat=accumulated&since.index=-1"] {
        streams.push(server.stream(&format!("/tasks/t/events?{query}")).await);
    }
    let answer =
        server.post("/tasks/t/events", r#"{"type":"a","data":{"k":1},"clientId":"c","clientSeq":3}"#).await;
    let id = answer.ok(201)["id"].clone();
    let id = id.as_str().expect("an id");
    streams.push(server.stream("/tasks/t/events?wrap=false").await);
    for mut stream in streams {
        let exact = format!("event: taskcast.event\ndata: {}\nid: {id}\n\n", answer.text());
        assert_eq!(stream.frame().await, Some(Frame(exact)));
    }
    for query in ["wrap=0", "wrap=FALSE", "wrap=", "wrap"] {
        let mut stream = server.stream(&format!("/tasks/t/events?{query}")).await;
        assert_eq!(stream.event().await["eventId"], id, "{query}");
    }
}

async fn the_head_keeps_proxies_from_buffering(server: Server) {
    server.create("t").await;
    for path in ["/tasks/t/events", "/events"] {
        let stream = server.stream(path).await;
        let expected = [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-cache, no-transform"),
            ("x-accel-buffering", "no"),
            ("content-encoding", "identity"),
            ("transfer-encoding", "chunked"),
            ("access-control-allow-origin", "*"),
        ];
        for (name, value) in expected {
            assert_eq!(stream.head.header(name), Some(value), "{path} {name}");
        }
        assert_eq!(stream.head.header("content-length"), None);
    }
}

async fn silence_is_filled_with_comments(store: Store) {
    let server = Setup::new(store).config(json!({"sse": {"keepaliveMs": 20}})).start().await;
    server.create("t").await;
    for path in ["/tasks/t/events", "/events"] {
        let mut stream = server.stream(path).await;
        for _ in 0..5 {
            assert_eq!(stream.frame().await, Some(Frame(KEEPALIVE.to_owned())), "{path}");
        }
        server.publish("t", r#"{"type":"a"}"#).await;
        stream.event().await;
        assert_eq!(stream.frame().await, Some(Frame(KEEPALIVE.to_owned())), "{path}");
    }
}

async fn a_finished_task_is_replayed_and_done(server: Server) {
    server.running("t").await;
    server.publish("t", r#"{"type":"a"}"#).await;
    server.moved("t", "completed").await;
    for (query, count) in
        [("", 3), ("includeStatus=false", 1), ("types=none", 0), ("since.index=2", 0), ("limit=1", 1)]
    {
        let mut stream = server.stream(&format!("/tasks/t/events?{query}")).await;
        let whole = stream.rest().await;
        assert_eq!((whole.events.len(), whole.done.as_deref()), (count, Some("completed")), "{query}");
    }
}

async fn every_end_has_its_reason(server: Server) {
    for status in ["completed", "failed", "timeout", "cancelled"] {
        server.running(status).await;
        let path = format!("/tasks/{status}/events");
        let mut all = server.stream(&path).await;
        let mut none = server.stream(&format!("{path}?types=none")).await;
        let mut quiet = server.stream(&format!("{path}?includeStatus=false")).await;
        server.moved(status, status).await;
        assert_eq!(all.events(2).await[1]["data"], json!({"status": status}));
        assert_eq!(all.done().await, status);
        assert_eq!(none.done().await, status);
        assert_eq!(quiet.done().await, status);
    }
}

async fn a_deleted_task_ends_its_streams(server: Server) {
    for finished in [false, true] {
        server.running("t").await;
        let mut stream = server.stream("/tasks/t/events?since.index=0").await;
        wait_until("the stream is counted", async || {
            (server.get("/tasks/t").await.ok(200)["subscriberCount"] == 1).then_some(())
        })
        .await;
        if finished {
            server.moved("t", "completed").await;
            assert_eq!(stream.event().await["data"]["status"], "completed");
            assert_eq!(stream.done().await, "completed");
        }
        assert_eq!(server.delete("/tasks/t").await.status, 204);
        if !finished {
            assert_eq!(stream.done().await, "deleted");
        }
        let gone = server.get("/tasks/t/events").await;
        gone.refused(404, "task_not_found", "Task not found");
    }
}

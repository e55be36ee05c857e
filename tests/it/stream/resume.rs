//! Coming back with a cursor while publishing goes on: nothing lost, nothing doubled (PROTOCOL §9.4).

use serde_json::{Value, json};

use crate::support::{Client, Server, Stream, Wire};

on_each_store!(
    a_reader_that_keeps_coming_back_misses_nothing,
    a_resume_by_time_leaves_nothing_out,
    the_header_of_browsers_is_a_cursor_unless_another_is_given,
);

const EVENTS: u64 = 400;
/// Behind so many events the reader hangs up and comes back.
const VISIT: usize = 23;

#[derive(Clone, Copy, Debug)]
enum By {
    Id,
    Rank,
    Header,
}

/// Publishes numbered events of all three series modes, and a few plain ones, and finishes the task.
async fn publish_all(client: Client, id: String) {
    let mut wire = Wire::connect(client.address).await;
    for number in 0..EVENTS {
        let series = match number % 4 {
            0 => r#","seriesId":"a","seriesMode":"accumulate""#,
            1 => r#","seriesId":"l","seriesMode":"latest""#,
            2 => r#","seriesId":"k","seriesMode":"keep-all""#,
            _ => "",
        };
        let kind = if number % 3 == 0 { "x.even" } else { "y" };
        let body = format!(r#"{{"type":"{kind}","data":{{"delta":"{number};","n":{number}}}{series}}}"#);
        assert_eq!(wire.post(&format!("/tasks/{id}/events"), &body).await.status, 201);
    }
    client.moved(&id, "completed").await;
}

/// Reads to the end, hanging up again and again. Gives every event that came.
async fn read_all(client: &Client, id: &str, by: By, query: &str) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    loop {
        let mut headers = Vec::new();
        let (last_id, cursor) = match events.last() {
            None => (String::new(), "&since.index=-1".to_owned()),
            Some(last) => {
                let id = last["eventId"].as_str().expect("an id").to_owned();
                let cursor = match by {
                    By::Id => format!("&since.id={id}"),
                    By::Rank => format!("&since.index={}", last["filteredIndex"]),
                    By::Header => String::new(),
                };
                (id, cursor)
            }
        };
        if cursor.is_empty() {
            headers.push(("last-event-id", last_id.as_str()));
        }
        let path = format!("/tasks/{id}/events?{query}{cursor}");
        let mut stream = Stream::open_with(client.address, &path, &headers).await;
        for _ in 0..VISIT {
            let frame = stream.next().await.expect("a stream ends with done");
            match frame.event() {
                Some(event) => events.push(event),
                None => {
                    assert_eq!(frame.done(), Some("completed"));
                    return events;
                }
            }
        }
    }
}

/// That `events` are all of `log` that are wanted, once each, except `latest` ones that were superseded while nobody
/// looked.
fn check(events: &[Value], log: &[Value], wanted: impl Fn(&Value) -> bool, accumulated: bool, context: &str) {
    let mut rest = events.iter().peekable();
    let (mut running, mut rank) = (String::new(), 0);
    for stored in log {
        let is_delta = stored["seriesMode"] == "accumulate";
        if is_delta {
            running.push_str(stored["data"]["delta"].as_str().expect("a text"));
        }
        if !wanted(stored) {
            continue;
        }
        match rest.next_if(|event| event["rawIndex"] == stored["index"]) {
            None => assert_eq!(stored["seriesMode"], "latest", "{context}: {stored} is missing"),
            Some(event) => {
                assert_eq!(event["filteredIndex"], rank, "{context}");
                let text = if accumulated && is_delta { &json!(running) } else { &stored["data"]["delta"] };
                assert_eq!(event["data"]["delta"], *text, "{context}");
                assert_eq!(event["data"]["n"], stored["data"]["n"], "{context}");
            }
        }
        rank += 1;
    }
    assert_eq!(rest.next(), None, "{context}: came twice or out of order");
}

/// The whole log as it was published; history leaves superseded events out.
async fn log_of(watcher: &mut Stream) -> Vec<Value> {
    let whole = watcher.rest().await;
    assert_eq!(whole.done.as_deref(), Some("completed"));
    whole.events
}

async fn a_reader_that_keeps_coming_back_misses_nothing(server: Server) {
    let client = server.client;
    for (by, query, accumulated) in [
        (By::Id, "seriesFormat=delta", false),
        (By::Rank, "seriesFormat=accumulated", true),
        (By::Header, "includeStatus=false", false),
        (By::Rank, "types=x.*,y,taskcast:status&levels=info", false),
        (By::Id, "types=y&seriesFormat=accumulated", true),
    ] {
        let context = format!("{by:?} {query}");
        let id = "t";
        server.running(id).await;
        let mut watcher = server.stream(&format!("/tasks/{id}/events?wrap=false&since.index=-1")).await;
        let watching = tokio::spawn(async move { log_of(&mut watcher).await });
        let publishing = tokio::spawn(publish_all(client, id.to_owned()));
        let events = read_all(&client, id, by, query).await;
        publishing.await.expect("the publisher is well");
        let log = watching.await.expect("the watcher is well");
        assert_eq!(log.len() as u64, EVENTS + 2, "one that never fell behind saw every event");
        let wanted = |event: &Value| match query {
            "includeStatus=false" => event["type"] != "taskcast:status",
            "types=y&seriesFormat=accumulated" => event["type"] == "y",
            _ => true,
        };
        check(&events, &log, wanted, accumulated, &context);
        assert_eq!(server.delete("/tasks/t").await.status, 204);
    }
}

async fn a_resume_by_time_leaves_nothing_out(server: Server) {
    server.running("t").await;
    publish_all(server.client, "t".to_owned()).await;
    let log = server.history("t", "").await;
    let mut times: Vec<_> = log.iter().map(|event| event["timestamp"].as_i64().expect("a time")).collect();
    times.dedup();
    for time in [times[0], times[times.len() / 2], times[times.len() - 1]] {
        let mut stream = server.stream(&format!("/tasks/t/events?since.timestamp={time}")).await;
        let whole = stream.rest().await;
        let later: Vec<_> = log.iter().filter(|event| event["timestamp"].as_i64() > Some(time)).collect();
        let indexes: Vec<_> = whole.events.iter().map(|event| &event["rawIndex"]).collect();
        assert_eq!(indexes, later.iter().map(|event| &event["index"]).collect::<Vec<_>>());
    }
}

async fn the_header_of_browsers_is_a_cursor_unless_another_is_given(server: Server) {
    server.create("t").await;
    server.publish("t", r#"[{"type":"a"},{"type":"b"},{"type":"c"}]"#).await;
    let log = server.history("t", "").await;
    let header = [("last-event-id", log[1]["id"].as_str().expect("an id"))];
    for (query, header, first) in [
        ("", &header[..], 2),
        ("since.index=", &header, 2),
        ("since.index=0", &header, 1),
        ("since.timestamp=0", &header, 0),
        ("", &[("last-event-id", "")], 0),
        ("", &[("last-event-id", "unknown")], 0),
        ("", &[("last-event-id", "\u{fc}")], 0),
    ] {
        let path = format!("/tasks/t/events?{query}");
        let mut stream = Stream::open_with(server.client.address, &path, header).await;
        assert_eq!(stream.event().await["rawIndex"], first, "{query} {header:?}");
    }
}

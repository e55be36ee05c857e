//! What those who come late are shown (PROTOCOL §8.4, §9.2, §9.3).

use serde_json::{Value, json};

use crate::support::sse::each;
use crate::support::{Client, Server};

on_each_store!(
    those_who_come_late_get_one_snapshot_of_each_series,
    a_cursor_brings_deltas_and_no_snapshot,
    accumulated_streams_carry_running_values,
    filters_hold_for_replay_and_live_events,
    a_limit_keeps_the_last_of_the_replay,
    ranks_count_what_was_ever_appended,
);

/// Indexes 0 to 7: status, deltas 1 3 6 of `s`, a delta 4 of `r`, latest 2 5, plain 7.
async fn filled(client: &Client) {
    client.running("t").await;
    let delta = |series: &str, text: &str| {
        format!(
            r#"{{"type":"tok","data":{{"delta":"{text}"}},"seriesId":"{series}","seriesMode":"accumulate"}}"#
        )
    };
    let latest =
        |value: u32| format!(r#"{{"type":"bar","data":{value},"seriesId":"l","seriesMode":"latest"}}"#);
    let plain = r#"{"type":"note","level":"warn"}"#.to_owned();
    let events =
        [delta("s", "a"), latest(1), delta("s", "b"), delta("r", "x"), latest(2), delta("s", "c"), plain];
    client.publish("t", &format!("[{}]", events.join(","))).await;
}

/// Index, rank and the text of a delta.
type Shown = (u64, u64, &'static str);

/// What a replay shows: index, rank, and the text of a delta.
async fn shown(client: &Client, query: &str, count: usize) -> Vec<(u64, u64, String)> {
    let mut stream = crate::support::Stream::open(client.address, &format!("/tasks/t/events?{query}")).await;
    let events = stream.events(count).await;
    let number = |value: &Value| value.as_u64().expect("a number");
    let text = |event: &Value| event["data"]["delta"].as_str().unwrap_or("").to_owned();
    events
        .iter()
        .map(|event| (number(&event["rawIndex"]), number(&event["filteredIndex"]), text(event)))
        .collect()
}

fn expected(list: &[Shown]) -> Vec<(u64, u64, String)> {
    list.iter().map(|(index, rank, text)| (*index, *rank, (*text).to_owned())).collect()
}

async fn those_who_come_late_get_one_snapshot_of_each_series(server: Server) {
    filled(&server).await;
    let collapsed = [(0, 0, ""), (4, 4, "x"), (5, 5, ""), (6, 6, "abc"), (7, 7, "")];
    for query in ["", "seriesFormat=delta", "seriesFormat=accumulated", "seriesFormat=x"] {
        assert_eq!(shown(&server, query, 5).await, expected(&collapsed), "{query}");
        let mut stream = server.stream(&format!("/tasks/t/events?{query}")).await;
        let marks = each(&stream.events(5).await, "seriesSnapshot");
        assert_eq!(marks, [json!(null), json!(true), json!(null), json!(true), json!(null)]);
    }
    let mut stream = server.stream("/tasks/t/events").await;
    stream.events(5).await;
    let more = r#"{"type":"tok","data":{"delta":"d"},"seriesId":"s","seriesMode":"accumulate"}"#;
    server.publish("t", more).await;
    let live = stream.event().await;
    assert_eq!((&live["data"], live.get("seriesSnapshot")), (&json!({"delta": "d"}), None));
}

async fn a_cursor_brings_deltas_and_no_snapshot(server: Server) {
    filled(&server).await;
    let all = [(0, 0, ""), (1, 1, "a"), (3, 3, "b"), (4, 4, "x"), (5, 5, ""), (6, 6, "c"), (7, 7, "")];
    for query in ["since.index=-1", "since.timestamp=0", "since.id=unknown", "since.index=-5&since.id="] {
        assert_eq!(shown(&server, query, 7).await, expected(&all), "{query}");
    }
    let history = server.history("t", "").await;
    let id = history[1]["id"].as_str().expect("an id");
    for query in
        [format!("since.id={id}"), "since.index=1".to_owned(), format!("since.id={id}&since.index=0")]
    {
        assert_eq!(shown(&server, &query, 5).await, expected(&all[2..]), "{query}");
    }
    let both = format!("since.id={id}&since.index=5");
    assert_eq!(shown(&server, &both, 2).await, expected(&all[5..]));
    let ignored = format!("since.id={id}&since.timestamp=9999999999999");
    assert_eq!(shown(&server, &ignored, 5).await, expected(&all[2..]));
}

async fn accumulated_streams_carry_running_values(server: Server) {
    filled(&server).await;
    let all = [(0, 0, ""), (1, 1, "a"), (3, 3, "ab"), (4, 4, "x"), (5, 5, ""), (6, 6, "abc"), (7, 7, "")];
    let query = "seriesFormat=accumulated&since.index";
    assert_eq!(shown(&server, &format!("{query}=-1"), 7).await, expected(&all));
    assert_eq!(shown(&server, &format!("{query}=3"), 4).await, expected(&all[3..]));
    let mut stream = server.stream(&format!("/tasks/t/events?{query}=7")).await;
    let event =
        |more: &str| format!(r#"{{"type":"tok","data":{more},"seriesId":"s","seriesMode":"accumulate"}}"#);
    server.publish("t", &event(r#"{"delta":"d","k":[1]}"#)).await;
    server.publish("t", &event(r#"{"delta":7}"#)).await;
    server.publish("t", &event(r#"{"delta":"new"}"#)).await;
    server.publish("t", r#"{"type":"tok","data":{"delta":"L"},"seriesId":"s","seriesMode":"latest"}"#).await;
    server.publish("t", &event(r#"{"delta":"M"}"#)).await;
    let live = stream.events(5).await;
    let values = [
        json!({"delta": "abcd", "k": [1]}),
        json!({"delta": 7}),
        json!({"delta": "new"}),
        json!({"delta": "L"}),
        json!({"delta": "LM"}),
    ];
    assert_eq!(each(&live, "data"), values);
    assert!(live.iter().all(|event| event.get("seriesSnapshot").is_none()));
}

async fn filters_hold_for_replay_and_live_events(server: Server) {
    filled(&server).await;
    let table: [(&str, &[Shown]); 8] = [
        ("types=tok", &[(4, 2, "x"), (6, 3, "abc")]),
        ("types=to*,note", &[(7, 0, "")]),
        ("types=taskcast:status,bar", &[(0, 0, ""), (5, 2, "")]),
        ("levels=warn", &[(7, 0, "")]),
        ("includeStatus=false&types=*", &[(4, 3, "x"), (5, 4, ""), (6, 5, "abc"), (7, 6, "")]),
        ("types=tok&since.index=0", &[(3, 1, "b"), (4, 2, "x"), (6, 3, "c")]),
        ("includeStatus=false&since.index=4", &[(6, 5, "c"), (7, 6, "")]),
        ("levels=warn,nonsense", &[(7, 0, "")]),
    ];
    for (query, list) in table {
        assert_eq!(shown(&server, query, list.len()).await, expected(list), "{query}");
    }
    let mut warned = server.stream("/tasks/t/events?levels=warn").await;
    let mut nothing = server.stream("/tasks/t/events?types=").await;
    let mut empty = server.stream("/tasks/t/events?levels=nonsense").await;
    assert_eq!(warned.event().await["filteredIndex"], 0);
    server.publish("t", r#"[{"type":"a"},{"type":"b","level":"warn"}]"#).await;
    let live = warned.event().await;
    assert_eq!((&live["filteredIndex"], &live["rawIndex"]), (&json!(1), &json!(9)));
    server.moved("t", "cancelled").await;
    for stream in [&mut warned, &mut nothing, &mut empty] {
        assert_eq!(stream.done().await, "cancelled");
    }
}

async fn a_limit_keeps_the_last_of_the_replay(server: Server) {
    filled(&server).await;
    assert_eq!(shown(&server, "limit=2", 2).await, expected(&[(6, 6, "abc"), (7, 7, "")]));
    assert_eq!(shown(&server, "limit=2&since.index=-1", 2).await, expected(&[(6, 6, "c"), (7, 7, "")]));
    let running = shown(&server, "limit=3&since.index=-1&seriesFormat=accumulated&types=tok", 3).await;
    assert_eq!(running, expected(&[(3, 1, "ab"), (4, 2, "x"), (6, 3, "abc")]));
    let mut stream = server.stream("/tasks/t/events?limit=1").await;
    assert_eq!(stream.event().await["rawIndex"], 7);
    server.publish("t", r#"[{"type":"a"},{"type":"b"}]"#).await;
    assert_eq!(each(&stream.events(2).await, "rawIndex"), [8, 9], "live events are not limited");
    for query in ["limit=0", "limit=x", "limit=-3", "limit=99999999999999999999"] {
        assert_eq!(shown(&server, query, 7).await.len(), 7, "{query}");
    }
}

async fn ranks_count_what_was_ever_appended(server: Server) {
    server.create("t").await;
    for value in 0..40 {
        let event = format!(r#"{{"type":"bar","data":{value},"seriesId":"l","seriesMode":"latest"}}"#);
        server.publish("t", &event).await;
    }
    server.publish("t", r#"{"type":"end"}"#).await;
    assert_eq!(shown(&server, "", 2).await, expected(&[(39, 39, ""), (40, 40, "")]));
    assert_eq!(shown(&server, "types=bar&since.index=20", 1).await, expected(&[(39, 39, "")]));
    assert_eq!(shown(&server, "types=end", 1).await, expected(&[(40, 0, "")]));
}

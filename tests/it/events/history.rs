//! `GET /tasks/:id/events/history`.

use serde_json::{Value, json};

use crate::support::sse::each;
use crate::support::{Client, Server};

on_each_store!(
    superseded_events_are_not_shown,
    history_can_be_filtered_and_cut,
    one_cursor_counts_and_ids_come_first,
    accumulated_history_carries_running_values,
    paging_by_index_or_id_is_complete,
    a_bad_cursor_is_refused,
    a_long_history_is_whole,
);

/// Indexes 0 to 8: status, deltas 1 3 6, latest 2 4 7, plain 5 8.
async fn filled(client: &Client, id: &str) -> Vec<Value> {
    client.running(id).await;
    let delta = |text: &str| {
        format!(r#"{{"type":"tok.d","data":{{"delta":"{text}"}},"seriesId":"s","seriesMode":"accumulate"}}"#)
    };
    let latest = |value: u32| {
        format!(r#"{{"type":"bar","level":"debug","data":{value},"seriesId":"l","seriesMode":"latest"}}"#)
    };
    let plain =
        |level: &str| format!(r#"{{"type":"tok","level":"{level}","seriesId":"k","seriesMode":"keep-all"}}"#);
    let bodies =
        [delta("a"), latest(1), delta("b"), latest(2), plain("warn"), delta("c"), latest(3), plain("error")];
    let mut events = Vec::new();
    for body in bodies {
        events.push(client.publish(id, &body).await);
    }
    events
}

async fn indexes(client: &Client, query: &str) -> Vec<u64> {
    let events = client.history("t", query).await;
    events.iter().map(|event| event["index"].as_u64().expect("an index")).collect()
}

async fn superseded_events_are_not_shown(server: Server) {
    let published = filled(&server, "t").await;
    let history = server.history("t", "").await;
    assert_eq!(each(&history, "index"), [0, 1, 3, 5, 6, 7, 8]);
    for event in &history[1..] {
        assert!(published.contains(event), "{event}");
    }
    assert_eq!(history[0]["data"], json!({"status": "running"}));
}

async fn history_can_be_filtered_and_cut(server: Server) {
    filled(&server, "t").await;
    let table: [(&str, &[u64]); 16] = [
        ("types=tok", &[5, 8]),
        ("types=tok.*", &[1, 3, 6]),
        ("types=tok,bar", &[5, 7, 8]),
        ("types=*", &[0, 1, 3, 5, 6, 7, 8]),
        ("types=", &[]),
        ("types=none", &[]),
        ("levels=warn,error", &[5, 8]),
        ("levels=nonsense", &[]),
        ("levels=", &[]),
        ("levels=debug&types=bar", &[7]),
        ("limit=2", &[0, 1]),
        ("limit=2x", &[0, 1]),
        ("limit=0", &[0, 1, 3, 5, 6, 7, 8]),
        ("limit=x", &[0, 1, 3, 5, 6, 7, 8]),
        ("includeStatus=false", &[0, 1, 3, 5, 6, 7, 8]),
        ("types=taskcast:*", &[]),
    ];
    for (query, expected) in table {
        assert_eq!(indexes(&server, query).await, expected, "{query}");
    }
    assert_eq!(indexes(&server, "types=taskcast%3Astatus").await, [0]);
}

async fn one_cursor_counts_and_ids_come_first(server: Server) {
    let published = filled(&server, "t").await;
    let id = |index: usize| published[index - 1]["id"].as_str().expect("an id");
    let table = [
        (format!("since.id={}", id(5)), vec![6, 7, 8]),
        // The event itself is superseded.
        (format!("since.id={}", id(4)), vec![5, 6, 7, 8]),
        ("since.id=unknown".to_owned(), vec![0, 1, 3, 5, 6, 7, 8]),
        (format!("since.id={}&since.index=7", id(5)), vec![6, 7, 8]),
        ("since.id=&since.index=6".to_owned(), vec![7, 8]),
        ("since.index=-1".to_owned(), vec![0, 1, 3, 5, 6, 7, 8]),
        ("since.index=-99999999999999999999".to_owned(), vec![0, 1, 3, 5, 6, 7, 8]),
        ("since.index=8".to_owned(), vec![]),
        ("since.index=99999999999999999999".to_owned(), vec![]),
        ("since.index=0&limit=2".to_owned(), vec![1, 3]),
        ("since.index=1&types=tok.*".to_owned(), vec![3, 6]),
        ("since.timestamp=0".to_owned(), vec![0, 1, 3, 5, 6, 7, 8]),
        ("since.timestamp=9999999999999".to_owned(), vec![]),
        ("since.timestamp=9999999999999&since.index=7".to_owned(), vec![8]),
    ];
    for (query, expected) in table {
        assert_eq!(indexes(&server, &query).await, expected, "{query}");
    }
    let at = published[4]["timestamp"].as_i64().expect("a time");
    let mut later = server.history("t", "").await;
    later.retain(|event| event["timestamp"].as_i64() > Some(at));
    let later: Vec<_> = later.iter().map(|event| event["index"].as_u64().expect("an index")).collect();
    assert_eq!(indexes(&server, &format!("since.timestamp={at}")).await, later);
}

async fn accumulated_history_carries_running_values(server: Server) {
    filled(&server, "t").await;
    let history = server.history("t", "seriesFormat=accumulated").await;
    assert_eq!(each(&history, "index"), [0, 5, 6, 7, 8]);
    assert_eq!(
        (&history[2]["data"], &history[2]["seriesSnapshot"]),
        (&json!({"delta": "abc"}), &json!(true))
    );
    let cut = server.history("t", "seriesFormat=accumulated&since.index=3").await;
    assert_eq!(cut, history[1..]);
    // The limit comes before the collapse.
    let first = server.history("t", "seriesFormat=accumulated&limit=3").await;
    assert_eq!(each(&first, "index"), [0, 3]);
    assert_eq!(first[1]["data"], json!({"delta": "ab"}));
    assert_eq!(indexes(&server, "seriesFormat=nonsense").await, [0, 1, 3, 5, 6, 7, 8]);
}

async fn paging_by_index_or_id_is_complete(server: Server) {
    filled(&server, "t").await;
    let whole = server.history("t", "").await;
    for name in ["index", "id"] {
        let mut paged: Vec<Value> = Vec::new();
        loop {
            let cursor = paged.last().map_or(String::new(), |last| {
                format!("&since.{name}={}", last[name].to_string().trim_matches('"'))
            });
            let page = server.history("t", &format!("limit=2{cursor}")).await;
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, whole, "{name}");
    }
}

async fn a_bad_cursor_is_refused(server: Server) {
    server.create("t").await;
    for name in ["since.index", "since.timestamp"] {
        for value in ["x", "1.5", "1e3", "0x1", "%20", "--1", "1x", "-"] {
            for path in ["/tasks/t/events/history", "/tasks/t/events", "/tasks/none/events"] {
                let answer = server.get(&format!("{path}?{name}={value}")).await;
                answer.refused_with(400, "invalid_query", name);
            }
        }
    }
}

async fn a_long_history_is_whole(server: Server) {
    server.create("t").await;
    for batch in 0..5 {
        let events: Vec<_> =
            (0..1000).map(|number| format!(r#"{{"type":"n","data":{}}}"#, batch * 1000 + number)).collect();
        server.publish("t", &format!("[{}]", events.join(","))).await;
    }
    let answer = server.get("/tasks/t/events/history").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let history = answer.ok(200);
    let history = history.as_array().expect("a list");
    assert_eq!(history.len(), 5000);
    assert!(history.iter().zip(0..).all(|(event, index)| event["index"] == index && event["data"] == index));
    assert_eq!(server.history("t", "since.index=4997").await.len(), 2);
}

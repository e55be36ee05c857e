//! `taskcast events`.

use serde_json::{Value, json};

use super::User;
use crate::support::{Server, Store};

#[tokio::test]
async fn data_is_json_or_text_from_the_arguments_or_standard_input() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    server.create("t1").await;
    let publish = ["events", "publish", "t1", "step"];
    let table: [(&[&str], &str, Value); 6] = [
        (&[], "", Value::Null),
        (&[r#"{"n": 0.10}"#], "", json!({"n": 0.1})),
        (&["plain words"], "", json!("plain words")),
        (&["-"], "{\"from\": \"input\"}\n", json!({"from": "input"})),
        (&["-"], "two\nlines\n", json!("two\nlines")),
        (&["--level", "warn", "--", "-1"], "", json!(-1)),
    ];
    for (words, input, data) in &table {
        let event = user.run_with(&[&publish, *words, &["--json"]].concat(), input).await;
        // Behind `--` nothing is an option.
        if words.contains(&"--") {
            event.failed(2, "--json");
            user.run_with(&[&publish, *words].concat(), input).await.ok();
            continue;
        }
        let event = event.json();
        assert_eq!(event["data"].to_string().parse::<Value>().unwrap()["n"].as_f64(), data["n"].as_f64());
        assert_eq!((&event["type"], &event["level"]), (&json!("step"), &json!("info")));
    }
    let history = server.history("t1", "").await;
    let seen: Vec<_> =
        history.iter().map(|event| event["data"].as_f64().is_none().then(|| &event["data"])).collect();
    assert_eq!(
        seen[2..5],
        [Some(&json!("plain words")), Some(&json!({"from": "input"})), Some(&json!("two\nlines"))]
    );
    assert_eq!((&history[5]["level"], history[5]["data"].as_i64()), (&json!("warn"), Some(-1)));
}

#[tokio::test]
async fn pieces_of_text_grow_together_and_latest_values_replace_each_other() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    server.create("t1").await;
    for piece in ["to", "42", "gether"] {
        let words = ["events", "publish", "t1", "text", piece, "--series", "answer", "--mode", "accumulate"];
        assert!(user.run(&words).await.ok().contains("text [answer]"));
    }
    for percent in ["10", "20"] {
        user.run(&["events", "publish", "t1", "progress", percent, "-s", "p", "-m", "latest"]).await.ok();
    }
    let history = ["events", "history", "t1"];
    let whole =
        user.run(&[&history[..], &["--accumulated", "--type", "text", "--json"]].concat()).await.jsons();
    let last = whole.last().unwrap();
    assert_eq!(last["data"]["delta"], "to42gether");
    let latest = user.run(&[&history[..], &["--type", "progress", "--json"]].concat()).await.json();
    assert_eq!(latest["data"].as_i64(), Some(20));
    user.run(&["events", "publish", "t1", "x", "y", "--series", "s"]).await.failed(2, "--mode");
}

#[tokio::test]
async fn a_history_begins_where_asked_and_is_as_long_as_asked() {
    let server = Server::start(Store::Memory).await;
    let user = User::of(&server);
    server.create("t1").await;
    let history = ["events", "history", "t1"];
    let empty = user.run(&history).await;
    assert_eq!(
        (empty.code, empty.out.as_str(), empty.err.as_str()),
        (Some(0), "", "there are no such events\n")
    );
    for (kind, data) in [("a.x", "1"), ("b", "2"), ("a.y", "3"), ("c", "4")] {
        server.publish("t1", &format!(r#"{{"type":"{kind}","data":{data}}}"#)).await;
    }
    let second = server.history("t1", "").await[1]["id"].as_str().unwrap().to_owned();
    let table: [(&[&str], &[i64]); 6] = [
        (&[], &[1, 2, 3, 4]),
        (&["--since", "0"], &[2, 3, 4]),
        (&["--since", "-1", "--limit", "2"], &[1, 2]),
        (&["--since", &second], &[3, 4]),
        (&["--type", "a.*"], &[1, 3]),
        (&["--type", "a.*", "--type", "c"], &[1, 3, 4]),
    ];
    for (words, expected) in table {
        let events = user.run(&[&history, words, &["--json"]].concat()).await.jsons();
        let data: Vec<_> = events.iter().map(|event| event["data"].as_i64().unwrap()).collect();
        assert_eq!(data, expected, "{words:?}");
    }
    let text = user.run(&history).await;
    assert_eq!(text.ok().lines().count(), 4, "{text:?}");
    assert!(text.ok().lines().next().unwrap().ends_with("a.x  1"), "{text:?}");
}

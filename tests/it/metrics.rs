//! What `/metrics` shows (PROTOCOL §16.2), and that neither it nor the logs tell secrets.

use crate::support::{Client, Server, Wire, wait_until};

/// Lines that are there from the start.
const PROMISED: [&str; 14] = [
    "taskcast_tasks_created_total",
    "taskcast_events_published_total",
    "taskcast_writes_waiting",
    "taskcast_overloaded_total",
    "taskcast_sse_connections{kind=\"task\"}",
    "taskcast_sse_connections{kind=\"global\"}",
    "taskcast_transitions_total{to=\"completed\"}",
    "taskcast_webhook_deliveries_total{outcome=\"success\"}",
    "taskcast_webhook_deliveries_total{outcome=\"retry\"}",
    "taskcast_webhook_deliveries_total{outcome=\"failed\"}",
    "taskcast_workers{status=\"idle\"}",
    "taskcast_workers{status=\"busy\"}",
    "taskcast_workers{status=\"draining\"}",
    "taskcast_workers{status=\"offline\"}",
];

/// What the test makes of some lines.
const COUNTED: [(&str, f64); 9] = [
    ("taskcast_tasks_created_total", 2.0),
    ("taskcast_events_published_total", 3.0),
    ("taskcast_transitions_total{to=\"running\"}", 1.0),
    ("taskcast_transitions_total{to=\"completed\"}", 1.0),
    ("taskcast_writes_waiting", 0.0),
    (r#"taskcast_http_requests_total{method="POST",route="/tasks",status="201"}"#, 2.0),
    (r#"taskcast_http_requests_total{method="PATCH",route="/tasks/{task}/status",status="409"}"#, 1.0),
    (r#"taskcast_http_request_duration_seconds_count{method="POST",route="/tasks"}"#, 2.0),
    (r#"taskcast_http_request_duration_seconds_bucket{method="POST",route="/tasks",le="+Inf"}"#, 2.0),
];

on_local_stores!(
    the_promised_metrics_are_there_and_count,
    no_client_can_put_a_word_of_its_own_into_a_label,
    logs_tell_no_payload,
);

async fn metrics(client: &Client) -> String {
    let answer = client.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    answer.text().to_owned()
}

/// The value of a line, which must be there.
fn value(text: &str, line: &str) -> f64 {
    let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
    let value = value.unwrap_or_else(|| panic!("no {line} in\n{text}"));
    value.parse().expect("a number")
}

async fn the_promised_metrics_are_there_and_count(server: Server) {
    let before = metrics(&server).await;
    assert_eq!(
        value(&before, concat!("taskcast_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}")),
        1.0
    );
    for line in PROMISED {
        assert_eq!(value(&before, line), 0.0, "{line}");
    }
    server.running("t").await;
    server.create("u").await;
    server.publish("t", r#"[{"type":"a"},{"type":"b"}]"#).await;
    server.publish("u", r#"{"type":"a"}"#).await;
    let (stream, all) = (server.stream("/tasks/t/events").await, server.stream("/events").await);
    let open = metrics(&server).await;
    assert_eq!(value(&open, "taskcast_sse_connections{kind=\"task\"}"), 1.0);
    assert_eq!(value(&open, "taskcast_sse_connections{kind=\"global\"}"), 1.0);
    server.moved("t", "completed").await;
    server.patch("/tasks/t/status", r#"{"status":"completed"}"#).await;
    drop((stream, all));
    let after = metrics(&server).await;
    for (line, expected) in COUNTED {
        assert_eq!(value(&after, line), expected, "{line}");
    }
    wait_until("closed streams are not counted", async || {
        let text = metrics(&server).await;
        (value(&text, "taskcast_sse_connections{kind=\"global\"}") == 0.0).then_some(())
    })
    .await;
}

async fn no_client_can_put_a_word_of_its_own_into_a_label(server: Server) {
    server.create("secret-id").await;
    server.publish("secret-id", r#"{"type":"secret-type"}"#).await;
    for path in
        ["/tasks/secret-id", "/secret-path", "/tasks?type=secret-query", "/tasks/secret-id/seq/secret"]
    {
        server.get(path).await;
    }
    let mut wire = Wire::connect(server.address).await;
    for number in 0..20 {
        let method = format!("SECRET{number}");
        for path in ["/tasks", "/none"] {
            wire.call(&method, path, &[], b"").await.expect("an answer");
        }
    }
    let text = metrics(&server).await;
    assert!(!text.to_lowercase().contains("secret"), "{text}");
}

async fn logs_tell_no_payload(server: Server) {
    let body = r#"{"id":"t","params":{"p":"s3cret"},"webhooks":[{"url":"https://u:s3cret@a.example","secret":"s3cret"}]}"#;
    server.post("/tasks", body).await.ok(201);
    server.publish("t", r#"{"type":"a","data":"s3cret"}"#).await;
    server.call("GET", "/tasks/t?token=s3cret", &[("authorization", "Bearer s3cret")], b"").await;
    let odd = format!("{{\"id\":\"t2\",\"ttl\":\"{}\"}}", "s3cret");
    let refused = server.post("/tasks", &odd).await;
    assert!(!refused.text().contains("s3cret"));
    let logs = server.logs();
    assert!(logs.contains("listens on") && !logs.contains("s3cret"), "{logs}");
}

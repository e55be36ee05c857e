//! Input nobody should send: never a 500, never a panic, never a dead server.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use crate::support::client::request;
use crate::support::{Server, Setup, Store, Wire, within};

const REQUESTS: usize = 1500;
const GARBAGE: usize = 300;

with_each_store!(
    no_request_makes_the_server_fail,
    no_bytes_on_a_socket_make_the_server_fail,
    half_requests_and_hang_ups_leave_no_trace,
);

/// Answers of 5xx that say something sensible.
const SENSIBLE: [&str; 3] = ["storage_release_unsupported", "overloaded", "shutting_down"];

/// Fields of bodies.
const FIELDS: &str = "id type status data ttl result error message reason resumeAfterMs blockedRequest level
    seriesId seriesMode seriesAccField clientId clientSeq seqMode params tags webhooks url secret cleanup rules
    trigger afterMs target authConfig match scope archive schema version exportedAt task events index taskId
    timestamp overwrite delta expectedLastEventIndex inactiveSince cost";

/// Strings that mean something somewhere.
const VALUES: &str =
    "t u running paused blocked completed accumulate latest taskcast:status a info hold whsec_
    taskcast.taskArchive http://[::1]:99999/ all \\u0000 \\ud800";

/// Parameters of query strings.
const PARAMETERS: &str =
    "since.id since.index since.timestamp types levels limit seriesFormat wrap includeStatus
    status type tags assignMode order cursor %00";

/// Methods, and what is none.
const METHODS: &str = "GET POST PATCH DELETE HEAD PUT OPTIONS TRACE GE%T";

#[derive(Clone, Debug)]
struct Request {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// A segment of a path: a task, something like one, anything.
fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["t", "u", "import", "none"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["%00", "%ff", "%2e%2e", "%2f", "%", "%zz", "..", "*", "{task}", "-1", "'"])
            .prop_map(str::to_owned),
        1 => "[!-~&&[^?# ]]{0,40}",
        1 => prop::collection::vec(any::<u8>(), 0..20)
            .prop_map(|bytes| bytes.iter().map(|byte| format!("%{byte:02X}")).collect()),
    ]
}

fn route() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "/tasks/@/events",
        "/tasks/@/events",
        "/tasks/@/events/history",
        "/tasks/@/status",
        "/tasks/@/resolve",
        "/tasks",
        "/tasks/@",
        "/tasks/import",
        "/tasks/@/request",
        "/tasks/@/archive",
        "/tasks/@/seq/@",
        "/tasks/@/storage/release",
        "/events",
        "/workers",
        "/workers/@/@",
        "/health/@",
        "/@",
        "/metrics",
    ])
}

fn query() -> impl Strategy<Value = String> {
    let name = word(PARAMETERS);
    let value = prop_oneof![
        "-?[0-9]{0,25}",
        word("desc accumulated false a.* * , % %ff taskcast:* info").prop_map(str::to_owned),
        "[!-~&&[^# ]]{0,30}",
        "[A-Za-z0-9_-]{0,60}",
    ];
    let pair = (name, value).prop_map(|(name, value)| format!("{name}={value}"));
    prop_oneof![
        Just(String::new()),
        prop::collection::vec(pair, 0..5).prop_map(|pairs| format!("?{}", pairs.join("&"))),
    ]
}

/// One of the words of a text.
fn word(text: &'static str) -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(text.split_whitespace().collect::<Vec<_>>())
}

/// JSON with the names the service knows, and values that mostly do not fit.
fn json_body() -> impl Strategy<Value = String> {
    let name = word(FIELDS);
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON", |number| number.is_finite())
            .prop_map(|number| format!("{number:e}")),
        "[0-9]{1,60}",
        word(VALUES).prop_map(|word| format!("\"{word}\"")),
        "\\PC{0,20}".prop_map(|text| json!(text).to_string()),
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        let pair = (name.clone(), inner.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            3 => prop::collection::vec(pair, 0..8).prop_map(|pairs| format!("{{{}}}", pairs.join(","))),
            1 => prop::collection::vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
        ]
    })
}

/// Bodies that are right, to be broken.
fn right_body() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        r#"{"id":"u","type":"a","ttl":100,"tags":["x"]}"#,
        r#"{"type":"a","data":{"delta":"x"},"seriesId":"s","seriesMode":"accumulate"}"#,
        r#"[{"type":"a","clientId":"c","clientSeq":1},{"type":"b","clientId":"c","clientSeq":2}]"#,
        r#"{"status":"blocked","blockedRequest":{"type":"q"},"resumeAfterMs":50}"#,
        r#"{"status":"running","ttl":100}"#,
        r#"{"archive":{"schema":"taskcast.taskArchive","version":1,"exportedAt":1,"task":{"id":"u","status":"running","createdAt":1,"updatedAt":1},"events":[]},"overwrite":true}"#,
        r#"{"data":[1,2]}"#,
        r#"{"expectedLastEventIndex":0,"inactiveSince":0}"#,
    ])
    .prop_map(str::to_owned)
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let broken = (right_body(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(text, place, byte)| {
        let mut bytes = text.into_bytes();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        bytes
    });
    let cut = (right_body(), any::<prop::sample::Index>())
        .prop_map(|(text, place)| text.as_bytes()[..place.index(text.len())].to_vec());
    let deep = (1..3000_usize, prop::sample::select(vec!["[", "{\"a\":", "[["]))
        .prop_map(|(depth, piece)| piece.repeat(depth).into_bytes());
    prop_oneof![
        1 => Just(Vec::new()),
        3 => json_body().prop_map(String::into_bytes),
        2 => right_body().prop_map(String::into_bytes),
        2 => broken,
        1 => cut,
        1 => deep,
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let name = prop::sample::select(vec![
        "last-event-id",
        "origin",
        "accept",
        "content-type",
        "authorization",
        "x-request-id",
        "cookie",
        "idempotency-key",
        "content-encoding",
        "access-control-request-headers",
        "x-taskcast-service-key",
        "range",
    ]);
    prop::collection::vec((name, "[ -~\u{80}-\u{ff}]{0,60}"), 0..3)
}

fn requests() -> impl Strategy<Value = Request> {
    let path = (route(), segment(), segment(), query()).prop_map(|(route, first, second, query)| {
        let path = route.replacen('@', &first, 1).replacen('@', &second, 1);
        format!("{path}{query}")
    });
    (word(METHODS), path, headers(), body()).prop_map(|(method, path, headers, body)| Request {
        method,
        path,
        headers,
        body,
    })
}

async fn start(store: Store) -> Server {
    let config = json!({"publish": {"seqHoldTimeoutMs": 20}, "limits": {"bodyBytes": 20_000}});
    let server = Setup::new(store).config(config).start().await;
    server.running("t").await;
    server.publish("t", r#"{"type":"a","clientId":"c","clientSeq":0}"#).await;
    server
}

async fn no_request_makes_the_server_fail(store: Store) {
    let server = start(store).await;
    let mut runner = TestRunner::default();
    for _ in 0..REQUESTS {
        let sent = requests().new_tree(&mut runner).expect("a request").current();
        let headers: Vec<_> = sent.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut wire = Wire::connect(server.address).await;
        wire.send(&request(sent.method, &sent.path, &headers, &sent.body)).await.expect("the server reads");
        let head = wire.head().await.unwrap_or_else(|error| panic!("{error}: {sent:?}"));
        if head.status < 500 {
            continue;
        }
        let mut wire = Wire::connect(server.address).await;
        let again = wire.call(sent.method, &sent.path, &headers, &sent.body).await.expect("an answer");
        let sensible = SENSIBLE.iter().any(|code| again.text().contains(code));
        assert!(head.status == 503 && sensible, "{sent:?}: {again:?}\n{}", server.logs());
    }
    server.is_well().await;
    server.get("/tasks").await.ok(200);
    server.create("after").await;
    assert_eq!(server.publish("after", r#"{"type":"a"}"#).await["index"], 0);
}

async fn no_bytes_on_a_socket_make_the_server_fail(store: Store) {
    let server = start(store).await;
    let mut runner = TestRunner::default();
    let line = "(GET|POST|\\PC{0,9}) [!-~]{0,60} HTTP/[0-9.]{0,4}\r\n";
    let header = "[ -~]{0,30}:[ -~]{0,60}\r\n";
    let garbage = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..2000),
        (line, prop::collection::vec(header, 0..80), prop::collection::vec(any::<u8>(), 0..100))
            .prop_map(|(line, headers, body)| [line.as_bytes(), headers.concat().as_bytes(), b"\r\n", &body]
                .concat()),
        (0..200_000_usize)
            .prop_map(|length| format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(length)).into_bytes()),
        ("-?[0-9a-f]{1,20}", any::<u8>()).prop_map(|(length, byte)| {
            let head = "POST /tasks HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n";
            [head.as_bytes(), length.as_bytes(), b"\r\n", &[byte]].concat()
        }),
        "(-|\\+)?[0-9]{1,25}".prop_map(|length| {
            format!("POST /tasks HTTP/1.1\r\nhost: t\r\ncontent-length: {length}\r\n\r\n{{}}").into_bytes()
        }),
    ];
    for _ in 0..GARBAGE {
        let bytes = garbage.new_tree(&mut runner).expect("bytes").current();
        let mut wire = Wire::connect(server.address).await;
        // Either side may hang up first.
        if wire.send(&bytes).await.is_err() || nix_shutdown(&wire).is_err() {
            continue;
        }
        let mut answer = Vec::new();
        let _hung_up = within("the server hangs up", wire.socket.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.starts_with("HTTP/1.1 5"), "{answer}\n{:?}", String::from_utf8_lossy(&bytes));
    }
    server.is_well().await;
}

/// Says that nothing more will be sent.
fn nix_shutdown(wire: &Wire) -> std::io::Result<()> {
    socket2::SockRef::from(&wire.socket).shutdown(std::net::Shutdown::Write)
}

async fn half_requests_and_hang_ups_leave_no_trace(store: Store) {
    let server = start(store).await;
    let mut waiting = Vec::new();
    for number in 0..200 {
        let mut wire = Wire::connect(server.address).await;
        let body = format!(r#"{{"id":"half-{number}"}}"#);
        let bytes = request("POST", "/tasks", &[], body.as_bytes());
        wire.send(&bytes[..bytes.len() - 1 - number % 50]).await.expect("the server reads");
        waiting.push(wire);
    }
    server.create("whole").await;
    drop(waiting);
    for _ in 0..50 {
        let mut wire = Wire::connect(server.address).await;
        wire.send(&request("GET", "/tasks/t/events", &[], b"")).await.expect("the server reads");
    }
    server.is_well().await;
    let listed = server.get("/tasks").await.ok(200);
    assert_eq!(listed["tasks"].as_array().map(Vec::len), Some(2), "{listed}");
}

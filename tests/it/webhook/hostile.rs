//! Receivers that do not behave, and addresses that may not be delivered to.

use std::time::Duration;

use serde_json::{Value, json};

use super::receiver::Reply;
use super::{Delivery, Receiver, failures, indexes, publish, running, setup, willing};
use crate::support::{Setup, Store};

/// What a hostile receiver does with the first event, by the path of its webhook.
fn hostile(delivery: &Delivery) -> Reply {
    if delivery.index() > 0 {
        return Reply::status(200);
    }
    let text = |text: &str| text.as_bytes().to_vec();
    match &*delivery.path {
        "/garbage" => Reply::Last([0xff, 0x00, b'\n', 0x7f].repeat(100)),
        "/closes" => Reply::Last(Vec::new()),
        "/breaks-off" => Reply::Last(text("HTTP/1.1 200 OK\r\ncontent-le")),
        "/endless-headers" => Reply::Endless(text("HTTP/1.1 200 OK\r\n"), text("x-more: of the same\r\n")),
        "/endless-line" => Reply::Endless(text("HTTP/1.1 200 OK\r\nx: "), vec![b'x'; 1024]),
        "/silent" => Reply::Nothing,
        "/informs" => Reply::Endless(Vec::new(), text("HTTP/1.1 103 Early Hints\r\n\r\n")),
        "/endless-body" => Reply::Endless(
            text("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
            text("3\r\nabc\r\n"),
        ),
        "/huge-body" => {
            Reply::Endless(text("HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n"), vec![0; 4096])
        }
        "/short-body" => Reply::Last(text("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")),
        path => panic!("{path}"),
    }
}

const REFUSING: [&str; 7] =
    ["/garbage", "/closes", "/breaks-off", "/endless-headers", "/endless-line", "/silent", "/informs"];
const ACCEPTING: [&str; 3] = ["/endless-body", "/huge-body", "/short-body"];

#[tokio::test]
async fn whatever_a_receiver_does_costs_one_attempt_and_no_memory() {
    let receiver = Receiver::start(hostile).await;
    let server = setup(Store::Sqlite).start().await;
    let retry = json!({"retries": 0, "timeoutMs": 2000});
    let hook = |path: &&str| json!({"url": receiver.url(path), "retry": retry});
    let hooks: Vec<_> = REFUSING.iter().chain(&ACCEPTING).map(hook).collect();
    let before = server.resident();
    running(&server, "t", hooks.into()).await;
    publish(&server, "t", 0..1).await;
    let count = REFUSING.len() + ACCEPTING.len();
    let seen = receiver.until("both events everywhere", |seen| seen.len() >= 2 * count).await;
    for path in REFUSING.iter().chain(&ACCEPTING) {
        let own: Vec<_> = seen.iter().filter(|delivery| delivery.path == *path).cloned().collect();
        assert_eq!(indexes(&own), [0, 1], "{path}");
    }
    let failed = failures(&server, "t", REFUSING.len()).await;
    assert!(failed.iter().all(|failure| failure["index"] == 0 && failure["attempts"] == 1), "{failed:?}");
    assert!(server.resident() < before + 32 * 1024, "{} KiB", server.resident() - before);
    server.is_well().await;
}

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_without_an_attempt() {
    let receiver = willing().await;
    let port = receiver.address.port();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "0.0.0.0",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00::1]",
    ];
    let config = json!({"webhook": {"endpoints": [{"url": receiver.url("/global")}]}});
    let server = Setup::new(Store::Memory).config(config).start().await;
    let hook = |host: &&str| json!({"url": format!("http://{host}:{port}/")});
    running(&server, "t", hosts.iter().map(hook).collect::<Vec<_>>().into()).await;
    for failure in failures(&server, "t", hosts.len() + 1).await {
        let told = (&failure["error"], &failure["attempts"], failure.get("status"));
        assert_eq!(told, (&json!("the address is not allowed"), &json!(1), None), "{failure}");
    }
    assert_eq!(receiver.so_far().len(), 0);
}

#[tokio::test]
async fn dead_receivers_slow_nobody_down_and_fill_no_memory() {
    const DEAD: usize = 40;
    const ATTEMPT: Duration = Duration::from_secs(60);
    let dead = Receiver::start(|_| Reply::Nothing).await;
    let receiver = willing().await;
    let server = setup(Store::Sqlite).start().await;
    let retry = json!({"retries": 1000, "timeoutMs": ATTEMPT.as_millis() as u64});
    for n in 0..DEAD {
        running(&server, &format!("dead-{n}"), json!([{"url": dead.url("/"), "retry": retry}])).await;
    }
    dead.until("attempts", |seen| seen.len() >= 10).await;
    let large = json!({"type": "large", "data": "x".repeat(100_000)});
    let batch = Value::from(vec![large; 10]).to_string();
    let publish_to_all = async || {
        for n in 0..DEAD {
            server.publish(&format!("dead-{n}"), &batch).await;
        }
        server.resident()
    };
    let before = publish_to_all().await;
    publish_to_all().await;
    let after = publish_to_all().await;
    running(&server, "alive", json!([{"url": receiver.url("/")}])).await;
    for n in 0..20 {
        publish(&server, "alive", n..n + 1).await;
        receiver.until("the living get theirs", |seen| seen.len() as u64 == n + 2).await;
    }
    let grown = after.saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB for {} MB more that wait", DEAD * 2);
    let open = dead.so_far().iter().filter(|attempt| attempt.at.elapsed() < ATTEMPT / 2).count();
    assert!(open <= 16, "{open} attempts at one host at once");
}

#[tokio::test]
async fn a_server_without_certificate_authorities_delivers_over_http_only() {
    let receiver = willing().await;
    let nothing = tempfile::NamedTempFile::new().unwrap();
    let authorities = nothing.path().display().to_string();
    let server = setup(Store::Memory).environment(vec![("SSL_CERT_FILE", authorities)]).start().await;
    let secure = receiver.url("/").replace("http:", "https:");
    let hook = |url: String| json!({"url": url, "retry": {"retries": 0}});
    running(&server, "t", json!([hook(secure), hook(receiver.url("/"))])).await;
    assert_eq!(failures(&server, "t", 1).await[0]["error"], json!("no connection"));
    receiver.exactly(1).await;
    assert!(server.logs().contains("no certificate authorities"), "{}", server.logs());
}

#[tokio::test]
async fn endpoints_that_break_a_rule_keep_the_server_from_starting() {
    let wrong = [
        (json!({"endpoints": [{"url": "ftp://a.example/s3cret"}]}), "webhook.endpoints[0].url"),
        (json!({"endpoints": [{"url": "http://a.example/"}, {"secret": "x"}]}), "webhook.endpoints[1].url"),
        (
            json!({"endpoints": [{"url": "http://a.example/", "secret": "whsec_s3cret!"}]}),
            "webhook.endpoints[0].secret",
        ),
        (
            json!({"endpoints": [{"url": "http://a.example/", "filter": {"levels": ["loud"]}}]}),
            "filter.levels[0]",
        ),
    ];
    for (webhook, place) in wrong {
        let folder = tempfile::TempDir::new().unwrap();
        let config = folder.path().join("taskcast.json");
        std::fs::write(&config, json!({"storage": "memory", "webhook": webhook}).to_string()).unwrap();
        let ended = tokio::process::Command::new(env!("CARGO_BIN_EXE_taskcast"))
            .args(["--port", "0", "--config"])
            .arg(&config)
            .current_dir(folder.path())
            .kill_on_drop(true)
            .output();
        let ended = crate::support::within("the program ends", ended).await.unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && said.contains(place) && !said.contains("s3cret"), "{said}");
    }
}

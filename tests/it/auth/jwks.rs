//! Keys behind a URL: rotation, outage, and how often it is asked (PROTOCOL §4.3).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use parking_lot::Mutex;
use serde_json::{Value, json};
use taskcast::config::Algorithm;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::keys::{
    ED25519_PUBLIC, P256_PUBLIC, P384_PUBLIC, RSA_1024_PUBLIC, RSA_PUBLIC, other, private, sign, sign_by,
};
use super::{Caller, secured_with};
use crate::support::{Answer, Server, Store, wait_until};

const ED: Algorithm = Algorithm::EdDSA;
const OTHER_PUBLIC: &str = include_str!("keys/ed25519_other.pub.pem");
/// So long that no test sees it pass.
const NEVER: u64 = 2_000_000_000;

/// What the issuer answers.
#[derive(Clone)]
enum Reply {
    Keys(Value),
    Raw(&'static str),
    /// Nothing, until the test says something else.
    Silence,
}

/// Somebody who issues tokens and publishes keys.
struct Issuer {
    address: SocketAddr,
    reply: Arc<Mutex<Reply>>,
    asked: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Issuer {
    async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (reply, asked) = (Arc::new(Mutex::new(reply)), Arc::new(AtomicUsize::new(0)));
        let serving = tokio::spawn(serve(listener, Arc::clone(&reply), Arc::clone(&asked)));
        Self { address, reply, asked, serving }
    }

    fn says(&self, reply: Reply) {
        *self.reply.lock() = reply;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A server that takes keys from here.
    async fn trusted(&self, algorithm: Algorithm, refetch_ms: u64) -> Server {
        let url = format!("http://user:s3cret@{}/keys", self.address);
        trusting(&url, algorithm, refetch_ms).await
    }
}

async fn trusting(url: &str, algorithm: Algorithm, refetch_ms: u64) -> Server {
    let jwt = json!({"algorithm": format!("{algorithm:?}"), "jwksUrl": url, "jwksRefetchMs": refetch_ms});
    secured_with(Store::Memory, json!({"auth": {"mode": "jwt", "jwt": jwt}})).start().await
}

async fn serve(listener: TcpListener, reply: Arc<Mutex<Reply>>, asked: Arc<AtomicUsize>) {
    let mut silent = Vec::new();
    while let Ok((mut socket, _)) = listener.accept().await {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n")
            && socket.read_buf(&mut request).await.is_ok_and(|read| read > 0)
        {}
        asked.fetch_add(1, Ordering::SeqCst);
        let answer = match reply.lock().clone() {
            Reply::Keys(keys) => {
                let body = json!({"keys": keys}).to_string();
                let length = body.len();
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}")
            }
            Reply::Raw(text) => text.to_owned(),
            Reply::Silence => {
                silent.push(socket);
                continue;
            }
        };
        if socket.write_all(answer.as_bytes()).await.is_err() {
            continue;
        }
    }
}

fn key(pem: &str, algorithm: Algorithm, kid: &str) -> Value {
    let key = match algorithm {
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem.as_bytes()),
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(pem.as_bytes()),
        _ => DecodingKey::from_rsa_pem(pem.as_bytes()),
    };
    let mut key =
        serde_json::to_value(Jwk::from_decoding_key(&key.unwrap(), Some(algorithm)).unwrap()).unwrap();
    key["kid"] = json!(kid);
    key["use"] = json!("sig");
    key
}

fn first() -> Value {
    key(ED25519_PUBLIC, ED, "first")
}

fn second() -> Value {
    key(OTHER_PUBLIC, ED, "second")
}

fn claims() -> Value {
    json!({"scope": ["*"]})
}

async fn by_first(server: &Server, kid: Option<&str>) -> Answer {
    Caller::bearing(server, &sign(ED, kid, &claims())).get("/tasks").await
}

async fn by_second(server: &Server, kid: Option<&str>) -> Answer {
    Caller::bearing(server, &sign_by(&other(), ED, kid, &claims())).get("/tasks").await
}

#[track_caller]
fn invalid(answer: &Answer) {
    answer.refused(401, "invalid_token", "Invalid or expired token");
}

#[tokio::test]
async fn keys_of_every_kind_are_found_by_their_ids() {
    let keys = json!([
        {"kty": "oct", "k": "c2VjcmV0", "kid": "rs"},
        {"kty": "XYZ", "kid": "ed"}, "nonsense", {"kid": 5},
        {"kty": "OKP", "crv": "Ed25519", "x": "c2hvcnQ", "kid": "short"},
        key(RSA_1024_PUBLIC, Algorithm::RS256, "weak"),
        key(RSA_PUBLIC, Algorithm::RS256, "rs"),
        key(RSA_PUBLIC, Algorithm::PS512, "ps"),
        key(P256_PUBLIC, Algorithm::ES256, "p256"),
        key(P384_PUBLIC, Algorithm::ES384, "p384"),
        key(ED25519_PUBLIC, ED, "ed"),
    ]);
    let issuer = Issuer::start(Reply::Keys(keys)).await;
    for (algorithm, kid) in [
        (Algorithm::RS256, "rs"),
        (Algorithm::PS512, "ps"),
        (Algorithm::ES256, "p256"),
        (Algorithm::ES384, "p384"),
        (ED, "ed"),
    ] {
        let server = issuer.trusted(algorithm, NEVER).await;
        let before = issuer.asked();
        Caller::bearing(&server, &sign(algorithm, Some(kid), &claims())).get("/tasks").await.ok(200);
        Caller::bearing(&server, &sign(algorithm, None, &claims())).get("/tasks").await.ok(200);
        for kid in ["short", "weak", "none", ""] {
            invalid(&Caller::bearing(&server, &sign(algorithm, Some(kid), &claims())).get("/tasks").await);
        }
        assert_eq!(issuer.asked(), before + 1, "keys are kept");
        server.is_well().await;
    }
}

#[tokio::test]
async fn a_token_without_an_id_needs_a_set_of_one_key() {
    let issuer = Issuer::start(Reply::Keys(json!([first(), second()]))).await;
    let server = issuer.trusted(ED, NEVER).await;
    by_first(&server, Some("first")).await.ok(200);
    by_second(&server, Some("second")).await.ok(200);
    invalid(&by_first(&server, None).await);
    invalid(&by_first(&server, Some("second")).await);
    let unnamed = |mut key: Value| {
        key.as_object_mut().unwrap().remove("kid");
        key
    };
    let issuer = Issuer::start(Reply::Keys(json!([unnamed(first())]))).await;
    let server = issuer.trusted(ED, NEVER).await;
    by_first(&server, None).await.ok(200);
    invalid(&by_first(&server, Some("first")).await);
}

#[tokio::test]
async fn a_key_that_is_missed_is_looked_for_at_most_once_in_a_while() {
    let issuer = Issuer::start(Reply::Keys(json!([first()]))).await;
    let server = issuer.trusted(ED, NEVER).await;
    by_first(&server, Some("first")).await.ok(200);
    issuer.says(Reply::Keys(json!([second()])));
    for kid in ["second", "third", "fourth"] {
        invalid(&by_second(&server, Some(kid)).await);
    }
    assert_eq!(issuer.asked(), 1, "the set was asked for lately");
    by_first(&server, Some("first")).await.ok(200);
}

#[tokio::test]
async fn when_keys_change_the_new_ones_are_found_and_the_old_ones_are_gone() {
    let issuer = Issuer::start(Reply::Keys(json!([first()]))).await;
    let server = issuer.trusted(ED, 1).await;
    by_first(&server, Some("first")).await.ok(200);
    issuer.says(Reply::Keys(json!([first(), second()])));
    wait_until("the new key is found", async || {
        (by_second(&server, Some("second")).await.status == 200).then_some(())
    })
    .await;
    by_first(&server, Some("first")).await.ok(200);
    issuer.says(Reply::Keys(json!([second()])));
    wait_until("the old key is gone", async || {
        invalid(&by_second(&server, Some("unknown")).await);
        (by_first(&server, Some("first")).await.status == 401).then_some(())
    })
    .await;
    by_second(&server, Some("second")).await.ok(200);
}

#[tokio::test]
async fn an_old_set_is_fetched_again_although_no_key_is_missed() {
    let issuer = Issuer::start(Reply::Keys(json!([first(), second()]))).await;
    let jwt =
        json!({"algorithm": "EdDSA", "jwksUrl": format!("http://{}/", issuer.address), "jwksMaxAgeMs": 1});
    let server = secured_with(Store::Memory, json!({"auth": {"mode": "jwt", "jwt": jwt}})).start().await;
    by_first(&server, Some("first")).await.ok(200);
    issuer.says(Reply::Keys(json!([second()])));
    wait_until("the withdrawn key is gone", async || {
        by_second(&server, Some("second")).await.ok(200);
        (by_first(&server, Some("first")).await.status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_replaced_under_its_id_is_another_key() {
    let issuer = Issuer::start(Reply::Keys(json!([first()]))).await;
    let server = issuer.trusted(ED, 1).await;
    by_first(&server, Some("first")).await.ok(200);
    issuer.says(Reply::Keys(json!([key(OTHER_PUBLIC, ED, "first")])));
    wait_until("the other key counts", async || {
        invalid(&by_first(&server, Some("unknown")).await);
        (by_first(&server, Some("first")).await.status == 401).then_some(())
    })
    .await;
    by_second(&server, Some("first")).await.ok(200);
}

#[tokio::test]
async fn keys_go_on_working_while_their_issuer_does_not() {
    let issuer = Issuer::start(Reply::Keys(json!([first()]))).await;
    let server = issuer.trusted(ED, 1).await;
    by_first(&server, Some("first")).await.ok(200);
    for broken in [
        "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{\"keys\":",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{\"keys\":[]}",
        "nonsense\r\n\r\n",
        "",
    ] {
        issuer.says(Reply::Raw(broken));
        let before = issuer.asked();
        wait_until("the set is asked for", async || {
            invalid(&by_second(&server, Some("second")).await);
            (issuer.asked() > before).then_some(())
        })
        .await;
        by_first(&server, Some("first")).await.ok(200);
    }
    assert!(!server.logs().contains("s3cret"));
    issuer.says(Reply::Keys(json!([second()])));
    wait_until("it works again", async || {
        (by_second(&server, Some("second")).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_any_keys_nobody_can_be_told_apart_and_that_is_said() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let server = trusting(&format!("http://user:s3cret@{free}/keys"), ED, 60_000).await;
    let answer = by_first(&server, Some("first")).await;
    answer.refused(503, "dependency_unavailable", "jwks unavailable (connection_refused)");
    assert_eq!(answer.header("retry-after"), Some("1"));
    server.get("/tasks").await.refused(401, "missing_token", "Missing Bearer token");
    server.get("/health").await.ok(200);
    let answer = Caller::bearing(&server, "nonsense").get("/tasks").await;
    invalid(&answer);
    assert!(!server.logs().contains("s3cret"), "{}", server.logs());
    let nowhere = trusting("http://nowhere.invalid/keys", ED, 60_000).await;
    let answer = by_first(&nowhere, Some("first")).await;
    answer.refused_with(503, "dependency_unavailable", "jwks unavailable (");
}

#[tokio::test]
async fn keys_that_come_later_are_taken_then() {
    let issuer = Issuer::start(Reply::Raw("HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n")).await;
    let server = issuer.trusted(ED, 60_000).await;
    let answer = by_first(&server, Some("first")).await;
    answer.refused(503, "dependency_unavailable", "jwks unavailable (authentication)");
    issuer.says(Reply::Keys(json!([first()])));
    wait_until("the keys are obtained", async || (by_first(&server, None).await.status == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn many_who_miss_a_key_ask_for_it_once() {
    let issuer = Issuer::start(Reply::Silence).await;
    let server = issuer.trusted(ED, NEVER).await;
    let asking = async || by_first(&server, Some("first")).await;
    let all = futures_util::future::join_all((0..20).map(|_| asking()));
    let release = async {
        wait_until("the set is asked for", async || {
            server.get("/health").await.ok(200);
            (issuer.asked() == 1).then_some(())
        })
        .await;
    };
    let (answers, ()) = futures_util::join!(all, release);
    for answer in answers {
        answer.refused(503, "dependency_unavailable", "jwks unavailable (timeout)");
    }
    issuer.says(Reply::Keys(json!([first()])));
    wait_until("the keys are obtained", async || {
        (by_first(&server, Some("first")).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_keep_new_keys_out() {
    let issuer = Issuer::start(Reply::Keys(json!([first()]))).await;
    let server = issuer.trusted(ED, 1).await;
    by_first(&server, Some("first")).await.ok(200);
    issuer.says(Reply::Keys(json!([first(), second()])));
    let before = issuer.asked();
    let token = sign_by(&private(ED), ED, Some("unknown"), &claims());
    wait_until("the set is asked for", async || {
        let mut wire = crate::support::Wire::connect(server.address).await;
        let header = format!("Bearer {token}");
        let request = crate::support::client::request("GET", "/tasks", &[("authorization", &header)], b"");
        wire.send(&request).await.expect("the server reads");
        drop(wire);
        server.get("/health").await.ok(200);
        (issuer.asked() > before).then_some(())
    })
    .await;
    wait_until("the new key is there", async || {
        (by_second(&server, Some("second")).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_set_that_is_too_long_is_not_read() {
    let many: Vec<_> = (0..20_000)
        .map(|number| json!({"kty": "OKP", "kid": format!("key number {number}"), "x": "a".repeat(40)}))
        .collect();
    let issuer = Issuer::start(Reply::Keys(json!(many))).await;
    let server = issuer.trusted(ED, 60_000).await;
    let answer = by_first(&server, Some("first")).await;
    answer.refused(503, "dependency_unavailable", "jwks unavailable (unavailable)");
}

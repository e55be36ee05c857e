//! Who is let in: what ends a subscription, and where tokens come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt as _;
use serde_json::json;
use taskcast::client::{Client, ClientBuilder, ClientError, Connection, NewTask, Received, Subscription};

use super::{all, client, event, hasty};
use crate::support::proxy::{Fate, Proxy};
use crate::support::{Server, Setup, Store, within};

const ADMIN: &str = "the admin's own";

async fn guarded() -> Server {
    let secret = "a secret that is long enough for everybody";
    let config =
        json!({"auth": {"mode": "jwt", "jwt": {"secret": secret}}, "adminApi": true, "adminToken": ADMIN});
    Setup::new(Store::Memory).config(config).start().await
}

/// A token with these scopes.
async fn token(server: &Server, scopes: &[&str]) -> String {
    client(server).admin_token(ADMIN, scopes, 600).await.unwrap().token
}

fn with_token(server: &Server, token: &str) -> Client {
    hasty(&format!("http://{}", server.address)).token(token).build().unwrap()
}

/// The error that ends a subscription.
async fn refused(mut stream: Subscription) -> ClientError {
    let error = within("the end", stream.next()).await.expect("an item").expect_err("an error");
    assert_eq!(stream.status(), Connection::Closed);
    assert!(stream.next().await.is_none(), "nothing comes behind an error");
    assert!(stream.next().await.is_none(), "however often one asks");
    error
}

#[tokio::test]
async fn a_subscription_that_is_refused_ends_with_the_reason() {
    let server = guarded().await;
    let admin = with_token(&server, &token(&server, &[]).await);
    admin.create_task(NewTask { id: Some("t".into()), ..NewTask::default() }).await.unwrap();
    let nobody = client(&server);
    let publisher = with_token(&server, &token(&server, &["event:publish"]).await);
    let table = [
        (nobody.subscribe("t"), 401, "missing_token"),
        (nobody.subscribe_all(), 401, "missing_token"),
        (with_token(&server, "nonsense").subscribe("t"), 401, "invalid_token"),
        (publisher.subscribe("t"), 403, "forbidden"),
        (admin.subscribe("nobody"), 404, "task_not_found"),
    ];
    for (wish, status, code) in table {
        let error = refused(wish.clone().stream()).await;
        assert_eq!((error.status(), error.code()), (Some(status), code));
        let mut text = wish.clone().text("answer");
        assert_eq!(text.changed().await.unwrap().unwrap_err().code(), code);
        assert!(text.changed().await.is_none());
        assert_eq!(wish.latest("percent").changed().await.unwrap().unwrap_err().code(), code);
    }
    assert_eq!(refused(admin.subscribe("a/b").stream()).await.code(), "invalid_request");
    assert_eq!(nobody.admin_token("guessed", &[], 1).await.unwrap_err().code(), "invalid_admin_token");
}

/// Gives the tokens in turn, then fails.
fn providing(builder: ClientBuilder, tokens: Vec<String>) -> (Client, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let builder = builder.token_provider(move || {
        let token = tokens.get(count.fetch_add(1, Ordering::SeqCst)).cloned();
        async move { token.ok_or_else(|| "the vault is closed".into()) }
    });
    (builder.build().unwrap(), asked)
}

#[tokio::test]
async fn the_provider_of_tokens_is_asked_for_each_connection() {
    let server = guarded().await;
    let mut tokens = Vec::new();
    for seconds in 0..4 {
        tokens.push(client(&server).admin_token(ADMIN, &[], 600 + seconds).await.unwrap().token);
    }
    let fates = vec![Fate::Good, Fate::AfterFrames(1), Fate::AfterFrames(2)];
    let proxy = Proxy::planned(server.address, fates).await;
    let (client, asked) = providing(hasty(&proxy.url()), tokens.clone());
    client.create_task(NewTask { id: Some("t".into()), ..NewTask::default() }).await.unwrap();
    with_token(&server, &tokens[0]).cancel("t").await.unwrap();
    // The request leaves a connection behind, which is taken away so that the stream begins with one of its own.
    drop(client);
    proxy.idle().await;
    let (client, asked_again) = providing(hasty(&proxy.url()), tokens[1..].to_vec());
    let received = all(client.subscribe("t").stream()).await;
    assert!(matches!(received[..], [Received::Event(_), Received::Done(_)]), "{received:?}");
    assert_eq!((asked.load(Ordering::SeqCst), asked_again.load(Ordering::SeqCst)), (1, 3));
    for (asked, token) in proxy.asked().iter().zip(&tokens) {
        assert!(asked.contains(&format!("authorization: Bearer {token}\r\n")));
    }
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let server = guarded().await;
    let proxy = Proxy::planned(server.address, vec![Fate::AfterFrames(1)]).await;
    let (client, asked) = providing(hasty(&proxy.url()), Vec::new());
    let error = client.create_task(NewTask::default()).await.unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), ("no_token", "no token: the vault is closed"));
    assert!(!error.is_transient() && !error.outcome_is_unknown());
    assert_eq!(refused(client.subscribe("t").stream()).await.code(), "no_token");
    let unfit =
        hasty(&proxy.url()).token_provider(|| async { Ok("line\nbreak".to_owned()) }).build().unwrap();
    assert_eq!(unfit.health().await.unwrap_err().code(), "no_token");
    let slow = hasty(&proxy.url())
        .request_timeout(std::time::Duration::from_millis(20))
        .token_provider(std::future::pending)
        .build()
        .unwrap();
    assert_eq!(slow.health().await.unwrap_err().to_string(), "no token: none came within 20ms");
    assert_eq!((proxy.connections(), asked.load(Ordering::SeqCst)), (0, 2));
}

#[tokio::test]
async fn a_stream_ends_when_its_token_does_and_goes_on_with_the_next() {
    let server = guarded().await;
    let admin = with_token(&server, &token(&server, &[]).await);
    let id = &admin.create_task(NewTask::default()).await.unwrap().id;
    admin.start(id).await.unwrap();
    let short = client(&server).admin_token(ADMIN, &["event:subscribe"], 2).await.unwrap().token;
    let long = token(&server, &["event:subscribe"]).await;
    let url = format!("http://{}", server.address);
    let (provided, _) = providing(hasty(&url), vec![short.clone(), long]);
    let mut stream = provided.subscribe(id).stream();
    let mut fixed = with_token(&server, &short).subscribe(id).stream();
    assert_eq!((event(&mut stream).await.index, event(&mut fixed).await.index), (0, 0));
    // Nobody gives this client another one.
    let error = within("the end", fixed.next()).await.unwrap().unwrap_err();
    assert_eq!((error.status(), error.code()), (Some(401), "invalid_token"));
    admin.complete(id, json!(null)).await.unwrap();
    assert_eq!(event(&mut stream).await.index, 1);
    assert!(matches!(stream.next().await, Some(Ok(Received::Done(_)))));
}

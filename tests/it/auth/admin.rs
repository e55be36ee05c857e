//! `POST /admin/token` (PROTOCOL §4.6).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use taskcast::config::Algorithm;
use tokio::io::AsyncReadExt as _;

use super::keys::setting;
use super::{Caller, SECRET, now, secured, secured_with};
use crate::support::{Answer, Client, Server, Setup, Store, within};

async fn start(jwt: Value) -> Server {
    let settings = json!({"adminApi": true, "adminToken": "the admin token",
        "auth": {"mode": "jwt", "jwt": jwt}});
    secured_with(Store::Memory, settings).start().await
}

async fn ask(client: &Client, body: Value) -> Answer {
    client.post("/admin/token", &body.to_string()).await
}

/// The claims of a token, as it says.
fn claims(token: &Value) -> Value {
    let part = token.as_str().unwrap().split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn an_administrator_gets_a_token_that_works() {
    let jwt = json!({"secret": SECRET, "algorithm": "HS256", "issuer": ["me", "you"], "audience": "us"});
    let server = start(jwt).await;
    let before = now();
    let given = ask(&server, json!({"adminToken": "the admin token"})).await.ok(200);
    let ends = given["expiresAt"].as_u64().unwrap();
    assert!((before + 86_400..=now() + 86_400).contains(&ends), "{given}");
    let said = claims(&given["token"]);
    let expected = json!({"sub": "admin", "scope": ["*"], "taskIds": "*", "iat": ends - 86_400, "exp": ends,
        "iss": "me", "aud": ["us"]});
    assert_eq!(said, expected);
    let admin = Caller::bearing(&server, given["token"].as_str().unwrap());
    admin.create("t").await;
    admin.get("/tasks").await.ok(200);
    let wish = json!({"adminToken": "the admin token", "scopes": ["event:publish"], "expiresIn": 60});
    let narrow = ask(&server, wish).await.ok(200);
    let narrow = Caller::bearing(&server, narrow["token"].as_str().unwrap());
    narrow.publish("t", "a").await.ok(201);
    narrow.get("/tasks").await.refused(403, "forbidden", "Forbidden");
}

#[tokio::test]
async fn a_token_of_an_administrator_ends() {
    let server = start(json!({"secret": SECRET})).await;
    let wish = json!({"adminToken": "the admin token", "expiresIn": 0.5});
    let given = ask(&server, wish).await.ok(200);
    let ended = Caller::bearing(&server, given["token"].as_str().unwrap());
    ended.get("/tasks").await.refused(401, "invalid_token", "Invalid or expired token");
}

#[tokio::test]
async fn what_is_not_as_it_should_be_is_judged_in_order() {
    let server = start(json!({"secret": SECRET})).await;
    for body in ["", "{", "[]", "5", "null", "\"x\""] {
        server.post("/admin/token", body).await.refused(400, "invalid_body", "Invalid request body");
    }
    for token in
        [json!(null), json!(""), json!(5), json!(["the admin token"]), json!("the admin toke"), json!("x")]
    {
        let answer = ask(&server, json!({"adminToken": token, "scopes": 5})).await;
        answer.refused(401, "invalid_admin_token", "Invalid admin token");
    }
    ask(&server, json!({})).await.refused(401, "invalid_admin_token", "Invalid admin token");
    let wish = json!({"adminToken": "the admin token", "scopes": "event:publish", "expiresIn": "5"});
    let given = ask(&server, wish).await.ok(200);
    assert_eq!(claims(&given["token"])["scope"], json!(["*"]));
    let long = "x".repeat(9_000_000);
    let answer = server.post("/admin/token", &long).await;
    answer.refused(413, "too_large", "Request body too large");
    server.get("/admin/token").await.refused(405, "method_not_allowed", "Method not allowed");
}

#[tokio::test]
async fn where_it_is_off_there_is_no_such_route() {
    let server = secured_with(Store::Memory, json!({"adminToken": "the admin token"})).start().await;
    for method in ["POST", "GET", "PUT", "DELETE"] {
        let body = json!({"adminToken": "the admin token"}).to_string();
        let answer = server.call(method, "/admin/token", &[], body.as_bytes()).await;
        answer.refused(404, "not_found", "Not found");
    }
}

#[tokio::test]
async fn without_a_shared_secret_there_is_no_token_to_give() {
    let servers = [
        start(setting(Algorithm::EdDSA)).await,
        Setup::new(Store::Memory)
            .config(json!({"adminApi": true, "adminToken": "the admin token"}))
            .start()
            .await,
    ];
    for server in servers {
        let given = ask(&server, json!({"adminToken": "the admin token"})).await.ok(200);
        assert_eq!(given["token"], "");
        assert!(given["expiresAt"].as_u64().unwrap() > now());
    }
}

#[tokio::test]
async fn a_token_that_was_not_configured_is_made_up_and_shown_once_and_not_logged() {
    let settings = json!({"adminApi": true, "auth": {"mode": "jwt", "jwt": {"secret": SECRET}}});
    let mut server = secured_with(Store::Memory, settings).start().await;
    let mut shown = String::new();
    let mut output = server.output.take().expect("standard output is piped");
    let token = within("the token is shown", async {
        loop {
            let mut piece = [0; 200];
            let read = output.read(&mut piece).await.unwrap();
            shown.push_str(std::str::from_utf8(&piece[..read]).unwrap());
            let told = shown.strip_prefix("admin token: ").and_then(|rest| rest.strip_suffix('\n'));
            if let Some(token) = told {
                break token.to_owned();
            }
        }
    })
    .await;
    assert!(token.len() == 64 && !server.logs().contains(&token), "{token}");
    ask(&server, json!({"adminToken": token})).await.ok(200);
    let plain = secured(Store::Memory).start().await;
    ask(&plain, json!({"adminToken": ""})).await.refused(404, "not_found", "Not found");
}

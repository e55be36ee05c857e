//! Who may do what (PROTOCOL §4): the program and its callers, over real sockets.

mod admin;
mod hostile;
mod idempotency;
mod jwks;
mod keys;
mod lists;
mod order;
mod routes;
mod rules;
mod services;
mod setup;
mod streams;
mod tokens;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use taskcast::config::Algorithm;

use self::keys::sign;
use crate::support::{Answer, Client, Setup, Store, Stream};

/// What the servers of these tests verify tokens with.
const SECRET: &str = "a secret of more than thirty-two bytes";

/// How to start a server that verifies tokens, with these settings besides; those of `auth` replace the usual ones.
pub(crate) fn secured_with(store: Store, mut settings: Value) -> Setup {
    let usual = json!({"mode": "jwt", "jwt": {"secret": SECRET}});
    settings.as_object_mut().expect("settings are a map").entry("auth").or_insert(usual);
    Setup::new(store).config(settings)
}

fn secured(store: Store) -> Setup {
    secured_with(store, json!({}))
}

/// A token with these claims.
pub(crate) fn token(claims: &Value) -> String {
    sign(Algorithm::HS256, None, claims)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs()
}

/// Somebody with a credential.
#[derive(Clone)]
pub(crate) struct Caller {
    client: Client,
    header: (&'static str, String),
}

impl Caller {
    /// The bearer of a token with these claims.
    pub(crate) fn with(client: &Client, claims: Value) -> Self {
        Self::bearing(client, &token(&claims))
    }

    pub(crate) fn bearing(client: &Client, token: &str) -> Self {
        Self { client: *client, header: ("authorization", format!("Bearer {token}")) }
    }

    /// Somebody who may do everything.
    pub(crate) fn root(client: &Client) -> Self {
        Self::with(client, json!({"sub": "root", "scope": ["*"]}))
    }

    /// The trusted service with this key.
    pub(crate) fn service(client: &Client, key: &str) -> Self {
        Self { client: *client, header: ("x-taskcast-service-key", key.to_owned()) }
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let (name, value) = &self.header;
        self.client.call(method, path, &[(name, value)], body.as_bytes()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "").await
    }

    async fn create(&self, id: &str) {
        self.post("/tasks", json!({"id": id})).await.ok(201);
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &body.to_string()).await
    }

    async fn publish(&self, id: &str, event_type: &str) -> Answer {
        self.post(&format!("/tasks/{id}/events"), json!({"type": event_type})).await
    }

    async fn stream(&self, path: &str) -> Stream {
        let (name, value) = &self.header;
        Stream::open_with(self.client.address, path, &[(name, value)]).await
    }
}

//! What the server says of itself (PROTOCOL §16), of webhooks, and tokens.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use taskcast_actors::domain::{Json, Timestamp};

/// That the server is there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Always true.
    pub ok: bool,
    /// `taskcast`.
    pub name: String,
    /// Of the server.
    pub version: String,
    /// Of the protocol.
    pub api_version: String,
}

/// Whether the server can serve, and each of what it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Readiness {
    /// Whether all is well.
    pub ok: bool,
    /// By name: `redisCommand`, `redisPubSub`, `postgres`.
    pub dependencies: BTreeMap<String, Dependency>,
}

/// How something the server depends on is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// `healthy` or not.
    pub state: String,
    /// What is wrong with it.
    #[serde(alias = "lastErrorKind")]
    pub error_kind: Option<String>,
    /// How often in a row it has failed.
    #[serde(default)]
    pub consecutive_failures: u64,
}

/// The whole report of `/health/detail`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Detail {
    /// Whether all is well.
    pub ok: bool,
    /// Of the server.
    pub version: String,
    /// Seconds since it started.
    pub uptime: u64,
    /// How callers are asked who they are.
    pub auth: AuthMode,
    /// The parts by their role: `broadcast`, `shortTermStore`, `longTermStore`.
    pub adapters: BTreeMap<String, Adapter>,
    /// By name.
    pub dependencies: BTreeMap<String, Dependency>,
    /// The storage, as the server tells it.
    pub storage: Json,
}

/// How callers are asked who they are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AuthMode {
    /// `none` or `jwt`.
    pub mode: String,
}

/// What plays a role.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Adapter {
    /// `memory`, `redis`, `sqlite` or `postgres`.
    pub provider: String,
    /// `ok` or `error`.
    pub status: String,
}

/// A token for administrators.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdminToken {
    /// Empty when the server asks nobody who they are.
    pub token: String,
    /// Unix seconds.
    pub expires_at: i64,
}

impl fmt::Debug for AdminToken {
    /// Says nothing of the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Deliveries to webhooks that failed for good.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Failures {
    /// The newest hundred, the oldest of them first.
    pub failures: Vec<Failure>,
    /// How many more there were.
    pub dropped: u64,
}

/// A delivery to a webhook that failed for good.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// For [`crate::client::Client::redeliver`].
    pub id: String,
    /// `task` or `global`.
    pub source: String,
    /// Of the URL.
    pub host: String,
    /// Of the event.
    pub index: u64,
    /// Of the event.
    pub event_id: String,
    /// Of the event.
    #[serde(rename = "type")]
    pub event_type: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What the receiver answered last.
    pub status: Option<u16>,
    /// What went wrong last.
    pub error: String,
    /// When it was tried first.
    pub first_attempt_at: Timestamp,
    /// When it was given up.
    pub failed_at: Timestamp,
    /// Whether it is being tried again.
    pub redelivering: bool,
}

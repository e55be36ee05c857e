//! Workers (PROTOCOL §11).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use taskcast_actors::domain::{Json, Timestamp};

/// A worker as the server knows it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Worker {
    /// Its id.
    pub id: String,
    /// What it does now.
    pub status: WorkerStatus,
    /// Which tasks it takes.
    pub match_rule: Json,
    /// How many slots it has.
    pub capacity: u32,
    /// How many of them are taken.
    pub used_slots: u32,
    /// Who weighs more is asked first.
    pub weight: f64,
    /// `pull` or `websocket`.
    pub connection_mode: String,
    /// When it registered.
    pub connected_at: Timestamp,
    /// When it was last heard of.
    pub last_heartbeat_at: Timestamp,
    /// What it said of itself.
    pub metadata: Option<Json>,
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkerStatus {
    /// Has room.
    Idle,
    /// Has no room.
    Busy,
    /// Takes nothing new.
    Draining,
    /// Was not heard of for too long.
    Offline,
}

/// A worker to register.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewWorker {
    /// Its id; that of the token, or one the server makes up, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<String>,
    /// Which tasks it takes: `{taskTypes?, tags?}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_rule: Option<Value>,
    /// How many slots it has; 10 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Who weighs more is asked first; 50 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// An object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

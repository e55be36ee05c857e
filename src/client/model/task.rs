//! Tasks: what is asked for, and what is shown.

use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use taskcast_actors::domain::retention::Cleanup;
use taskcast_actors::domain::{AssignMode, BlockedRequest, DisconnectPolicy, Task, TaskError, TaskStatus};

/// A task to create (PROTOCOL §7.1). Every field may be left out.
///
/// ```
/// use serde_json::json;
/// use taskcast::client::NewTask;
/// let task = NewTask { ttl: Some(600), params: Some(json!({"prompt": "hello"})), ..NewTask::of_type("llm.chat") };
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are the table of PROTOCOL §7.1")]
pub struct NewTask {
    /// 1 to 256 bytes without control characters and `/`; the server makes one up when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub task_type: Option<String>,
    /// An object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    /// An object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// Seconds, greater than 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assign_mode: Option<AssignMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disconnect_policy: Option<DisconnectPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhooks: Option<Vec<NewWebhook>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<Cleanup>,
    /// Rules of PROTOCOL §4.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_config: Option<Value>,
}

impl NewTask {
    /// A task of this type, of which nothing else is said.
    pub fn of_type(task_type: &str) -> Self {
        Self { task_type: Some(task_type.to_owned()), ..Self::default() }
    }
}

/// A webhook of a task to create (PROTOCOL §18).
///
/// ```
/// use taskcast::client::{NewTask, NewWebhook};
/// let webhook = NewWebhook { url: "https://example.org/hook".into(), ..NewWebhook::default() };
/// let task = NewTask { webhooks: Some(vec![webhook]), ..NewTask::default() };
/// ```
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewWebhook {
    /// Target, http or https.
    pub url: String,
    /// Which events: a SubscribeFilter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    /// Signs deliveries. It is never shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Whether deliveries are envelopes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrap: Option<bool>,
    /// A RetryConfig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Value>,
}

impl std::fmt::Debug for NewWebhook {
    /// Says nothing of the secret, nor of the URL, which may hold one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewWebhook").field("filter", &self.filter).finish_non_exhaustive()
    }
}

/// A change of a task's status (PROTOCOL §7.4). Which fields count depends on the status.
///
/// ```
/// use taskcast::client::{TaskStatus, Transition};
/// let pause = Transition { reason: Some("lunch".into()), ..Transition::to(TaskStatus::Paused) };
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// Where to.
    pub status: TaskStatus,
    /// An object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<TaskError>,
    /// Why it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A new time to live, in seconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// When a blocked task goes on by itself, in milliseconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_after_ms: Option<u64>,
    /// What a blocked task asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_request: Option<BlockedRequest>,
}

impl Transition {
    /// To `status`, of which nothing else is said.
    pub fn to(status: TaskStatus) -> Self {
        Self {
            status,
            result: None,
            error: None,
            reason: None,
            ttl: None,
            resume_after_ms: None,
            blocked_request: None,
        }
    }
}

/// A task with how many follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskView {
    /// The task.
    pub task: Task,
    /// Open streams of this task, on all instances.
    pub subscriber_count: u64,
}

impl Deref for TaskView {
    type Target = Task;

    fn deref(&self) -> &Task {
        &self.task
    }
}

impl<'de> Deserialize<'de> for TaskView {
    /// Can be read only from text in memory.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Followers {
            #[serde(default)]
            subscriber_count: u64,
        }
        // Two readings, because user JSON keeps its text only where nothing is buffered in between.
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let followers: Followers = serde_json::from_str(text).map_err(serde::de::Error::custom)?;
        let task = serde_json::from_str(text).map_err(serde::de::Error::custom)?;
        Ok(Self { task, subscriber_count: followers.subscriber_count })
    }
}

/// Which tasks to list (PROTOCOL §7.2). The default is all of them, the oldest first.
///
/// ```
/// use taskcast::client::{TaskQuery, TaskStatus};
/// let query = TaskQuery { status: vec![TaskStatus::Running], newest_first: true, ..TaskQuery::default() };
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskQuery {
    /// Any of these; any at all when empty.
    pub status: Vec<TaskStatus>,
    /// A type pattern.
    pub task_type: Option<String>,
    /// All of these.
    pub tags: Vec<String>,
    /// Exactly this.
    pub assign_mode: Option<AssignMode>,
    /// The newest first.
    pub newest_first: bool,
    /// How many tasks one request fetches, from 1 to 10,000; 1,000 when absent.
    pub page: Option<u32>,
}

//! The task as clients see it, and the head: what a store keeps of it beside the log.

use serde::{Deserialize, Deserializer, Serialize};

use super::filter::EventFilter;
use super::outbox::Outbox;
use super::retention::Cleanup;
use super::{Json, TaskId, TaskStatus, Timestamp};

/// How a task finds a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssignMode {
    /// Somebody outside takes care of it.
    External,
    /// Workers poll for it.
    Pull,
    /// It is offered to one worker at a time.
    WsOffer,
    /// The fastest of all workers takes it.
    WsRace,
}

impl AssignMode {
    /// The name the protocol uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::External => "external",
            Self::Pull => "pull",
            Self::WsOffer => "ws-offer",
            Self::WsRace => "ws-race",
        }
    }

    /// The mode with this name, exactly.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::External, Self::Pull, Self::WsOffer, Self::WsRace]
            .into_iter()
            .find(|mode| mode.as_str() == name)
    }
}

/// What happens to a task whose worker is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisconnectPolicy {
    /// Another worker gets it.
    Reassign,
    /// Nothing.
    Mark,
    /// It fails.
    Fail,
}

/// Why a task failed, in the producer's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskError {
    /// For people.
    pub message: String,
    /// For programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// An object with more about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Json>,
}

/// What a blocked task asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedRequest {
    /// The kind of request.
    #[serde(rename = "type")]
    pub request_type: String,
    /// Anything the answerer needs, `null` included.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub data: Option<Json>,
}

/// A field that is there, even as `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// A text that is kept but never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Where the events of a task are sent to (PROTOCOL §18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Target, http or https.
    pub url: String,
    /// Which events, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Json>,
    /// Signs deliveries; stores keep it beside the task, the public form never has it.
    #[serde(skip)]
    pub secret: Option<Secret>,
    /// Whether deliveries are envelopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap: Option<bool>,
    /// Retry settings, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Json>,
}

impl Webhook {
    /// Which events it gets.
    pub fn event_filter(&self) -> EventFilter {
        self.filter.as_ref().map(EventFilter::of_json).unwrap_or_default()
    }
}

/// A task as clients see it (PROTOCOL §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are the table of PROTOCOL §2")]
pub struct Task {
    pub id: TaskId,
    pub status: TaskStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub task_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<TaskError>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assign_mode: Option<AssignMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_worker: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect_policy: Option<DisconnectPolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_request: Option<Box<BlockedRequest>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhooks: Option<Vec<Webhook>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<Cleanup>,
    /// Rules of PROTOCOL §4.5, as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_config: Option<Json>,
}

/// What a client may say of a task it creates (PROTOCOL §7.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the table of PROTOCOL §7.1")]
pub struct NewTask {
    pub id: Option<TaskId>,
    pub task_type: Option<String>,
    pub params: Option<Json>,
    pub metadata: Option<Json>,
    /// Seconds, greater than 0.
    pub ttl: Option<u32>,
    pub tags: Option<Vec<String>>,
    pub assign_mode: Option<AssignMode>,
    pub cost: Option<u32>,
    pub disconnect_policy: Option<DisconnectPolicy>,
    pub webhooks: Option<Vec<Webhook>>,
    pub cleanup: Option<Cleanup>,
    pub auth_config: Option<Json>,
}

impl NewTask {
    /// The pending task this makes at `now`.
    pub fn into_head(self, id: TaskId, now: Timestamp) -> Head {
        let task = Task {
            id,
            status: TaskStatus::Pending,
            created_at: now,
            updated_at: now,
            task_type: self.task_type,
            params: self.params,
            metadata: self.metadata,
            result: None,
            error: None,
            completed_at: None,
            ttl: self.ttl,
            tags: self.tags,
            assign_mode: self.assign_mode,
            cost: self.cost,
            assigned_worker: None,
            disconnect_policy: self.disconnect_policy,
            reason: None,
            resume_at: None,
            blocked_request: None,
            webhooks: self.webhooks,
            cleanup: self.cleanup,
            auth_config: self.auth_config,
        };
        let deadline = task.ttl.map(|ttl| now.plus_seconds(u64::from(ttl)));
        Head { deadline, ..Head::of(task) }
    }
}

/// What a store keeps of a task beside its log: the task and what the server alone knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The task.
    pub task: Task,
    /// When the time to live runs out; `None` while it does not run.
    pub deadline: Option<Timestamp>,
    /// When the blocked task resumes by itself; an imported one shows a time at which nothing happens.
    pub resume: Option<Timestamp>,
    /// When the next cleanup rule is due.
    pub cleanup_at: Option<Timestamp>,
    /// Cleanup rules that have been executed, by their fingerprint.
    pub cleaned: Vec<u64>,
    /// Whether the log came from an archive, so that its ids and timestamps follow no rule of ours.
    pub imported: bool,
    /// What is owed to webhooks, and what they could not be given; absent as long as that is nothing.
    pub outbox: Option<Box<Outbox>>,
}

#[derive(Serialize, Deserialize)]
struct StoredHead<T> {
    task: T,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resume: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cleanup_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cleaned: Vec<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    imported: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outbox: Option<Box<Outbox>>,
}

impl Head {
    /// A head without timers.
    pub fn of(task: Task) -> Self {
        Self {
            task,
            deadline: None,
            resume: None,
            cleanup_at: None,
            cleaned: Vec::new(),
            imported: false,
            outbox: None,
        }
    }

    /// When this task next has to be looked at, whatever happens.
    pub fn due_at(&self) -> Option<Timestamp> {
        let outbox = self.outbox.as_ref().and_then(|outbox| outbox.due);
        [self.deadline, self.resume, self.cleanup_at, outbox].into_iter().flatten().min()
    }

    /// The form stores keep. Unlike the public form it holds the secrets.
    pub fn encode(&self) -> Vec<u8> {
        let secret = |hook: &Webhook| hook.secret.as_ref().map(|secret| secret.0.clone());
        let stored = StoredHead {
            task: &self.task,
            secrets: self.task.webhooks.iter().flatten().map(secret).collect(),
            deadline: self.deadline,
            resume: self.resume,
            cleanup_at: self.cleanup_at,
            cleaned: self.cleaned.clone(),
            imported: self.imported,
            outbox: self.outbox.clone(),
        };
        serde_json::to_vec(&stored).expect("a head serialises")
    }

    /// Reads what [`Head::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let stored: StoredHead<Task> = serde_json::from_slice(bytes)?;
        let mut task = stored.task;
        for (hook, secret) in task.webhooks.iter_mut().flatten().zip(stored.secrets) {
            hook.secret = secret.map(Secret);
        }
        Ok(Self {
            task,
            deadline: stored.deadline,
            resume: stored.resume,
            cleanup_at: stored.cleanup_at,
            cleaned: stored.cleaned,
            imported: stored.imported,
            outbox: stored.outbox,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back_from_a_store_with_its_secrets_and_nulls() {
        let hook = Webhook {
            url: "https://example.org/hook".into(),
            filter: None,
            secret: Some(Secret("s3cret".into())),
            wrap: None,
            retry: None,
        };
        let new = NewTask { webhooks: Some(vec![hook]), ..NewTask::default() };
        let mut head = new.into_head(TaskId::parse("t").unwrap(), Timestamp(5));
        let request = BlockedRequest { request_type: "ask".into(), data: Some(Json::null()) };
        head.task.blocked_request = Some(Box::new(request));
        assert_eq!(Head::decode(&head.encode()).unwrap(), head);
        assert!(!serde_json::to_string(&head.task).unwrap().contains("s3cret"));
    }
}

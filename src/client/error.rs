//! What can go wrong between a program and the server, as one type.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

/// The HTTP server itself has not got all of a request in time, for instance on a connection that was kept for later.
const REQUEST_TIMEOUT: &str = "http_408";

/// Why a call of the client failed.
///
/// ```
/// # taskcast::example::with_client(|client| async move {
/// let error = client.get_task("nobody").await.unwrap_err();
/// assert_eq!((error.status(), error.code()), (Some(404), "task_not_found"));
/// assert_eq!(error.to_string(), "Task not found (404, task_not_found)");
/// # Ok(()) });
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The server refused, and says why (PROTOCOL §3).
    #[error("{} ({}, {})", .0.message, .0.status, .0.code)]
    Refused(Box<Refusal>),
    /// No connection, or one that broke before the answer was there.
    #[error("{text}")]
    Connection {
        /// What failed, without the URL.
        text: String,
        /// Whether the request may have reached the server, so that what it asks for may have happened.
        sent: bool,
    },
    /// No answer in time. What was asked for may have happened.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// An answer that is not one of Taskcast.
    #[error("the answer cannot be understood: {0}")]
    InvalidAnswer(String),
    /// Something that cannot be sent; nothing was.
    #[error("{0}")]
    InvalidRequest(String),
    /// The provider of tokens failed; nothing was sent.
    #[error("no token: {0}")]
    Token(#[source] Box<dyn StdError + Send + Sync>),
    /// A publisher could not publish something before, and has stopped.
    #[error("the publisher has stopped: {0}")]
    PublisherStopped(#[source] Arc<ClientError>),
}

/// An error answer of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The stable code of PROTOCOL §3; `http_<status>` when whatever answered is not Taskcast.
    pub code: String,
    /// For people.
    pub message: String,
    /// How long the server asks to wait before the next attempt.
    pub retry_after: Option<Duration>,
    /// Of a sequenced publish that was refused: the number the server waits for.
    pub expected_seq: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    error: String,
    code: Option<String>,
    expected_seq: Option<u64>,
}

impl Refusal {
    /// Reads the answer with this status.
    pub(super) fn read(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let body: Option<Body> = serde_json::from_slice(body).ok();
        let (message, code, expected_seq) = match body {
            Some(body) => (body.error, body.code, body.expected_seq),
            None => (format!("HTTP {status}"), None, None),
        };
        let code = code.unwrap_or_else(|| format!("http_{status}"));
        Self { status, code, message, retry_after, expected_seq }
    }
}

impl ClientError {
    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// A stable name for programs: of an answer its own, otherwise one of `connection_failed`, `timeout`,
    /// `invalid_answer`, `invalid_request` and `no_token`.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(refusal) => &refusal.code,
            Self::Connection { .. } => "connection_failed",
            Self::Timeout(_) => "timeout",
            Self::InvalidAnswer(_) => "invalid_answer",
            Self::InvalidRequest(_) => "invalid_request",
            Self::Token(_) => "no_token",
            Self::PublisherStopped(cause) => cause.code(),
        }
    }

    /// How long the server asks to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusal().and_then(|refusal| refusal.retry_after)
    }

    /// The server's error answer, if that is what failed.
    ///
    /// ```
    /// # taskcast::example::with_client(|client| async move {
    /// let error = client.get_task("nobody").await.unwrap_err();
    /// assert_eq!(error.refusal().map(|refusal| refusal.message.as_str()), Some("Task not found"));
    /// # Ok(()) });
    /// ```
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::PublisherStopped(cause) => cause.refusal(),
            _ => None,
        }
    }

    /// Whether what was asked for may have happened although this error says nothing of it. A 5xx after a lost
    /// connection to storage leaves that open as well (PROTOCOL §1).
    ///
    /// ```
    /// # use taskcast::client::Client;
    /// # taskcast::example::with_client(|client| async move {
    /// let nobody = Client::builder("http://127.0.0.1:1").attempts(1).build()?;
    /// let error = nobody.health().await.unwrap_err();
    /// assert!(error.is_transient() && !error.outcome_is_unknown());
    /// assert_eq!((error.code(), error.status(), error.retry_after()), ("connection_failed", None, None));
    /// # Ok(()) });
    /// ```
    pub fn outcome_is_unknown(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.status >= 500 && !self.changed_nothing(),
            Self::Connection { sent, .. } => *sent,
            Self::Timeout(_) | Self::InvalidAnswer(_) => true,
            Self::PublisherStopped(cause) => cause.outcome_is_unknown(),
            Self::InvalidRequest(_) | Self::Token(_) => false,
        }
    }

    /// Whether another attempt may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(refusal) => {
                matches!(refusal.status, 429 | 502 | 504)
                    || refusal.status == 503 && refusal.code != "storage_release_unsupported"
                    || refusal.code == REQUEST_TIMEOUT
            }
            Self::Connection { .. } | Self::Timeout(_) => true,
            Self::InvalidAnswer(_) | Self::InvalidRequest(_) | Self::Token(_) | Self::PublisherStopped(_) => {
                false
            }
        }
    }

    /// Whether the server surely did nothing, and may do it another time.
    pub(super) fn changed_nothing(&self) -> bool {
        match self {
            Self::Refused(refusal) => {
                ["rate_limited", "overloaded", "shutting_down", REQUEST_TIMEOUT].contains(&&*refusal.code)
            }
            Self::Connection { sent, .. } => !sent,
            _ => false,
        }
    }

    /// A connection that ended before its time.
    pub(super) fn broken(how: &str) -> Self {
        Self::Connection { text: format!("the connection broke: {how}"), sent: true }
    }

    /// What `reqwest` says, in words that show nothing of the URL, which may hold a token.
    pub(super) fn of_transport(error: reqwest::Error, patience: Duration) -> Self {
        if error.is_timeout() && !error.is_connect() {
            return Self::Timeout(patience);
        }
        if error.is_builder() {
            return Self::InvalidRequest(innermost(&error.without_url()));
        }
        let sent = !error.is_connect();
        let error = error.without_url();
        let cause = innermost(&error);
        let text = if sent {
            format!("the connection broke: {cause}")
        } else {
            format!("cannot connect to the server: {cause}")
        };
        Self::Connection { text, sent }
    }
}

fn innermost(error: &dyn StdError) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

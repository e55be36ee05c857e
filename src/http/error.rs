//! The only map from what went wrong to what a client is told (PROTOCOL §3).

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use taskcast_actors::domain::{Rejection, TaskId};
use taskcast_actors::{EngineError, StoreError};

use super::parse::BodyError;
use super::rate_limit::TooMany;
use crate::auth::{AuthError, Forbidden};

const RELEASE_UNSUPPORTED: &str = "storage_release_unsupported";

/// An error answer.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    seq: Option<(u64, u64)>,
    allow: Option<Box<str>>,
    /// What is told to hooks and not to clients.
    cause: Option<Box<str>>,
    /// In seconds.
    retry_after: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<'a> {
    error: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received_seq: Option<u64>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), seq: None, allow: None, cause: None, retry_after: None }
    }

    /// No such route, or a feature that is switched off.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found")
    }

    /// No such task, for routes whose text does not name it.
    pub fn task_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "task_not_found", "Task not found")
    }

    /// No such task, for routes whose text names it.
    pub fn task_not_found_named(id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "task_not_found", format!("Task not found: {id}"))
    }

    /// The task asks for nothing.
    pub fn no_blocked_request() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_blocked_request", "No blocked request")
    }

    /// The client has not numbered any event of this task.
    pub fn seq_client_not_found(client: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "seq_client_not_found", format!("Unknown client: {client}"))
    }

    /// A known path, another method.
    pub fn method_not_allowed(allow: &str) -> Self {
        let error = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed");
        Self { allow: Some(allow.into()), ..error }
    }

    /// The request body is over its limit.
    pub fn body_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Request body too large")
    }

    /// The body broke off or could not be read.
    pub fn unreadable_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_body", "Malformed JSON in request body")
    }

    /// An `Idempotency-Key` that breaks a rule.
    pub fn invalid_idempotency_key() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_idempotency_key", "Invalid Idempotency-Key")
    }

    /// The server is about to stop and takes no new streams.
    pub fn shutting_down() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", "Server is shutting down")
    }

    /// There is no cold tier to move a task to.
    fn release_unsupported() -> Self {
        let text = "Task storage release is not supported by this adapter";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, RELEASE_UNSUPPORTED, text)
    }

    /// Nobody foresaw this.
    pub(super) fn internal(cause: impl Into<Box<str>>) -> Self {
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "Internal Server Error");
        Self { cause: Some(cause.into()), ..error }
    }

    /// The code of an endpoint panicked.
    pub fn panicked() -> Self {
        Self::internal("the endpoint panicked")
    }

    /// What went wrong, for hooks: no secret, no payload.
    pub fn cause(&self) -> &str {
        self.cause.as_deref().unwrap_or(&self.message)
    }

    /// What went wrong in the engine with the task `id`. Texts that name the task do so when `named`.
    pub fn of_engine(error: &EngineError, id: &TaskId, named: bool) -> Self {
        match error {
            EngineError::NotFound if named => Self::task_not_found_named(id.as_str()),
            EngineError::NotFound => Self::task_not_found(),
            EngineError::Exists => {
                let text = format!("Task already exists: {id}");
                Self::new(StatusCode::CONFLICT, "task_exists", text)
            }
            EngineError::Rejected(rejection) => Self::of_rejection(rejection),
            EngineError::KeyReused => {
                let text = "Idempotency-Key was used with a different request body";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch", text)
            }
            EngineError::Overloaded => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Server is overloaded")
            }
            EngineError::Stopping => Self::shutting_down(),
            EngineError::SeqTimeout { expected, received } => {
                Self::new(StatusCode::REQUEST_TIMEOUT, "seq_timeout", error.to_string())
                    .seq(*expected, *received)
            }
            EngineError::SeqDuplicate { expected, received } => {
                Self::new(StatusCode::CONFLICT, "seq_duplicate", error.to_string()).seq(*expected, *received)
            }
            EngineError::Store(error) | EngineError::Unknown(error) => Self::of_store(error, id),
            EngineError::ReleaseUnsupported
            | EngineError::ReleasePrecondition(_)
            | EngineError::ReleaseBusy
            | EngineError::ReleaseIntegrity(_)
            | EngineError::ReleaseUnavailable(_) => Self::of_release(error, id),
            EngineError::Panicked => Self::internal(error.to_string()),
        }
    }

    /// What went wrong when a task was to be moved to cold storage (PROTOCOL §15).
    fn of_release(error: &EngineError, id: &TaskId) -> Self {
        let (status, code) = match error {
            EngineError::ReleaseUnsupported => return Self::release_unsupported(),
            EngineError::ReleasePrecondition(_) => (StatusCode::CONFLICT, "storage_precondition_failed"),
            EngineError::ReleaseBusy => (StatusCode::CONFLICT, "storage_busy"),
            EngineError::ReleaseIntegrity(detail) => {
                tracing::error!(task = %id, %detail, "a task stays hot: its cold copy is not complete");
                (StatusCode::INTERNAL_SERVER_ERROR, "storage_integrity_error")
            }
            EngineError::ReleaseUnavailable(StoreError::Unavailable { detail, .. }) => {
                tracing::error!(task = %id, %error, %detail, "storage is unavailable");
                (StatusCode::SERVICE_UNAVAILABLE, "storage_unavailable")
            }
            _ => return Self::internal(error.to_string()),
        };
        Self::new(status, code, error.to_string())
    }

    fn of_rejection(rejection: &Rejection) -> Self {
        let status = match rejection {
            Rejection::InvalidTransition { .. } | Rejection::SeqStale { .. } | Rejection::SeqGap { .. } => {
                StatusCode::CONFLICT
            }
            Rejection::Terminal(_)
            | Rejection::ReservedType(_)
            | Rejection::NotBlocked
            | Rejection::OutboxTaken
            | Rejection::NothingDue => StatusCode::BAD_REQUEST,
        };
        let error = Self::new(status, rejection.code(), rejection.to_string());
        match rejection {
            Rejection::SeqStale { expected, received } | Rejection::SeqGap { expected, received } => {
                error.seq(*expected, *received)
            }
            _ => error,
        }
    }

    fn of_store(error: &StoreError, id: &TaskId) -> Self {
        match error {
            StoreError::Unavailable { detail, .. } => {
                tracing::error!(task = %id, %error, %detail, "storage is unavailable");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "dependency_unavailable", error.to_string())
            }
            StoreError::Corrupt(_) => {
                tracing::error!(task = %id, %error, "stored data cannot be read");
                Self::internal(error.summary())
            }
            StoreError::Gone => Self::task_not_found(),
        }
    }

    fn seq(self, expected: u64, received: u64) -> Self {
        Self { seq: Some((expected, received)), ..self }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, error.code(), error.to_string())
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let status = match error {
            AuthError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        };
        Self::new(status, error.code(), error.to_string())
    }
}

impl From<TooMany> for ApiError {
    fn from(TooMany { wait, .. }: TooMany) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests");
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        Self { retry_after: u64::try_from(seconds).ok(), ..error }
    }
}

impl From<Forbidden> for ApiError {
    fn from(_: Forbidden) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden")
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status);
        // What is not supported now is not supported later either.
        if self.status == StatusCode::SERVICE_UNAVAILABLE && self.code != RELEASE_UNSUPPORTED {
            response.insert_header((RETRY_AFTER, "1"));
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, &**allow));
        }
        response.json(ErrorBody {
            error: &self.message,
            code: self.code,
            expected_seq: self.seq.map(|(expected, _)| expected),
            received_seq: self.seq.map(|(_, received)| received),
        })
    }
}

#[cfg(test)]
mod tests {
    use taskcast_actors::ports::ErrorKind;

    use super::*;

    #[test]
    fn what_goes_wrong_with_a_release_has_the_codes_of_the_protocol() {
        let down = StoreError::Unavailable {
            dependency: "postgres",
            kind: ErrorKind::Timeout,
            detail: "secret".into(),
        };
        let text = "Task storage release is not supported by this adapter";
        let cases = [
            (EngineError::NotFound, 404, "task_not_found", "Task not found"),
            (EngineError::ReleaseUnsupported, 503, "storage_release_unsupported", text),
            (EngineError::ReleasePrecondition("why".into()), 409, "storage_precondition_failed", "why"),
            (EngineError::ReleaseBusy, 409, "storage_busy", ""),
            (EngineError::ReleaseIntegrity("secret".into()), 500, "storage_integrity_error", ""),
            (EngineError::ReleaseUnavailable(down), 503, "storage_unavailable", ""),
        ];
        let id = TaskId::parse("t").unwrap();
        for (error, status, code, text) in cases {
            let told = ApiError::of_engine(&error, &id, false);
            assert_eq!((told.status.as_u16(), told.code), (status, code));
            assert!(text.is_empty() || told.message == text, "{told}");
            assert!(!told.message.contains("secret"));
        }
    }
}

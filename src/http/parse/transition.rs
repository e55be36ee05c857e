//! The body of `PATCH /tasks/:id/status` (PROTOCOL §7.4).

use serde_json::value::RawValue;
use taskcast_actors::domain::{BlockedRequest, TaskError, Transition};

use super::fields::Fields;
use super::path::Path;
use super::shape::{self, TASK_ERROR};
use super::values::{any, object, one_of, positive, string, ttl};
use super::words::STATUSES;
use super::{BodyError, body_text};

const FIELDS: [&str; 7] = ["status", "result", "error", "reason", "ttl", "resumeAfterMs", "blockedRequest"];

/// Reads a move to another status.
///
/// # Errors
/// [`BodyError::Malformed`], or [`BodyError::Invalid`] for the first field that breaks a rule.
pub fn parse(body: &[u8]) -> Result<Transition, BodyError> {
    let fields = Fields::of_body(body_text(body)?, FIELDS.into_iter())?;
    Ok(Transition {
        to: fields.need("status", one_of(STATUSES))?,
        result: fields.get("result", object)?,
        error: fields.get("error", task_error)?,
        reason: fields.get("reason", string)?,
        ttl: fields.get("ttl", ttl)?,
        resume_after_ms: fields.get("resumeAfterMs", positive)?,
        blocked_request: fields.get("blockedRequest", blocked_request)?,
    })
}

/// A TaskError of PROTOCOL §2.
pub(super) fn task_error(raw: &RawValue, at: &Path<'_>) -> Result<TaskError, BodyError> {
    shape::read(raw, at, &TASK_ERROR)
}

/// A BlockedRequest of PROTOCOL §2. Its `data` may be `null`, which is not the same as absent.
pub(super) fn blocked_request(raw: &RawValue, at: &Path<'_>) -> Result<BlockedRequest, BodyError> {
    let fields = Fields::of(raw, at, ["type", "data"].into_iter())?;
    Ok(BlockedRequest {
        request_type: fields.need("type", string)?,
        data: fields.find("data").map(|(_, raw)| any(raw, &at.field("data"))).transpose()?,
    })
}

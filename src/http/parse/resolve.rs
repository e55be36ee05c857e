//! The body of `POST /tasks/:id/resolve` (PROTOCOL §7.5).

use taskcast_actors::domain::Json;

use super::fields::Fields;
use super::values::any;
use super::{BodyError, body_text};

/// Reads the answer to a blocked task's request; `None` is `null`, sent or not.
///
/// # Errors
/// [`BodyError::Malformed`], or [`BodyError::Invalid`] when the body is not an object.
pub fn parse(body: &[u8]) -> Result<Option<Json>, BodyError> {
    Fields::of_body(body_text(body)?, ["data"].into_iter())?.get("data", any)
}

//! `POST /tasks/:id/webhooks/redeliver`.

use super::fields::Fields;
use super::values::strings;
use super::{BodyError, body_text};

/// The ids of the failures to deliver again; `None` is all.
///
/// # Errors
/// [`BodyError`] when the body is not an object, or `failures` not a list of strings.
pub fn parse(body: &[u8]) -> Result<Option<Vec<String>>, BodyError> {
    let fields = Fields::of_body(body_text(body)?, ["failures"].into_iter())?;
    fields.get("failures", strings)
}

//! `POST /tasks/:id/storage/release` (PROTOCOL §15).

use serde::Deserialize;

use super::{BodyError, MAX_INT, body_text, grammar};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Release {
    expected_last_event_index: i64,
    inactive_since: i64,
}

/// Checks the body; nothing in it is used before there is a cold tier.
///
/// # Errors
/// [`BodyError::Invalid`] with the one text this endpoint has.
pub fn parse(body: &[u8]) -> Result<(), BodyError> {
    let text = body_text(body)?;
    grammar(text)?;
    let release: Release = serde_json::from_str(text).map_err(|_| invalid())?;
    let index = (-1..=MAX_INT).contains(&release.expected_last_event_index);
    let since = (0..=MAX_INT).contains(&release.inactive_since);
    if index && since { Ok(()) } else { Err(invalid()) }
}

fn invalid() -> BodyError {
    BodyError::Invalid("Invalid storage release request".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_needs_both_of_its_numbers_in_range() {
        assert_eq!(parse(br#"{"expectedLastEventIndex":-1,"inactiveSince":0}"#), Ok(()));
        for body in [
            "{}",
            r#"{"expectedLastEventIndex":-2,"inactiveSince":0}"#,
            "[]",
            r#"{"expectedLastEventIndex":"1","inactiveSince":0}"#,
        ] {
            assert_eq!(parse(body.as_bytes()), Err(invalid()), "{body}");
        }
        for body in ["{", "{}x", r#"{"expectedLastEventIndex":-2,"#] {
            assert_eq!(parse(body.as_bytes()), Err(BodyError::Malformed), "{body}");
        }
    }
}

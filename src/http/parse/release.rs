//! `POST /tasks/:id/storage/release` (PROTOCOL §15).

use serde::Deserialize;
use taskcast_actors::Release;
use taskcast_actors::domain::Timestamp;

use super::{BodyError, MAX_INT, body_text, grammar};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReleaseBody {
    expected_last_event_index: i64,
    inactive_since: i64,
}

/// The conditions under which a task is moved to cold storage.
///
/// # Errors
/// [`BodyError::Invalid`] with the one text this endpoint has.
pub fn parse(body: &[u8]) -> Result<Release, BodyError> {
    let text = body_text(body)?;
    grammar(text)?;
    let release: ReleaseBody = serde_json::from_str(text).map_err(|_| invalid())?;
    let index = (-1..=MAX_INT).contains(&release.expected_last_event_index);
    let since = (0..=MAX_INT).contains(&release.inactive_since);
    if !(index && since) {
        return Err(invalid());
    }
    let (expected_last, inactive_since) = (release.expected_last_event_index, release.inactive_since);
    Ok(Release { expected_last, inactive_since: Timestamp(inactive_since) })
}

fn invalid() -> BodyError {
    BodyError::Invalid("Invalid storage release request".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_needs_both_of_its_numbers_in_range() {
        let wanted = Release { expected_last: -1, inactive_since: Timestamp(7) };
        assert_eq!(parse(br#"{"expectedLastEventIndex":-1,"inactiveSince":7}"#), Ok(wanted));
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

//! The cursor of a listing: a place in creation order as an opaque text (PROTOCOL §7.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use taskcast_actors::domain::{TaskId, Timestamp};

use super::BodyError;

/// The cursor behind the task `id`, created at `created_at`.
///
/// ```
/// use taskcast::http::parse::cursor;
/// use taskcast_actors::domain::{TaskId, Timestamp};
/// let id = TaskId::parse("report-7").unwrap();
/// let text = cursor::encode(Timestamp(5), &id);
/// assert_eq!(cursor::decode(&text), Ok((Timestamp(5), id)));
/// ```
pub fn encode(created_at: Timestamp, id: &TaskId) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{id}", created_at.0))
}

/// The place a cursor stands for.
///
/// # Errors
/// [`BodyError::InvalidQuery`] when [`encode`] made no such text.
pub fn decode(text: &str) -> Result<(Timestamp, TaskId), BodyError> {
    place(text).ok_or_else(|| BodyError::InvalidQuery("cursor is not valid".to_owned()))
}

fn place(text: &str) -> Option<(Timestamp, TaskId)> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (created_at, id) = std::str::from_utf8(&bytes).ok()?.split_once('.')?;
    Some((Timestamp(created_at.parse().ok()?), TaskId::parse(id).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_that_are_no_cursor_are_refused() {
        let long = format!("1.{}", "x".repeat(257));
        let inside = ["", "1", "1.", "x.a", ".a", "1.a/b", "99999999999999999999.a", long.as_str()];
        for inside in inside {
            let text = URL_SAFE_NO_PAD.encode(inside);
            assert_eq!(decode(&text).unwrap_err().code(), "invalid_query", "{inside}");
        }
        for text in ["", "=", "MS5h=", "MS5h*", "1", "é"] {
            assert!(decode(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_leads_back_to_its_place(at in any::<i64>(), id in "[^/\\p{Cc}]{3,60}") {
            let id = TaskId::parse(&id).unwrap();
            let text = encode(Timestamp(at), &id);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
            prop_assert_eq!(decode(&text), Ok((Timestamp(at), id)));
        }

        #[test]
        fn no_text_makes_decoding_panic(text in ".*") {
            let _ = decode(&text);
        }
    }
}

//! The body of `POST /admin/token` (PROTOCOL §4.6). Of an object no field can be wrong: what is not as it should be counts
//! as absent.

use super::fields::Fields;
use super::path::Path;
use super::values::{each, string};
use super::{BodyError, any_body_text};
use crate::auth::Wish;

const FIELDS: [&str; 3] = ["adminToken", "scopes", "expiresIn"];

/// Reads the administrator's token, if it is a string, and what the new one is to be good for.
///
/// # Errors
/// [`BodyError::Invalid`] when the body is no JSON object.
pub fn parse(body: &[u8]) -> Result<(Option<String>, Wish), BodyError> {
    let invalid = |_| BodyError::Invalid("Invalid request body".to_owned());
    let text = any_body_text(body).map_err(invalid)?;
    let fields = Fields::of_body(text, FIELDS.into_iter()).map_err(invalid)?;
    let admin_token = fields.raw("adminToken").and_then(|raw| string(raw, &Path::Body).ok());
    let scopes = fields.raw("scopes").and_then(|raw| {
        let mut names = Vec::new();
        let read = each(raw, &Path::Body, |_, item| {
            names.extend(string(item, &Path::Body));
            Ok(())
        });
        read.ok().map(|()| names)
    });
    let expires_in = fields.raw("expiresIn").and_then(|raw| serde_json::from_str(raw.get()).ok());
    Ok((admin_token, Wish { scopes, expires_in }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_all_it_takes() {
        let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        let wish = |scopes, expires_in| Wish { scopes, expires_in };
        let table = [
            ("{}", None, wish(None, None)),
            (
                r#"{"adminToken":"a","scopes":["x","y"],"expiresIn":5}"#,
                Some("a"),
                wish(names(&["x", "y"]), Some(5.0)),
            ),
            (r#"{"adminToken":1,"scopes":"x","expiresIn":"5"}"#, None, wish(None, None)),
            (r#"{"adminToken":null,"scopes":{},"expiresIn":[5]}"#, None, wish(None, None)),
            (
                r#"{"adminToken":"a\u0000","scopes":[1,"x"],"expiresIn":0.5}"#,
                Some("a\0"),
                wish(names(&["x"]), Some(0.5)),
            ),
            (r#"{"scopes":[]}"#, None, wish(names(&[]), None)),
        ];
        for (body, token, expected) in table {
            assert_eq!(parse(body.as_bytes()), Ok((token.map(str::to_owned), expected)), "{body}");
        }
        for body in ["", "{", "[]", "1", "null", "\"a\"", "{}{}", "{\"a\":\"\\ud800\"}"] {
            let error = parse(body.as_bytes()).unwrap_err();
            assert_eq!(
                (error.code(), error.to_string().as_str()),
                ("invalid_body", "Invalid request body"),
                "{body}"
            );
        }
    }
}

//! `Idempotency-Key`: what makes two requests the same (PROTOCOL §8.6), and how a repeat is answered.
//!
//! The engine is told hashes only: of the key with the path and the caller it belongs to, and of the body.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use sha2::{Digest as _, Sha256};
use taskcast_actors::domain::TaskId;
use taskcast_actors::{Once, ReceiptKey};

use super::parse::BodyError;
use super::{ApiError, Service};
use crate::auth::Principal;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Longest key, in bytes.
const MAX_KEY: usize = 255;

/// The header of a request, which is looked at once it is known who asks.
pub enum IdempotencyKey {
    /// There is none.
    Absent,
    /// It can be used.
    Text(String),
    /// It breaks a rule, or there are several.
    Invalid,
}

impl FromRequest for IdempotencyKey {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut keys = request.headers().get_all(KEY);
        ready(Ok(match (keys.next(), keys.next()) {
            (None, _) => Self::Absent,
            (Some(key), None) => Self::of(key),
            (Some(_), Some(_)) => Self::Invalid,
        }))
    }
}

impl IdempotencyKey {
    fn of(key: &HeaderValue) -> Self {
        let visible = |byte: &u8| byte.is_ascii_graphic();
        match key.to_str() {
            Ok(text) if (1..=MAX_KEY).contains(&text.len()) && text.as_bytes().iter().all(visible) => {
                Self::Text(text.to_owned())
            }
            _ => Self::Invalid,
        }
    }

    /// What makes the request the same as another one, if it has a key: with that, the path, the task in it, the caller,
    /// and every byte of the body.
    ///
    /// # Errors
    /// 400 when the key breaks a rule.
    pub fn once(
        &self,
        (path, task): (&'static str, Option<&TaskId>),
        principal: &Principal,
        body: &[u8],
    ) -> Result<Option<Once>, ApiError> {
        let key = match self {
            Self::Absent => return Ok(None),
            Self::Invalid => return Err(ApiError::invalid_idempotency_key()),
            Self::Text(key) => key,
        };
        let mut scope = Sha256::new();
        for part in [Some(path), task.map(TaskId::as_str), principal.sub(), Some(key)] {
            // Its length stands before each part, so that no two scopes are one text. No part is as long as this.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            scope.update(length.to_be_bytes());
            scope.update(part.unwrap_or_default());
        }
        let body: [u8; 32] = Sha256::digest(body).into();
        let (first_half, _) = body.split_first_chunk().expect("32 bytes have 16 to begin with");
        let key = ReceiptKey(scope.finalize().into());
        Ok(Some(Once { key, body: u128::from_be_bytes(*first_half) }))
    }
}

/// What a request asks for and what makes it the same as another one, in the order in which PROTOCOL §3 refuses: a body
/// that is too large, a key that cannot be used or was used for another body, a body that breaks a rule.
///
/// # Errors
/// 413, 400 or 422.
pub async fn admit<T>(
    service: &Service,
    task: Option<&TaskId>,
    once: Result<Option<Once>, ApiError>,
    wish: Result<T, BodyError>,
) -> Result<(T, Option<Once>), ApiError> {
    match wish {
        Ok(wish) => Ok((wish, once?)),
        Err(error @ BodyError::TooLarge(_)) => Err(error.into()),
        Err(error) => {
            if let Some(once) = once? {
                let unused = service.engine.refuse_reuse(task, once).await;
                unused.map_err(|error| ApiError::of_engine(&error, task.unwrap_or(&unnamed()), true))?;
            }
            Err(error.into())
        }
    }
}

/// Stands for the id of a task that has none yet.
pub fn unnamed() -> TaskId {
    TaskId::parse("new").expect("a plain word is an id")
}

/// 201 with this JSON; a repeat says that it is one.
pub fn created(body: Vec<u8>, replayed: bool) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::CREATED);
    if replayed {
        response.insert_header((REPLAYED, "true"));
    }
    response.content_type("application/json").body(body)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn sent(keys: &[&[u8]]) -> IdempotencyKey {
        let mut request = TestRequest::default();
        for key in keys {
            request = request.append_header((KEY, HeaderValue::from_bytes(key).unwrap()));
        }
        let (request, mut payload) = request.to_http_parts();
        IdempotencyKey::from_request(&request, &mut payload).into_inner().unwrap()
    }

    fn once(key: &str, task: Option<&str>, body: &[u8]) -> Once {
        let (key, task) = (sent(&[key.as_bytes()]), task.map(|id| TaskId::parse(id).unwrap()));
        key.once(("/tasks", task.as_ref()), &Principal::Anybody, body).unwrap().unwrap()
    }

    #[test]
    fn keys_are_visible_ascii_of_bounded_length_and_sent_once() {
        let longest = [b'~'; MAX_KEY];
        for good in [&b"!"[..], b"a-key", &longest] {
            assert!(matches!(sent(&[good]), IdempotencyKey::Text(_)));
        }
        let too_long = [b'a'; MAX_KEY + 1];
        for bad in [&b""[..], b"a b", b"a\tb", b"\xc3\xa9", &too_long] {
            assert!(matches!(sent(&[bad]), IdempotencyKey::Invalid), "{bad:?}");
        }
        assert!(matches!(sent(&[b"a", b"a"]), IdempotencyKey::Invalid));
        assert!(matches!(sent(&[]), IdempotencyKey::Absent));
        let scope = ("/tasks", None);
        assert!(sent(&[b""]).once(scope, &Principal::Anybody, b"").is_err());
        assert!(sent(&[]).once(scope, &Principal::Anybody, b"").unwrap().is_none());
    }

    #[test]
    fn a_key_belongs_to_its_path_and_a_body_counts_with_every_byte() {
        let first = once("k", Some("a"), b"{}");
        assert_eq!(first, once("k", Some("a"), b"{}"));
        assert_eq!(first.key, once("k", Some("a"), b"{} ").key);
        assert_ne!(first.body, once("k", Some("a"), b"{} ").body);
        for (key, task) in [("l", Some("a")), ("k", Some("b")), ("k", None), ("ak", None), ("k", Some("ak"))]
        {
            assert_ne!(first.key, once(key, task, b"{}").key);
        }
    }
}

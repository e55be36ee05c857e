//! Who asks, and what they may (PROTOCOL §4).
//!
//! **Here:** [`Authenticator`] turns credentials into a [`Principal`]: a token (`jwt`, `claims`, its key from `keys` or
//! `jwks`) or the key of a trusted service (`service`). The principal answers what it may do: its scopes, its tasks, and
//! the rules of a task (`rules`, pure). `admin` gives tokens to administrators.
//!
//! **Promised:** exactly one algorithm is accepted, the configured one. Secrets are compared in constant time. Nothing
//! here shows a secret or a token in an error, a log line or its `Debug` form. What cannot be decided is denied.
//!
//! **Absent:** HTTP (`http::guard` finds the credentials of a request), and any state about callers but fetched keys and tokens that
//! were verified lately (`cache`).

mod admin;
mod cache;
mod claims;
mod error;
mod jwks;
mod jwt;
mod keys;
mod principal;
mod rules;
mod scope;
mod service;

use std::time::{SystemTime, UNIX_EPOCH};

pub use admin::{AdminTokens, Issued, Wish};
pub use error::{AuthError, AuthSetupError, Forbidden};
pub use principal::{Identity, Principal};
pub use scope::{Scope, Scopes};

use self::jwt::Verifier;
use self::service::ServiceKeys;
use crate::config::AuthConfig;

/// What a request brings along to prove who sent it.
#[derive(Clone, Copy, Default)]
pub struct Credentials<'a> {
    /// The header `X-Taskcast-Service-Key`.
    pub service_key: Option<&'a [u8]>,
    /// The header `Authorization`.
    pub authorization: Option<&'a [u8]>,
    /// A token in the query, where one is accepted.
    pub query_token: Option<&'a str>,
}

/// Finds out who sent a request.
pub struct Authenticator {
    services: ServiceKeys,
    verifier: Option<Verifier>,
    admin: Option<AdminTokens>,
}

impl Authenticator {
    /// What `config` says about callers, with all keys loaded.
    ///
    /// # Errors
    /// When a key cannot be read, or is none for the configured algorithm.
    pub fn new(config: &AuthConfig) -> Result<Self, AuthSetupError> {
        let verifier = config.jwt.as_ref().map(Verifier::new).transpose()?;
        Ok(Self { services: ServiceKeys::new(&config.services), verifier, admin: AdminTokens::new(config)? })
    }

    /// Whether everybody may do everything, whatever they bring along.
    pub fn is_open(&self) -> bool {
        self.verifier.is_none() && self.services.is_empty()
    }

    /// The endpoint that gives tokens to administrators, if it is on.
    pub fn admin(&self) -> Option<&AdminTokens> {
        self.admin.as_ref()
    }

    /// Who sent a request with these credentials (PROTOCOL §4.2).
    ///
    /// # Errors
    /// When they prove nothing, or keys are needed that were never obtained.
    pub async fn authenticate(&self, credentials: Credentials<'_>) -> Result<Principal, AuthError> {
        if let Some(key) = credentials.service_key.filter(|_| !self.services.is_empty()) {
            let found = self.services.find(key).ok_or(AuthError::InvalidServiceKey)?;
            return Ok(Principal::Known(found));
        }
        let Some(verifier) = &self.verifier else { return Ok(Principal::Anybody) };
        let token = match credentials.authorization {
            Some(header) => bearer(header)?,
            None => credentials.query_token.ok_or(AuthError::MissingToken)?,
        };
        Ok(Principal::Known(verifier.verify(token, now_ms()).await?))
    }
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator").field("open", &self.is_open()).finish_non_exhaustive()
    }
}

/// The token of an `Authorization` header, which has exactly one form.
fn bearer(header: &[u8]) -> Result<&str, AuthError> {
    let token = header.strip_prefix(b"Bearer ").filter(|token| !token.is_empty() && token[0] != b' ');
    std::str::from_utf8(token.ok_or(AuthError::MissingToken)?).map_err(|_| AuthError::InvalidToken)
}

/// The time by the wall clock, in milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_has_exactly_one_form() {
        let table: [(&[u8], Result<&str, AuthError>); 10] = [
            (b"Bearer a.b.c", Ok("a.b.c")),
            (b"Bearer a b", Ok("a b")),
            (b"Bearer", Err(AuthError::MissingToken)),
            (b"Bearer ", Err(AuthError::MissingToken)),
            (b"Bearer  a.b.c", Err(AuthError::MissingToken)),
            (b"bearer a.b.c", Err(AuthError::MissingToken)),
            (b"BEARER a.b.c", Err(AuthError::MissingToken)),
            (b"Bearer\ta.b.c", Err(AuthError::MissingToken)),
            (b"Basic YTpi", Err(AuthError::MissingToken)),
            (b"Bearer \xff", Err(AuthError::InvalidToken)),
        ];
        for (header, token) in table {
            assert_eq!(bearer(header), token, "{}", String::from_utf8_lossy(header));
        }
    }
}

//! Tokens for administrators (PROTOCOL §4.6).

use jsonwebtoken::{EncodingKey, Header, encode};
use rustls::crypto::ring;
use serde::Serialize;

use super::service::Digest;
use super::{AuthError, AuthSetupError};
use crate::config::{AuthConfig, JwtConfig, KeySource};

/// The subject of the tokens.
const SUBJECT: &str = "admin";
/// How long a token is good if nobody says otherwise, in seconds.
const DEFAULT_SECONDS: f64 = 86_400.0;
/// The largest integer of the protocol (§1), 2^53 − 1.
const MAX_SECONDS: u64 = (1 << 53) - 1;
/// Random bytes of a token that is made up.
const RANDOM_BYTES: usize = 32;

/// Gives tokens to whoever knows the administrator's.
pub struct AdminTokens {
    digest: Digest,
    generated: Option<String>,
    signer: Option<Signer>,
}

/// What an administrator asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// What the token may do; everything if absent.
    pub scopes: Option<Vec<String>>,
    /// How long it is good, in seconds.
    pub expires_in: Option<f64>,
}

/// A token for an administrator.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Issued {
    /// The token; empty when there is no secret to sign one with.
    pub token: String,
    /// When it ends, in seconds since 1970.
    pub expires_at: u64,
}

struct Signer {
    header: Header,
    key: EncodingKey,
    issuer: Option<String>,
    audiences: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdminClaims<'a> {
    sub: &'static str,
    scope: Vec<String>,
    task_ids: &'static str,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    aud: &'a [String],
}

impl AdminTokens {
    /// The endpoint's part of `config`, or `None` if it is off.
    pub(super) fn new(config: &AuthConfig) -> Result<Option<Self>, AuthSetupError> {
        let Some(admin) = &config.admin else { return Ok(None) };
        let generated = if admin.token.is_none() { Some(random_token()?) } else { None };
        let token = generated.as_deref().or(admin.token.as_ref().map(|token| token.0.as_str()));
        let digest = Digest::of(token.unwrap_or_default().as_bytes());
        let signer = config.jwt.as_ref().map(Signer::new).transpose()?.flatten();
        Ok(Some(Self { digest, generated, signer }))
    }

    /// The administrator's token if it was made up, for whoever started the server to see.
    pub fn generated(&self) -> Option<&str> {
        self.generated.as_deref()
    }

    /// Gives a token to whoever knows the administrator's.
    ///
    /// # Errors
    /// [`AuthError::InvalidAdminToken`] when `admin_token` is another one.
    pub fn issue(&self, admin_token: &str, wish: Wish, now_ms: u64) -> Result<Issued, AuthError> {
        if !bool::from(self.digest.is(&Digest::of(admin_token.as_bytes()))) {
            return Err(AuthError::InvalidAdminToken);
        }
        let iat = now_ms / 1000;
        let seconds = wish.expires_in.filter(|seconds| *seconds > 0.0).unwrap_or(DEFAULT_SECONDS);
        // The cast saturates, and what is beyond the protocol's integers is cut.
        let exp = iat.saturating_add(seconds as u64).min(MAX_SECONDS);
        let scope = wish.scopes.unwrap_or_else(|| vec!["*".to_owned()]);
        let token = self.signer.as_ref().map(|signer| signer.sign(scope, iat, exp)).unwrap_or_default();
        Ok(Issued { token, expires_at: exp })
    }
}

impl Signer {
    /// Signs with the shared secret, if there is one.
    fn new(terms: &JwtConfig) -> Result<Option<Self>, AuthSetupError> {
        let KeySource::Secret(secret) = &terms.key else { return Ok(None) };
        let unfit = |_| AuthSetupError::Key {
            setting: "auth.jwt.secret",
            algorithm: terms.algorithm,
            reason: "the secret is empty",
        };
        Ok(Some(Self {
            header: Header::new(terms.algorithm),
            key: EncodingKey::from_secret(secret.0.as_bytes()).map_err(unfit)?,
            issuer: terms.issuers.first().cloned(),
            audiences: terms.audiences.clone(),
        }))
    }

    fn sign(&self, scope: Vec<String>, iat: u64, exp: u64) -> String {
        let (iss, aud) = (self.issuer.as_deref(), self.audiences.as_slice());
        let claims = AdminClaims { sub: SUBJECT, scope, task_ids: "*", iat, exp, iss, aud };
        encode(&self.header, &claims, &self.key)
            .expect("claims of texts and integers are signed by any secret")
    }
}

fn random_token() -> Result<String, AuthSetupError> {
    let mut bytes = [0; RANDOM_BYTES];
    let random = ring::default_provider().secure_random;
    random.fill(&mut bytes).map_err(|_| AuthSetupError::NoRandomness)?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AdminConfig, Secret};

    fn tokens(token: Option<&str>) -> AdminTokens {
        let admin = AdminConfig { token: token.map(|token| Secret(token.into())) };
        let config = AuthConfig { admin: Some(admin), ..AuthConfig::default() };
        AdminTokens::new(&config).unwrap().unwrap()
    }

    #[test]
    fn a_token_that_is_made_up_is_another_one_each_time() {
        let (one, other) = (tokens(None), tokens(None));
        let token = one.generated().unwrap();
        assert_eq!(token.len(), 64);
        assert_ne!(Some(token), other.generated());
        assert!(one.issue(token, Wish::default(), 0).is_ok());
        assert!(other.issue(token, Wish::default(), 0).is_err());
        assert_eq!(tokens(Some("known")).generated(), None);
    }

    #[test]
    fn only_the_whole_admin_token_is_the_admin_token() {
        let tokens = tokens(Some("known"));
        for wrong in ["", "know", "known ", "Known", "knownknown"] {
            assert!(tokens.issue(wrong, Wish::default(), 0).is_err(), "{wrong}");
        }
        assert!(tokens.issue("known", Wish::default(), 0).is_ok());
    }

    #[test]
    fn a_token_ends_after_as_many_whole_seconds_as_asked_for() {
        let tokens = tokens(Some("known"));
        let table = [
            (None, 86_405),
            (Some(60.0), 65),
            (Some(1.9), 6),
            (Some(0.5), 5),
            (Some(0.0), 86_405),
            (Some(-7.0), 86_405),
            (Some(f64::NAN), 86_405),
            (Some(1e300), MAX_SECONDS),
        ];
        for (expires_in, ends) in table {
            let wish = Wish { expires_in, ..Wish::default() };
            assert_eq!(tokens.issue("known", wish, 5_999).unwrap().expires_at, ends, "{expires_in:?}");
        }
    }
}

//! Verifying tokens.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::value::RawValue;

use super::jwks::KeySet;
use super::{AuthError, AuthSetupError, Identity, claims, keys};
use crate::config::{JwtConfig, KeySource};

/// Longest token that is looked at. Proxies let no longer header through, and verifying one costs time.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Verifies tokens by the configured algorithm, and by no other.
pub(super) struct Verifier {
    terms: JwtConfig,
    key: Key,
    validation: Validation,
}

enum Key {
    One(Arc<DecodingKey>),
    OfSet(KeySet),
}

impl Verifier {
    pub(super) fn new(terms: &JwtConfig) -> Result<Self, AuthSetupError> {
        Ok(Self { terms: terms.clone(), key: Key::load(terms)?, validation: signature_only(terms.algorithm) })
    }

    /// Who holds `token`.
    pub(super) async fn verify(&self, token: &str, now_ms: u64) -> Result<Identity, AuthError> {
        let identity = match self.key_of(token).await? {
            Some(key) => self.read(token, &key, now_ms),
            None => None,
        };
        identity.ok_or(AuthError::InvalidToken)
    }

    /// The key that `token` says it was signed with, unless it cannot be good anyway.
    async fn key_of(&self, token: &str) -> Result<Option<Arc<DecodingKey>>, AuthError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Ok(None);
        }
        let set = match &self.key {
            Key::One(key) => return Ok(Some(Arc::clone(key))),
            Key::OfSet(set) => set,
        };
        match decode_header(token) {
            Ok(header) if header.alg == self.terms.algorithm => set.find(header.kid.as_deref()).await,
            _ => Ok(None),
        }
    }

    fn read(&self, token: &str, key: &DecodingKey, now_ms: u64) -> Option<Identity> {
        let verified = decode::<Box<RawValue>>(token, key, &self.validation).ok()?;
        claims::read(verified.claims.get(), &self.terms, now_ms)
    }
}

/// Claims are ours to judge: the library rounds times, takes a token at its very end, lets claims of wrong types pass,
/// and cannot read numbers that are kept exact.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

impl Key {
    fn load(terms: &JwtConfig) -> Result<Self, AuthSetupError> {
        let algorithm = terms.algorithm;
        let unfit = |setting| move |reason| AuthSetupError::Key { setting, algorithm, reason };
        let key = match &terms.key {
            KeySource::Secret(secret) => {
                keys::warn_if_short(secret.0.as_bytes(), algorithm);
                keys::of_secret(secret.0.as_bytes()).map_err(unfit("auth.jwt.secret"))?
            }
            KeySource::PublicKey(pem) => keys::of_pem(pem.as_bytes(), algorithm, "auth.jwt.publicKey")?,
            KeySource::PublicKeyFile(path) => {
                let read = std::fs::read(path);
                let pem = read.map_err(|error| AuthSetupError::KeyFile { path: path.clone(), error })?;
                keys::of_pem(&pem, algorithm, "auth.jwt.publicKeyFile")?
            }
            KeySource::Jwks(source) => return Ok(Self::OfSet(KeySet::new(source, algorithm)?)),
        };
        Ok(Self::One(Arc::new(key)))
    }
}

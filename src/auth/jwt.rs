//! Verifying tokens.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::value::RawValue;

use super::cache::{Cache, Verified};
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
    cache: Cache,
}

enum Key {
    One(Arc<DecodingKey>),
    OfSet(KeySet),
}

impl Verifier {
    pub(super) fn new(terms: &JwtConfig) -> Result<Self, AuthSetupError> {
        let validation = signature_only(terms.algorithm);
        Ok(Self { terms: terms.clone(), key: Key::load(terms)?, validation, cache: Cache::default() })
    }

    /// Who holds `token`.
    pub(super) async fn verify(&self, token: &str, now_ms: u64) -> Result<Arc<Identity>, AuthError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::InvalidToken);
        }
        if let Some(known) = self.cache.get(token) {
            if self.is_good_still(&known, now_ms).await? {
                return Ok(known.identity);
            }
            self.cache.remove(token);
        }
        let verified = self.verify_anew(token, now_ms).await?.ok_or(AuthError::InvalidToken)?;
        self.cache.insert(token, verified.clone());
        Ok(verified.identity)
    }

    /// Whether a token that was good is so at `now_ms`: it has not ended, and its key was not withdrawn.
    async fn is_good_still(&self, known: &Verified, now_ms: u64) -> Result<bool, AuthError> {
        let ended = known.identity.valid_until.is_some_and(|until| now_ms >= until);
        let key = self.key.find(known.key_id.as_deref()).await?;
        Ok(!ended && key.is_some_and(|key| Arc::ptr_eq(&key, &known.key)))
    }

    async fn verify_anew(&self, token: &str, now_ms: u64) -> Result<Option<Verified>, AuthError> {
        let key_id = match decode_header(token) {
            Ok(header) if header.alg == self.terms.algorithm => header.kid,
            _ => return Ok(None),
        };
        let Some(key) = self.key.find(key_id.as_deref()).await? else { return Ok(None) };
        let identity = self.read(token, &key, now_ms).map(Arc::new);
        Ok(identity.map(|identity| Verified { identity, key, key_id }))
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
    /// The key for tokens that name it so.
    async fn find(&self, id: Option<&str>) -> Result<Option<Arc<DecodingKey>>, AuthError> {
        match self {
            Self::One(key) => Ok(Some(Arc::clone(key))),
            Self::OfSet(set) => set.find(id).await,
        }
    }

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

//! The document of a key set: which keys fit. Pure.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::auth::keys;

/// More keys than this are not read: no issuer has so many.
const MOST_KEYS: usize = 1000;

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// A public key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
#[derive(Deserialize)]
struct Entry {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a set that fit the algorithm.
pub(super) struct Keys(Vec<(Option<String>, Arc<DecodingKey>)>);

impl Keys {
    /// Reads a document, or `None` when it is none. Keys that are broken, weak or for something else are left out.
    pub(super) fn read(text: &str, algorithm: Algorithm) -> Option<Self> {
        let document: Document<'_> = serde_json::from_str(text).ok()?;
        let entry = |raw: &&RawValue| serde_json::from_str::<Entry>(raw.get()).ok();
        let entries = document.keys.iter().take(MOST_KEYS).filter_map(entry);
        let fitting = entries.filter(|entry| entry.is_for(algorithm));
        Some(Self(fitting.filter_map(|entry| Some((entry.kid.clone(), entry.key(algorithm)?))).collect()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The key with this id; without an id the only one, if there is only one.
    pub(super) fn find(&self, id: Option<&str>) -> Option<Arc<DecodingKey>> {
        let found = match (id, self.0.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(id), all) => all.iter().find(|(known, _)| known.as_deref() == Some(id)),
        };
        found.map(|(_, key)| Arc::clone(key))
    }
}

impl Entry {
    fn is_for(&self, algorithm: Algorithm) -> bool {
        let (kty, crv) = match algorithm {
            Algorithm::ES256 => ("EC", Some("P-256")),
            Algorithm::ES384 => ("EC", Some("P-384")),
            Algorithm::EdDSA => ("OKP", Some("Ed25519")),
            _ if algorithm.family() == AlgorithmFamily::Rsa => ("RSA", None),
            _ => return false,
        };
        let verifies = |operations: &Vec<String>| operations.iter().any(|one| one == "verify");
        self.kty == kty
            && crv.is_none_or(|crv| self.crv.as_deref() == Some(crv))
            && self.alg.as_ref().is_none_or(|alg| alg.parse() == Ok(algorithm))
            && self.purpose.as_ref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(verifies)
    }

    fn key(&self, algorithm: Algorithm) -> Option<Arc<DecodingKey>> {
        let key = match algorithm.family() {
            AlgorithmFamily::Rsa => DecodingKey::from_rsa_components(self.n.as_ref()?, self.e.as_ref()?),
            AlgorithmFamily::Ec => DecodingKey::from_ec_components(self.x.as_ref()?, self.y.as_ref()?),
            AlgorithmFamily::Ed => DecodingKey::from_ed_components(self.x.as_ref()?),
            AlgorithmFamily::Hmac => return None,
        };
        let key = key.ok()?;
        keys::check(&key, algorithm).ok()?;
        Some(Arc::new(key))
    }
}

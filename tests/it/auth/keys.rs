//! Keys of the tests, one for each algorithm, and what they sign.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use taskcast::config::Algorithm;

use super::SECRET;

pub(super) const RSA_PUBLIC: &str = include_str!("keys/rsa.pub.pem");
pub(super) const RSA_1024_PUBLIC: &str = include_str!("keys/rsa_1024.pub.pem");
pub(super) const P256_PUBLIC: &str = include_str!("keys/p256.pub.pem");
pub(super) const P384_PUBLIC: &str = include_str!("keys/p384.pub.pem");
pub(super) const ED25519: &str = include_str!("keys/ed25519.pem");
pub(super) const ED25519_PUBLIC: &str = include_str!("keys/ed25519.pub.pem");
const ED25519_OTHER: &str = include_str!("keys/ed25519_other.pem");
const RSA: &str = include_str!("keys/rsa.pem");
const P256: &str = include_str!("keys/p256.pem");
const P384: &str = include_str!("keys/p384.pem");

/// Every algorithm of PROTOCOL §4.3.
pub(super) const ALGORITHMS: [Algorithm; 12] = [
    Algorithm::HS256,
    Algorithm::HS384,
    Algorithm::HS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The key to sign with, of the pair for this algorithm.
pub(super) fn private(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::ES256 => EncodingKey::from_ec_pem(P256.as_bytes()),
        Algorithm::ES384 => EncodingKey::from_ec_pem(P384.as_bytes()),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(ED25519.as_bytes()),
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => EncodingKey::from_secret(SECRET.as_bytes()),
        _ => EncodingKey::from_rsa_pem(RSA.as_bytes()),
    }
    .expect("the keys of the tests are good")
}

/// Another key for EdDSA.
pub(super) fn other() -> EncodingKey {
    EncodingKey::from_ed_pem(ED25519_OTHER.as_bytes()).expect("the keys of the tests are good")
}

/// The setting that gives a server the key for this algorithm.
pub(super) fn setting(algorithm: Algorithm) -> Value {
    let name = format!("{algorithm:?}");
    match algorithm {
        Algorithm::ES256 => json!({"algorithm": name, "publicKey": P256_PUBLIC}),
        Algorithm::ES384 => json!({"algorithm": name, "publicKey": P384_PUBLIC}),
        Algorithm::EdDSA => json!({"algorithm": name, "publicKey": ED25519_PUBLIC}),
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            json!({"algorithm": name, "secret": SECRET})
        }
        _ => json!({"algorithm": name, "publicKey": RSA_PUBLIC}),
    }
}

/// A token signed by the key for this algorithm.
pub(super) fn sign(algorithm: Algorithm, kid: Option<&str>, claims: &Value) -> String {
    sign_by(&private(algorithm), algorithm, kid, claims)
}

pub(super) fn sign_by(key: &EncodingKey, algorithm: Algorithm, kid: Option<&str>, claims: &Value) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, key).expect("claims are JSON")
}

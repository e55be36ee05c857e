//! Keys to verify tokens with, and whether they are any good.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};

use super::AuthSetupError;

/// The smallest and the largest modulus of RSA, in bytes. The smallest is that of RFC 7518 §3.3 and §3.5, the largest
/// what our library takes.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// The length of a public key of Ed25519 (RFC 8032 §5.1.5).
const ED25519_BYTES: usize = 32;

/// The key that a shared secret is.
pub(super) fn of_secret(secret: &[u8]) -> Result<DecodingKey, &'static str> {
    DecodingKey::from_secret(secret).map_err(|_| "the secret is empty")
}

/// Warns of a secret that is shorter than the digest, which RFC 7518 §3.2 asks for: it may be guessed from a token.
pub(super) fn warn_if_short(secret: &[u8], algorithm: Algorithm) {
    let least = match algorithm {
        Algorithm::HS384 => 48,
        Algorithm::HS512 => 64,
        _ => 32,
    };
    if secret.len() < least {
        tracing::warn!(
            bytes = secret.len(),
            least,
            "`auth.jwt.secret` is short: whoever has a token can try to guess it"
        );
    }
}

/// The public key that is written in `pem`, configured at `setting`.
pub(super) fn of_pem(
    pem: &[u8],
    algorithm: Algorithm,
    setting: &'static str,
) -> Result<DecodingKey, AuthSetupError> {
    let unfit = |reason| AuthSetupError::Key { setting, algorithm, reason };
    let is = |label: &[u8]| pem.windows(label.len()).any(|part| part == label);
    if !is(b"-----BEGIN PUBLIC KEY-----") && !is(b"-----BEGIN RSA PUBLIC KEY-----") {
        return Err(unfit("it is no public key in PEM form"));
    }
    let read = match algorithm.family() {
        AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(pem),
        AlgorithmFamily::Ec => DecodingKey::from_ec_pem(pem),
        AlgorithmFamily::Ed => DecodingKey::from_ed_pem(pem),
        AlgorithmFamily::Hmac => return Err(unfit("this algorithm has no public keys")),
    };
    let key = read.map_err(|_| unfit("it is a key of another kind, or broken"))?;
    check(&key, algorithm).map_err(unfit)?;
    Ok(key)
}

/// Refuses a public key that cannot verify, or is too weak to.
pub(super) fn check(key: &DecodingKey, algorithm: Algorithm) -> Result<(), &'static str> {
    let broken = "it is a key of another kind, or broken";
    match algorithm.family() {
        AlgorithmFamily::Hmac => return Ok(()),
        AlgorithmFamily::Rsa => {
            let bytes = modulus_bytes(key).ok_or(broken)?;
            if !RSA_BYTES.contains(&bytes) {
                return Err("an RSA key has to have 2048 to 4096 bits");
            }
        }
        // The library takes the first 32 bytes, which have to be there.
        AlgorithmFamily::Ed => {
            key.try_get_as_bytes().ok().filter(|bytes| bytes.len() == ED25519_BYTES).ok_or(broken)?;
        }
        AlgorithmFamily::Ec => {}
    }
    let library = CryptoProvider::try_get_default().ok_or("there is no cryptography")?;
    (library.verifier_factory)(&algorithm, key).map(drop).map_err(|_| broken)
}

fn modulus_bytes(key: &DecodingKey) -> Option<usize> {
    let AlgorithmParameters::RSA(numbers) = Jwk::from_decoding_key(key, None).ok()?.algorithm else {
        return None;
    };
    let modulus = URL_SAFE_NO_PAD.decode(numbers.n).ok()?;
    Some(modulus.len() - modulus.iter().take_while(|byte| **byte == 0).count())
}

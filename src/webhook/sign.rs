//! Signatures of a delivery (PROTOCOL §18): of the body alone, and in the form of Standard Webhooks
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Precedes a secret whose key is written in base64.
const ENCODED: &str = "whsec_";

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of HMAC may have any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// The value of `X-Taskcast-Signature`.
pub(super) fn body_signature(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac(secret.as_bytes(), &[body])))
}

/// The value of `webhook-signature` for a delivery with this id at this time in Unix seconds.
pub(super) fn standard_signature(secret: &str, id: &str, seconds: i64, body: &[u8]) -> String {
    let key = match secret.strip_prefix(ENCODED).map(|encoded| STANDARD.decode(encoded)) {
        Some(Ok(key)) => key,
        _ => secret.as_bytes().to_vec(),
    };
    let signed = hmac(&key, &[id.as_bytes(), b".", seconds.to_string().as_bytes(), b".", body]);
    format!("v1,{}", STANDARD.encode(signed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_standard_webhooks_is_signed_as_its_libraries_do() {
        let signature = standard_signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    /// Test case 2 of RFC 4231, section 4.3.
    #[test]
    fn the_body_is_signed_with_the_secret_as_given() {
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(body_signature("Jefe", b"what do ya want for nothing?"), expected);
    }

    #[test]
    fn a_secret_without_a_prefix_is_the_key_itself() {
        let signed = |secret| standard_signature(secret, "a", 1, b"{}");
        assert_eq!(signed("key"), signed("whsec_a2V5"));
        assert_ne!(signed("a2V5"), signed("whsec_a2V5"));
    }
}

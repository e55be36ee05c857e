//! Whom encrypted connections believe.

use rustls::RootCertStore;

/// The certificate authorities of the system, or those in the places that `SSL_CERT_FILE` and `SSL_CERT_DIR` name
/// instead. One that cannot be read is left out: the others may be all that is needed.
///
/// # Errors
/// Says why, when there is none.
pub(super) fn authorities() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let reasons: String = found.errors.iter().map(|error| format!(", {error}")).collect();
        return Err(format!("there is no certificate authority to trust{reasons}"));
    }
    Ok(roots)
}

//! Certificates of servers that tests own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::folder;

/// Who vouches for servers of a test.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// What a server shows to prove who it is.
pub(crate) struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    /// One that nobody knows.
    pub(crate) fn new() -> Self {
        static FOUNDED: AtomicUsize = AtomicUsize::new(0);
        let mut params = CertificateParams::default();
        let name = format!("Authority {}", FOUNDED.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("it can sign");
        let folder = folder();
        std::fs::write(folder.path().join("authority.pem"), issuer.pem()).expect("a file can be written");
        Self { issuer, folder }
    }

    /// The file with its certificate, for those who are to trust it.
    pub(crate) fn file(&self) -> String {
        self.folder.path().join("authority.pem").display().to_string()
    }

    /// An identity for the server with this name or address.
    pub(crate) fn vouch_for(&self, name: &str) -> Identity {
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new([name.to_owned()]).expect("it is a name or an address");
        let certificate = params.signed_by(&key, &self.issuer).expect("it can be signed");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Identity {
    /// The certificate, in PEM.
    pub(crate) fn certificate(&self) -> &[u8] {
        self.certificate.as_bytes()
    }

    /// The key, in PEM.
    pub(crate) fn key(&self) -> &[u8] {
        self.key.as_bytes()
    }

    /// Writes it into a server's folder: the certificate, and the key, which nobody else may read.
    pub(super) fn write_into(&self, folder: &Path) -> [PathBuf; 2] {
        let paths = ["server.crt", "server.key"].map(|name| folder.join(name));
        for (path, text) in paths.iter().zip([&self.certificate, &self.key]) {
            std::fs::write(path, text).expect("a file can be written");
            let own = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(path, own).expect("a file of ours can be closed to others");
        }
        paths
    }
}

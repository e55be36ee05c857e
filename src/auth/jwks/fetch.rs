//! Asking for a key set.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use taskcast_actors::ports::ErrorKind;

use crate::auth::AuthSetupError;
use crate::config::Secret;

/// The longest time a whole fetch may take; requests wait for it.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest document that is read, in bytes; sets of large issuers have about 10 kB.
const MOST_BYTES: usize = 1 << 20;

/// Where a key set is.
pub(super) struct Source {
    client: Client,
    url: Url,
}

impl Source {
    pub(super) fn new(url: &Secret) -> Result<Self, AuthSetupError> {
        let url = Url::parse(&url.0).map_err(|error| AuthSetupError::Client(error.to_string()))?;
        // A redirect could lead from an encrypted connection to one that is not. And a connection belongs to the thread
        // that made it, so none is kept for others.
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .redirect(Policy::none())
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("taskcast/", env!("CARGO_PKG_VERSION")))
            .build();
        let client = client.map_err(|error| AuthSetupError::Client(error.without_url().to_string()))?;
        Ok(Self { client, url })
    }

    /// The document.
    pub(super) async fn get(&self) -> Result<String, ErrorKind> {
        let asked = self.client.get(self.url.clone()).send().await;
        let response = asked.map_err(|error| kind_of(&error))?;
        match response.status() {
            status if status.is_success() => read(response).await,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(ErrorKind::Authentication),
            _ => Err(ErrorKind::Unavailable),
        }
    }
}

/// The system's roots. A root that cannot be read is left out: the others may be all that is needed.
fn tls() -> Result<ClientConfig, AuthSetupError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| AuthSetupError::Client(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

async fn read(mut response: Response) -> Result<String, ErrorKind> {
    let mut document = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| kind_of(&error))? {
        if document.len() + piece.len() > MOST_BYTES {
            return Err(ErrorKind::Unavailable);
        }
        document.extend_from_slice(&piece);
    }
    String::from_utf8(document).map_err(|_| ErrorKind::Unavailable)
}

/// What went wrong, in the words of PROTOCOL §3. The client says it in the causes of its errors.
fn kind_of(error: &reqwest::Error) -> ErrorKind {
    if error.is_timeout() {
        return ErrorKind::Timeout;
    }
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    let io = causes.iter().find_map(|cause| cause.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => ErrorKind::ConnectionRefused,
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => ErrorKind::ConnectionReset,
        Some(io::ErrorKind::UnexpectedEof) => ErrorKind::ConnectionClosed,
        Some(io::ErrorKind::TimedOut) => ErrorKind::Timeout,
        _ if causes.iter().any(|cause| cause.to_string().contains("dns error")) => ErrorKind::Dns,
        _ if error.is_connect() => ErrorKind::Unavailable,
        _ => ErrorKind::ConnectionClosed,
    }
}

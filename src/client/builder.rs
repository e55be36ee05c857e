//! How a client is set up.

use std::error::Error as StdError;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

use super::{Backoff, Client, ClientError, tls};

/// What a provider of tokens answers.
pub(super) type TokenAnswer =
    Pin<Box<dyn Future<Output = Result<String, Box<dyn StdError + Send + Sync>>> + Send>>;

/// Who a client says it is.
#[derive(Clone)]
pub(super) enum Credential {
    None,
    /// The same header on every request.
    Fixed(HeaderName, HeaderValue),
    /// Asked for each request and each connection of a stream.
    Provider(Arc<dyn Fn() -> TokenAnswer + Send + Sync>),
}

/// Sets up a [`Client`]. Every setting has a default but the address of the server.
///
/// ```
/// use std::time::Duration;
/// use taskcast::client::Client;
/// let client = Client::builder("https://tasks.example.org/streams")
///     .token("eyJhbGciOi…")
///     .request_timeout(Duration::from_secs(10))
///     .build();
/// # let _ = client;
/// ```
#[derive(Clone)]
#[must_use]
pub struct ClientBuilder {
    base: String,
    pub(super) credential: Result<Credential, ClientErrorText>,
    user_agent: String,
    pub(super) settings: Settings,
    authorities: Option<PathBuf>,
}

/// A refusal that is only told when the client is built.
pub(super) type ClientErrorText = &'static str;

/// What requests and streams need to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) request_timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) silence: Duration,
    pub(super) attempts: u32,
    pub(super) backoff: Backoff,
}

impl fmt::Debug for ClientBuilder {
    /// Says nothing of credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl ClientBuilder {
    pub(super) fn new(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            credential: Ok(Credential::None),
            user_agent: concat!("taskcast-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
            settings: Settings {
                request_timeout: Duration::from_secs(30),
                connect_timeout: Duration::from_secs(10),
                silence: Duration::from_secs(45),
                attempts: 6,
                backoff: Backoff::default(),
            },
            authorities: None,
        }
    }

    /// The bearer token of every request.
    pub fn token(mut self, token: &str) -> Self {
        self.credential = header("authorization", &format!("Bearer {token}"));
        self
    }

    /// Asks for the bearer token of each request and each connection of a stream, so that one that is about to expire
    /// can be replaced. When the provider fails, so does the call: nothing is sent.
    ///
    /// ```
    /// # use taskcast::client::Client;
    /// let client = Client::builder("http://127.0.0.1:3721")
    ///     .token_provider(|| async { Ok(std::env::var("TASKCAST_TOKEN")?) })
    ///     .build()?;
    /// # Ok::<(), taskcast::client::ClientError>(())
    /// ```
    pub fn token_provider<F, R>(mut self, provider: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, Box<dyn StdError + Send + Sync>>> + Send + 'static,
    {
        self.credential = Ok(Credential::Provider(Arc::new(move || Box::pin(provider()))));
        self
    }

    /// The key of a trusted service, in place of a token.
    ///
    /// ```
    /// let client = taskcast::client::Client::builder("https://tasks.internal").service_key("…").build();
    /// ```
    pub fn service_key(mut self, key: &str) -> Self {
        self.credential = header("x-taskcast-service-key", key);
        self
    }

    /// How long a request may take, from its first byte to the last of its answer. 30 s by default; streams know
    /// [`Self::silence`] instead.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.settings.request_timeout = timeout;
        self
    }

    /// How long a connection may take to come about. 10 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout;
        self
    }

    /// How long a stream may be silent before its connection counts as dead. 45 s by default, three of the server's
    /// signs of life.
    pub fn silence(mut self, silence: Duration) -> Self {
        self.settings.silence = silence;
        self
    }

    /// How often a request is tried altogether, where that is safe. 6 by default, at least 1. Streams try until they
    /// are dropped or refused.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.settings.attempts = attempts.max(1);
        self
    }

    /// How far apart attempts are.
    ///
    /// ```
    /// use std::time::Duration;
    /// use taskcast::client::{Backoff, Client};
    /// let backoff = Backoff { first: Duration::from_millis(50), longest: Duration::from_secs(2) };
    /// let client = Client::builder("http://127.0.0.1:3721").backoff(backoff).attempts(10).build()?;
    /// # Ok::<(), taskcast::client::ClientError>(())
    /// ```
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.backoff = backoff;
        self
    }

    /// What the client calls itself. `taskcast-rust/<version>` by default.
    pub fn user_agent(mut self, name: &str) -> Self {
        name.clone_into(&mut self.user_agent);
        self
    }

    /// A file with certificates in PEM of authorities that are believed beside those of the system.
    ///
    /// ```
    /// let client = taskcast::client::Client::builder("https://tasks.internal").authorities("no/such/file.pem");
    /// assert_eq!(client.build().unwrap_err().code(), "invalid_request");
    /// ```
    pub fn authorities(mut self, file: impl Into<PathBuf>) -> Self {
        self.authorities = Some(file.into());
        self
    }

    /// The client. Connects to nobody yet.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] when the address is no http or https URL, a credential or the user agent cannot
    /// be sent, or the authorities cannot be read.
    pub fn build(self) -> Result<Client, ClientError> {
        let invalid = |text: &str| ClientError::InvalidRequest(text.to_owned());
        let url = Url::parse(&self.base).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let mut url = url.ok_or_else(|| invalid("the address of the server is no http or https URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("the address of the server holds a password: use a token instead"));
        }
        // They mean nothing to the service, and may hold what nobody is to see.
        url.set_query(None);
        url.set_fragment(None);
        let credential = self.credential.map_err(invalid)?;
        let tls = tls::config(url.scheme() == "https", self.authorities.as_deref())?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .user_agent(self.user_agent)
            .connect_timeout(self.settings.connect_timeout)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| ClientError::of_transport(error, self.settings.request_timeout))?;
        Ok(Client::of(http, url, credential, self.settings))
    }
}

fn header(name: &'static str, value: &str) -> Result<Credential, ClientErrorText> {
    let mut value = HeaderValue::from_str(value).map_err(|_| "the credential cannot be sent in a header")?;
    value.set_sensitive(true);
    Ok(Credential::Fixed(HeaderName::from_static(name), value))
}

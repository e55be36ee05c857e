//! One request and its answer, tried again where that is safe.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use taskcast_actors::domain::TaskId;
use url::Url;

use super::answer::{read, refusal};
use super::builder::Credential;
use super::{Client, ClientError};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Whether a request may be sent again when it is not known what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    /// It changes nothing, or a second time changes nothing more.
    Always,
    /// Only when it surely was not carried out.
    IfNotDone,
}

/// A request to be.
#[must_use]
pub(super) struct Call<'a> {
    client: &'a Client,
    method: Method,
    url: Url,
    body: Option<Bytes>,
    key: Option<String>,
    repeat: Repeat,
    timeout: Duration,
    /// How long it is tried, in place of how often.
    persistence: Option<Duration>,
    /// Whether an error status is an answer like any other.
    any_status: bool,
}

impl Client {
    /// A request to the endpoint with these path segments, which are encoded here.
    pub(super) fn call(&self, method: Method, path: &[&str]) -> Call<'_> {
        let repeat = if method == Method::GET { Repeat::Always } else { Repeat::IfNotDone };
        let (url, timeout) = (self.url(path), self.inner.settings.request_timeout);
        let (body, key, persistence) = (None, None, None);
        Call { client: self, method, url, body, key, repeat, timeout, persistence, any_status: false }
    }

    /// A request about the task `id`.
    pub(super) fn task_call(&self, method: Method, id: &str, rest: &[&str]) -> Result<Call<'_>, ClientError> {
        Ok(self.call(method, &task_path(id, rest)?))
    }

    pub(super) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.inner.base.clone();
        url.path_segments_mut().expect("http URLs have paths").pop_if_empty().extend(path);
        url
    }

    /// A request as this client sends it, for whoever looks at the raw answer.
    #[cfg(feature = "cli")]
    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<reqwest::RequestBuilder, ClientError> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.inner.http.request(method, url);
        Ok(match self.credential().await? {
            Some((name, value)) => request.header(name, value),
            None => request,
        })
    }

    /// The credential header of the next request.
    pub(super) async fn credential(&self) -> Result<Option<(HeaderName, HeaderValue)>, ClientError> {
        match &self.inner.credential {
            Credential::None => Ok(None),
            Credential::Fixed(name, value) => Ok(Some((name.clone(), value.clone()))),
            Credential::Provider(provider) => {
                let patience = self.inner.settings.request_timeout;
                let token = tokio::time::timeout(patience, provider()).await;
                let token = token.unwrap_or_else(|_| Err(format!("none came within {patience:?}").into()));
                let token = token.map_err(ClientError::Token)?;
                let value = HeaderValue::from_str(&format!("Bearer {token}"));
                let mut value = value.map_err(|error| ClientError::Token(error.into()))?;
                value.set_sensitive(true);
                Ok(Some((reqwest::header::AUTHORIZATION, value)))
            }
        }
    }
}

/// A name that nobody else has: the keys of the hashers are random to the operating system's standards, which a
/// generator of 64 bits is not.
pub(super) fn unique() -> String {
    let hasher = RandomState::new();
    format!("{:016x}{:016x}", hasher.hash_one(0), hasher.hash_one(1))
}

/// The path of something about the worker `id`.
pub(super) fn worker_path<'a>(id: &'a str, rest: &[&'a str]) -> Result<Vec<&'a str>, ClientError> {
    if TaskId::parse(id).is_err() {
        return Err(ClientError::InvalidRequest("this can be no worker's id".to_owned()));
    }
    Ok([&["workers", id], rest].concat())
}

/// The path of something about the task `id`.
pub(super) fn task_path<'a>(id: &'a str, rest: &[&'a str]) -> Result<Vec<&'a str>, ClientError> {
    if TaskId::parse(id).is_err() {
        return Err(ClientError::InvalidRequest("this can be no task's id".to_owned()));
    }
    Ok([&["tasks", id], rest].concat())
}

impl Call<'_> {
    /// Adds a query parameter.
    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Adds a query parameter, if there is a value.
    pub(super) fn maybe(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Sends `body` as JSON.
    pub(super) fn json(mut self, body: &impl Serialize) -> Result<Self, ClientError> {
        let text = serde_json::to_vec(body);
        let text = text.map_err(|error| ClientError::InvalidRequest(format!("this is no JSON: {error}")))?;
        self.body = Some(text.into());
        Ok(self)
    }

    /// Sends a body that is JSON already.
    pub(super) fn text(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Makes repeats harmless: the server answers them as it answered the first.
    pub(super) fn keyed(mut self) -> Self {
        self.key = Some(unique());
        self.repeat = Repeat::Always;
        self
    }

    /// A second time changes nothing more.
    pub(super) fn repeatable(mut self) -> Self {
        self.repeat = Repeat::Always;
        self
    }

    /// A second time may change something more.
    pub(super) fn once(mut self) -> Self {
        self.repeat = Repeat::IfNotDone;
        self
    }

    /// Takes an error status as an answer like any other.
    pub(super) fn whatever_the_status(mut self) -> Self {
        self.any_status = true;
        self
    }

    /// Waits for the answer at least this long.
    pub(super) fn patient(mut self, timeout: Duration) -> Self {
        self.timeout = self.timeout.max(timeout);
        self
    }

    /// Is tried for this long, however often that is.
    pub(super) fn persistent(mut self, persistence: Duration) -> Self {
        self.persistence = Some(persistence);
        self
    }

    /// The answer, read as `T`.
    pub(super) async fn read<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        read(&self.send().await?.1)
    }

    /// Status and body of an answer that is no error.
    pub(super) async fn send(self) -> Result<(u16, Bytes), ClientError> {
        self.counted().await.0
    }

    /// As [`Self::send`], and whether an attempt before the last may have been carried out.
    pub(super) async fn counted(self) -> (Result<(u16, Bytes), ClientError>, bool) {
        let settings = self.client.inner.settings;
        let (mut failures, mut doubtful, started) = (0, false, Instant::now());
        loop {
            let error = match self.attempt().await {
                Ok(answer) => return (Ok(answer), doubtful),
                Err(error) => error,
            };
            let again = error.is_transient() && (self.repeat == Repeat::Always || error.changed_nothing());
            let asked = error.retry_after();
            let wait = settings.backoff.delay(failures, asked);
            let enough = match self.persistence {
                Some(persistence) => started.elapsed() + wait > persistence,
                None => failures + 1 >= settings.attempts || asked.is_some_and(|asked| asked > self.timeout),
            };
            if !again || enough {
                return (Err(error), doubtful);
            }
            doubtful |= error.outcome_is_unknown();
            tokio::time::sleep(wait).await;
            failures += 1;
        }
    }

    async fn attempt(&self) -> Result<(u16, Bytes), ClientError> {
        let mut request = self.client.inner.http.request(self.method.clone(), self.url.clone());
        if let Some((name, value)) = self.client.credential().await? {
            request = request.header(name, value);
        }
        if let Some(body) = &self.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        if let Some(key) = &self.key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        let whole = async {
            let response =
                request.send().await.map_err(|error| ClientError::of_transport(error, self.timeout))?;
            let status = response.status().as_u16();
            if !self.any_status && !response.status().is_success() {
                return Err(refusal(response, self.timeout).await);
            }
            let body = response.bytes().await;
            Ok((status, body.map_err(|error| ClientError::of_transport(error, self.timeout))?))
        };
        let answer = tokio::time::timeout(self.timeout, whole).await;
        answer.unwrap_or(Err(ClientError::Timeout(self.timeout)))
    }
}

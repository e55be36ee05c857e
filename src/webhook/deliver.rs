//! One attempt to deliver one event (PROTOCOL §18).
//!
//! Nothing a receiver does costs more than the time of the attempt: redirects are not followed, no cookie is kept, and
//! of a body only its beginning is read, so that the connection can be used again.

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::load_native_certs;
use taskcast_actors::domain::{TaskEvent, Timestamp};

use super::WebhookError;
use super::endpoint::Endpoint;
use super::sign::{body_signature, standard_signature};
use super::target::{self, Forbidden, PublicOnly};

const USER_AGENT: &str = concat!("taskcast/", env!("CARGO_PKG_VERSION"));
/// A connection that takes longer to come about is given up, whatever an attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that is not used is closed after this time.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// At most this many unused connections to one host are kept.
const IDLE_PER_HOST: usize = 4;
/// At most this much of an answer's body is read, in bytes,
const MOST_BODY: usize = 4096;
/// and for at most this long: a body that is endless or slow costs its connection.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// Everything outside visible ASCII.
const INVISIBLE: &AsciiSet = &CONTROLS.add(b' ');

/// An event on its way to one webhook.
pub(super) struct Parcel {
    event: Arc<TaskEvent>,
    body: bytes::Bytes,
}

impl Parcel {
    /// `event` in the form that `endpoint` wants; `rank` is its place among the events it gets.
    pub(super) fn new(event: Arc<TaskEvent>, endpoint: &Endpoint, rank: u64) -> Self {
        let mut body = Vec::with_capacity(event.data.as_str().len() + 320);
        if endpoint.wrap {
            body.extend_from_slice(format!("{{\"filteredIndex\":{rank}").as_bytes());
            event.write_envelope_tail(&mut body);
        } else {
            event.write_raw(&mut body);
        }
        Self { event, body: body.into() }
    }
}

/// Why an attempt failed, in words that show nothing of the URL or of what the receiver said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) status: Option<u16>,
    pub(super) error: &'static str,
    /// How long the receiver asked to wait.
    pub(super) retry_after: Option<Duration>,
    /// Whether trying again cannot help.
    pub(super) for_good: bool,
}

impl Trouble {
    fn new(error: &'static str) -> Self {
        Self { status: None, error, retry_after: None, for_good: false }
    }

    pub(super) fn for_good(error: &'static str) -> Self {
        Self { for_good: true, ..Self::new(error) }
    }
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was accepted.
    Delivered,
    /// The receiver wants nothing more of this task.
    Gone(Trouble),
    /// It was not accepted.
    Failed(Trouble),
}

/// The client for all deliveries.
pub(super) struct Deliverer {
    client: Client,
    allow_private: bool,
}

impl Deliverer {
    /// # Errors
    /// When the client cannot be built.
    pub(super) fn new(allow_private: bool) -> Result<Self, WebhookError> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls()?)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .retry(reqwest::retry::never())
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_PER_HOST);
        let client = if allow_private { client } else { client.dns_resolver(Arc::new(PublicOnly)) };
        Ok(Self { client: client.build()?, allow_private })
    }

    /// Tries once. `first_at` is when this event was tried first.
    pub(super) async fn attempt(
        &self,
        endpoint: &Endpoint,
        parcel: &Parcel,
        (first_at, now): (Timestamp, Timestamp),
    ) -> Outcome {
        let Some(url) = &endpoint.url else { return Outcome::Failed(Trouble::for_good("not a URL")) };
        if !self.allow_private && target::check_literal(url).is_err() {
            return Outcome::Failed(Trouble::for_good(FORBIDDEN));
        }
        let headers = headers(endpoint, parcel, (first_at, now));
        let request = self.client.post(url.clone()).headers(headers).body(parcel.body.clone());
        match tokio::time::timeout(endpoint.retry.timeout(), request.send()).await {
            Err(_) => Outcome::Failed(Trouble::new("timeout")),
            Ok(Err(error)) => Outcome::Failed(trouble(&error)),
            Ok(Ok(answer)) => judge(answer).await,
        }
    }
}

const FORBIDDEN: &str = "the address is not allowed";

/// Trusts the authorities of the system. Without any the server starts all the same: it may have no webhooks over https.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let (known, _) = roots.add_parsable_certificates(load_native_certs().certs);
    if known == 0 {
        tracing::warn!("the system has no certificate authorities: webhooks over https will fail");
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

async fn judge(answer: Response) -> Outcome {
    let status = answer.status();
    let retry_after = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        .then(|| retry_after(answer.headers(), SystemTime::now()))
        .flatten();
    // Whether the body comes to an end changes nothing: what was to be said is said.
    let _late = tokio::time::timeout(BODY_TIMEOUT, drain(answer)).await;
    if status.is_success() {
        return Outcome::Delivered;
    }
    let trouble = Trouble {
        status: Some(status.as_u16()),
        retry_after,
        ..Trouble::new("the receiver did not accept it")
    };
    if status == StatusCode::GONE {
        return Outcome::Gone(Trouble { for_good: true, ..trouble });
    }
    Outcome::Failed(trouble)
}

/// Reads a short body to its end, and leaves any other one.
async fn drain(mut answer: Response) {
    let mut read = 0;
    while let Ok(Some(piece)) = answer.chunk().await {
        read += piece.len();
        if read > MOST_BODY {
            return;
        }
    }
}

/// `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(now).ok()
}

fn trouble(error: &reqwest::Error) -> Trouble {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<Forbidden>() {
            return Trouble::for_good(FORBIDDEN);
        }
        cause = inner.source();
    }
    let words = if error.is_timeout() {
        "timeout"
    } else if error.is_dns() {
        "the name cannot be resolved"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_builder() {
        return Trouble::for_good("no request can be made of it");
    } else {
        "no answer that can be understood"
    };
    Trouble::new(words)
}

fn headers(endpoint: &Endpoint, parcel: &Parcel, (first_at, now): (Timestamp, Timestamp)) -> HeaderMap {
    let (event, body) = (&parcel.event, &parcel.body);
    let id = event.id.to_string();
    let seconds = now.0.div_euclid(1000);
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut set = |name, text: &str| {
        let visible = utf8_percent_encode(text, INVISIBLE).to_string();
        let value = HeaderValue::try_from(visible).expect("visible ASCII can stand in a header");
        headers.insert(HeaderName::from_static(name), value);
    };
    set("x-taskcast-event", &event.event_type);
    set("x-taskcast-timestamp", &first_at.0.div_euclid(1000).to_string());
    set("webhook-id", &id);
    set("webhook-timestamp", &seconds.to_string());
    if let Some(secret) = &endpoint.secret {
        set("x-taskcast-signature", &body_signature(&secret.0, body));
        set("webhook-signature", &standard_signature(&secret.0, &id, seconds, body));
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_its_forms() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let table = [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", None),
            ("18446744073709551616", None),
            ("-1", None),
            ("soon", None),
            ("", None),
        ];
        for (text, seconds) in table {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn what_is_not_visible_ascii_is_percent_encoded() {
        let encoded = |text| utf8_percent_encode(text, INVISIBLE).to_string();
        assert_eq!(encoded("llm.delta/%41~"), "llm.delta/%41~");
        assert_eq!(encoded("a b\r\nc\u{7f}é"), "a%20b%0D%0Ac%7F%C3%A9");
    }
}

//! Webhooks for every task. What an endpoint may be belongs to the parsers of the API; types and names are checked
//! here.

use std::fmt;

use serde_json::Value;

use super::kind::Kind;
use super::layers::Layers;
use super::schema::{Key, MAX_COUNT, MAX_MILLIS, Preset};

const BACKOFF: Kind = Kind::Word(&["fixed", "exponential", "linear"]);
const FORMAT: Kind = Kind::Word(&["delta", "accumulated"]);
const RETRIES: Kind = Kind::Int(0, MAX_COUNT);
const DELAY: Kind = Kind::Int(0, MAX_MILLIS);
const TIMEOUT: Kind = Kind::Int(1, MAX_MILLIS);

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::new("webhook.allowPrivate", Kind::Bool).or(Preset::Bool(false)),
    Key::new("webhook.defaultRetry.retries", RETRIES),
    Key::new("webhook.defaultRetry.backoff", BACKOFF),
    Key::new("webhook.defaultRetry.initialDelayMs", DELAY),
    Key::new("webhook.defaultRetry.maxDelayMs", DELAY),
    Key::new("webhook.defaultRetry.timeoutMs", TIMEOUT),
    Key::new("webhook.endpoints", Kind::Maps),
    Key::new("webhook.endpoints[].url", Kind::Text),
    Key::new("webhook.endpoints[].secret", Kind::Text),
    Key::new("webhook.endpoints[].wrap", Kind::Bool),
    Key::new("webhook.endpoints[].filter.types", Kind::Texts),
    Key::new("webhook.endpoints[].filter.levels", Kind::Texts),
    Key::new("webhook.endpoints[].filter.includeStatus", Kind::Bool),
    Key::new("webhook.endpoints[].filter.wrap", Kind::Bool),
    Key::new("webhook.endpoints[].filter.seriesFormat", FORMAT),
    Key::new("webhook.endpoints[].filter.since", Kind::Free),
    Key::new("webhook.endpoints[].retry.retries", RETRIES),
    Key::new("webhook.endpoints[].retry.backoff", BACKOFF),
    Key::new("webhook.endpoints[].retry.initialDelayMs", DELAY),
    Key::new("webhook.endpoints[].retry.maxDelayMs", DELAY),
    Key::new("webhook.endpoints[].retry.timeoutMs", TIMEOUT),
];

/// What the operator says of webhooks.
#[derive(Clone, Default, PartialEq)]
pub struct WebhookConfig {
    /// Webhooks for every task, as JSON objects with only known keys; they may hold secrets.
    pub endpoints: Vec<Value>,
    /// What webhooks do not say of retries, a JSON object with only known keys.
    pub default_retry: Option<Value>,
    /// Whether deliveries may go to addresses that are not public.
    pub allow_private: bool,
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig")
            .field("endpoints", &self.endpoints.len())
            .field("default_retry", &self.default_retry)
            .field("allow_private", &self.allow_private)
            .finish()
    }
}

impl WebhookConfig {
    /// The configured one.
    pub(super) fn new(layers: &Layers) -> Self {
        let endpoints = match layers.find("webhook.endpoints").map(|found| found.value) {
            Some(Value::Array(endpoints)) => endpoints,
            _ => Vec::new(),
        };
        Self {
            endpoints,
            default_retry: layers.explicit("webhook.defaultRetry").map(|found| found.value),
            allow_private: layers.explicit("webhook.allowPrivate").is_some_and(|found| found.value == true),
        }
    }
}

//! Webhooks. Read and checked here; refused by `unsupported`.

use super::kind::Kind;
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

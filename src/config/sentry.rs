//! Sentry. Read and checked here; refused by `unsupported`.

use super::kind::Kind;
use super::schema::Key;

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::new("sentry.dsn", Kind::Text).variable("SENTRY_DSN"),
    Key::new("sentry.captureTaskFailures", Kind::Bool),
    Key::new("sentry.captureTaskTimeouts", Kind::Bool),
    Key::new("sentry.captureUnhandledErrors", Kind::Bool),
    Key::new("sentry.captureDroppedEvents", Kind::Bool),
    Key::new("sentry.captureStorageErrors", Kind::Bool),
    Key::new("sentry.captureBroadcastErrors", Kind::Bool),
    Key::new("sentry.traceSSEConnections", Kind::Bool),
    Key::new("sentry.traceEventPublish", Kind::Bool),
];

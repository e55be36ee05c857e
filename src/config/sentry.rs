//! Sentry: where reports go, and which.

use super::kind::Kind;
use super::layers::Layers;
use super::schema::{Key, Preset};
use super::secret::Secret;

const fn on(path: &'static str) -> Key {
    Key::new(path, Kind::Bool).or(Preset::Bool(true))
}

const fn off(path: &'static str) -> Key {
    Key::new(path, Kind::Bool).or(Preset::Bool(false))
}

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::new("sentry.dsn", Kind::SentryDsn).variable("SENTRY_DSN"),
    Key::new("sentry.environment", Kind::Text).variable("SENTRY_ENVIRONMENT"),
    Key::new("sentry.release", Kind::Text).variable("SENTRY_RELEASE"),
    Key::new("sentry.tracesSampleRate", Kind::Fraction),
    on("sentry.captureTaskFailures"),
    on("sentry.captureTaskTimeouts"),
    on("sentry.captureUnhandledErrors"),
    on("sentry.captureDroppedEvents"),
    on("sentry.captureStorageErrors"),
    on("sentry.captureBroadcastErrors"),
    off("sentry.traceSSEConnections"),
    off("sentry.traceEventPublish"),
    off("sentry.sendPayloads"),
];

/// Where reports go, and which.
#[derive(Clone, Debug, PartialEq)]
pub struct SentryConfig {
    /// Where to, with the key that allows it.
    pub dsn: Secret,
    /// What the deployment is called.
    pub environment: Option<String>,
    /// What this version is called, if not by its number.
    pub release: Option<String>,
    /// Which part of the transactions is sent, from 0 to 1.
    pub traces_sample_rate: f32,
    /// What is reported.
    pub options: SentryOptions,
}

/// What is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are independent switches, one for each kind of report"
)]
pub struct SentryOptions {
    /// Tasks that failed.
    pub capture_task_failures: bool,
    /// Tasks whose time to live was over.
    pub capture_task_timeouts: bool,
    /// Panics, and requests answered with 500.
    pub capture_unhandled_errors: bool,
    /// Events that could not be kept, and webhooks that could not be delivered.
    pub capture_dropped_events: bool,
    /// What a store could not do.
    pub capture_storage_errors: bool,
    /// What the bus could not do.
    pub capture_broadcast_errors: bool,
    /// A transaction for each stream, as long as it was open.
    pub trace_sse_connections: bool,
    /// A transaction for each publish.
    pub trace_event_publish: bool,
    /// Whether params of tasks, details of their errors and data of events are part of reports.
    pub send_payloads: bool,
}

impl Default for SentryOptions {
    /// Everything that went wrong, no transactions, no payloads.
    fn default() -> Self {
        Self {
            capture_task_failures: true,
            capture_task_timeouts: true,
            capture_unhandled_errors: true,
            capture_dropped_events: true,
            capture_storage_errors: true,
            capture_broadcast_errors: true,
            trace_sse_connections: false,
            trace_event_publish: false,
            send_payloads: false,
        }
    }
}

/// What is configured, if there is a DSN.
pub(super) fn config(layers: &Layers) -> Option<SentryConfig> {
    let rate = layers.find("sentry.tracesSampleRate").and_then(|found| found.value.as_f64());
    Some(SentryConfig {
        dsn: Secret(layers.text("sentry.dsn")?),
        environment: layers.text("sentry.environment"),
        release: layers.text("sentry.release"),
        traces_sample_rate: rate.unwrap_or(1.0) as f32,
        options: options(layers),
    })
}

fn options(layers: &Layers) -> SentryOptions {
    SentryOptions {
        capture_task_failures: layers.flag("sentry.captureTaskFailures"),
        capture_task_timeouts: layers.flag("sentry.captureTaskTimeouts"),
        capture_unhandled_errors: layers.flag("sentry.captureUnhandledErrors"),
        capture_dropped_events: layers.flag("sentry.captureDroppedEvents"),
        capture_storage_errors: layers.flag("sentry.captureStorageErrors"),
        capture_broadcast_errors: layers.flag("sentry.captureBroadcastErrors"),
        trace_sse_connections: layers.flag("sentry.traceSSEConnections"),
        trace_event_publish: layers.flag("sentry.traceEventPublish"),
        send_payloads: layers.flag("sentry.sendPayloads"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Flags;
    use crate::config::resolve::testing::resolved;

    const DSN: &str = "https://s3cret@sentry.example/7";

    fn with(section: serde_json::Value) -> Option<SentryConfig> {
        resolved(json!({"sentry": section}), &[], &Flags::default()).unwrap().sentry
    }

    #[test]
    fn without_a_dsn_there_is_no_sentry_whatever_else_is_set() {
        assert_eq!(with(json!({"captureTaskFailures": false, "environment": "test"})), None);
        assert_eq!(with(json!({})), None);
    }

    #[test]
    fn a_dsn_alone_reports_what_goes_wrong_and_nothing_else() {
        let expected = SentryConfig {
            dsn: Secret(DSN.into()),
            environment: None,
            release: None,
            traces_sample_rate: 1.0,
            options: SentryOptions::default(),
        };
        assert_eq!(with(json!({"dsn": DSN})).as_ref(), Some(&expected));
        let env = [("SENTRY_DSN", DSN)];
        let from_env = resolved(json!({}), &env, &Flags::default()).unwrap();
        assert_eq!(from_env.sentry.as_ref(), Some(&expected));
        assert!(!format!("{from_env:?}").contains("s3cret"));
    }

    #[test]
    fn every_option_sets_its_own_field() {
        let options = |on: bool| {
            json!({
                "dsn": DSN, "environment": "e", "release": "r", "tracesSampleRate": 0.25,
                "captureTaskFailures": on, "captureTaskTimeouts": on, "captureUnhandledErrors": on,
                "captureDroppedEvents": on, "captureStorageErrors": on, "captureBroadcastErrors": on,
                "traceSSEConnections": on, "traceEventPublish": on, "sendPayloads": on,
            })
        };
        let names: Vec<_> = KEYS.iter().filter(|key| matches!(key.kind, Kind::Bool)).collect();
        for key in names {
            let name = key.path.trim_start_matches("sentry.");
            for on in [true, false] {
                let mut section = options(!on);
                section[name] = json!(on);
                let found = with(section).unwrap();
                assert_eq!(found.traces_sample_rate, 0.25);
                assert_eq!((found.environment.as_deref(), found.release.as_deref()), (Some("e"), Some("r")));
                let shown = format!("{:?}", found.options);
                let others = shown.matches(&(!on).to_string()).count();
                assert_eq!((shown.matches(&on.to_string()).count(), others), (1, 8), "{name} {shown}");
                let field = name.replace("SSE", "Sse").chars().fold(String::new(), |mut snake, letter| {
                    if letter.is_uppercase() {
                        snake.push('_');
                    }
                    snake.extend(letter.to_lowercase());
                    snake
                });
                assert!(shown.contains(&format!("{field}: {on}")), "{name} {shown}");
            }
        }
    }

    #[test]
    fn what_is_no_dsn_or_no_rate_keeps_the_server_from_starting_and_is_not_shown() {
        for dsn in ["s3cret", "https://sentry.example/7", "https://s3cret@sentry.example", "ftp://s3cret@a/1"]
        {
            let variable = resolved(json!({}), &[("SENTRY_DSN", dsn)], &Flags::default()).unwrap_err();
            let file = resolved(json!({"sentry": {"dsn": dsn}}), &[], &Flags::default()).unwrap_err();
            for error in [variable, file] {
                assert_eq!(error.code(), "config_bad_value");
                assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
                assert!(error.to_string().contains("a Sentry DSN"), "{error}");
            }
        }
        for rate in [json!(1.5), json!(-0.1), json!("1"), json!(true)] {
            let section = json!({"dsn": DSN, "tracesSampleRate": rate});
            let error = resolved(json!({"sentry": section}), &[], &Flags::default()).unwrap_err();
            assert_eq!(error.code(), "config_bad_value", "{rate}");
        }
    }
}

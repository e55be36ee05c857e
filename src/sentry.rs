//! Hooks that report to Sentry.
//!
//! In the program they are there when `SENTRY_DSN` or `sentry.dsn` is set; without, there is no client at all.
//! Embedders give [`SentryHooks`] a client of their own:
//!
//! ```
//! use std::sync::Arc;
//!
//! use taskcast::config::{Config, Storage};
//! use taskcast::sentry::{SentryHooks, SentryOptions};
//!
//! # actix_web::rt::System::new().block_on(async {
//! let client = Arc::new(sentry::Client::from(sentry::ClientOptions::new().release("my-service@1.0")));
//! let options = SentryOptions { capture_task_timeouts: false, ..SentryOptions::default() };
//! let hooks = Arc::new(SentryHooks::new(client, options));
//! let config = Config { storage: Storage::Memory, ..Config::default() };
//! let (engine, parts) = taskcast::app::start_engine_with(&config, hooks).await?;
//! # engine.stop().await;
//! # Ok::<(), taskcast::app::AppError>(())
//! # }).unwrap();
//! ```
//!
//! A report holds ids, statuses, codes and the texts of errors, which hold no secrets; what producers put into params,
//! error details and events only with [`SentryOptions::send_payloads`]. Panics come as unhandled errors: the crate's own
//! panic integration is not used, since the text of a panic may hold what a client sent. Sending is the business of the
//! client's transport; ours drops what does not fit into its queue and gives up an answer after `ANSWER_TIMEOUT`.

mod repeats;

use std::borrow::Cow;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use ::sentry::protocol::{Event, Exception, Level, Map, Value};
use ::sentry::transports::ReqwestHttpTransportOptions;
use ::sentry::types::Dsn;
use ::sentry::{
    Client, ClientOptions, Hub, TransactionContext, Transport, TransportFactory, TransportOptions,
};
use taskcast_actors::Hooks;
use taskcast_actors::domain::{Json, NewEvent, Task, TaskId};
use taskcast_actors::ports::TaskHooks;

use self::repeats::Repeats;
use crate::config::SentryConfig;
pub use crate::config::SentryOptions;

/// How long Sentry may take to answer a report.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Reports that may wait for Sentry; more are dropped.
const MOST_WAITING: usize = 256;
/// Texts of producers are cut to this many bytes; Sentry itself cuts messages at 8,192 characters.
const MOST_TEXT: usize = 2048;
/// Payloads are left out beyond this many bytes: Sentry refuses reports of more than 1 MiB.
const MOST_PAYLOAD: usize = 64 * 1024;

/// A client of Sentry that was made from the configuration.
pub struct Sentry {
    client: Arc<Client>,
    options: SentryOptions,
}

impl Sentry {
    /// Makes a client. Nothing is sent before there is something to report.
    ///
    /// # Errors
    /// When TLS cannot be used, or the DSN is none. The error does not show it.
    pub fn start(config: &SentryConfig) -> Result<Self, StartError> {
        let dsn: Dsn = config.dsn.0.parse().map_err(|_| StartError::Dsn)?;
        // An embedder, or a driver that was opened before, may have chosen a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(ANSWER_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| StartError::Tls(error.without_url()))?;
        let version = concat!("taskcast@", env!("CARGO_PKG_VERSION"));
        let release = config.release.clone().map_or(Cow::Borrowed(version), Cow::Owned);
        let mut options = ClientOptions::new()
            .release(release)
            .default_integrations(false)
            .traces_sample_rate(config.traces_sample_rate)
            .transport_channel_capacity(MOST_WAITING)
            .transport(Http(http));
        options.dsn = Some(dsn);
        options.environment = config.environment.clone().map(Cow::Owned);
        Ok(Self { client: Arc::new(Client::from(options)), options: config.options })
    }

    /// Hooks that report to it.
    pub fn hooks(&self) -> Hooks {
        Hooks::from(Arc::new(SentryHooks::new(Arc::clone(&self.client), self.options)))
    }

    /// Sends what waits, for at most `limit`. Says whether all of it went out.
    #[must_use]
    pub fn stop(self, limit: Duration) -> bool {
        let (sender, done) = mpsc::channel();
        // The transport waits for room in its queue before it counts the time, and for its thread after that.
        let closing = std::thread::Builder::new().name("sentry-stop".into()).spawn(move || {
            let sent = self.client.close(Some(limit));
            let _too_late = sender.send(sent);
        });
        closing.is_ok() && done.recv_timeout(limit).unwrap_or(false)
    }
}

/// Sentry cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The DSN is none.
    #[error("cannot report to Sentry: `sentry.dsn` or SENTRY_DSN is no Sentry DSN")]
    Dsn,
    /// There is no TLS.
    #[error("cannot report to Sentry: {0}")]
    Tls(reqwest::Error),
}

/// Makes transports that use one client of HTTP.
struct Http(reqwest::Client);

impl TransportFactory for Http {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        Arc::new(ReqwestHttpTransportOptions::from(options).with_client(self.0.clone()).build())
    }
}

/// Reports to Sentry what it is told, see the module.
pub struct SentryHooks {
    hub: Arc<Hub>,
    options: SentryOptions,
    repeats: Repeats,
}

impl SentryHooks {
    /// Reports through `client`. Transactions are sent as its `traces_sample_rate` says, which is 0 by default.
    pub fn new(client: Arc<Client>, options: SentryOptions) -> Self {
        Self { hub: Arc::new(Hub::new(Some(client), Arc::default())), options, repeats: Repeats::default() }
    }

    fn report(&self, event: Event<'static>) {
        self.hub.capture_event(Event { level: Level::Error, logger: Some("taskcast".to_owned()), ..event });
    }

    /// Reports `error` itself.
    fn error(&self, kind: &str, error: &str, tags: &[(&str, Option<&str>)]) {
        let exception = Exception { ty: kind.to_owned(), value: Some(cut(error)), ..Exception::default() };
        self.report(Event { exception: vec![exception].into(), tags: tagged(tags), ..Event::default() });
    }

    /// Reports `error` unless it was reported a moment ago: one that lasts comes with every request.
    fn lasting_error(&self, kind: &str, error: &str, tags: &[(&str, Option<&str>)]) {
        let operation = tags.iter().find(|(name, _)| *name == "operation").and_then(|(_, value)| *value);
        if let Some(before) = self.repeats.admit(&format!("{kind} {} {error}", operation.unwrap_or_default()))
        {
            let repeated = (before > 0).then(|| before.to_string());
            let tags = [tags, &[("repeated", repeated.as_deref())]].concat();
            self.error(kind, error, &tags);
        }
    }

    /// Sends a transaction that took `took` and ends now.
    fn trace(
        &self,
        name: &str,
        operation: &str,
        took: Duration,
        describe: impl FnOnce(&::sentry::Transaction),
    ) {
        let now = SystemTime::now();
        let began = now.checked_sub(took).unwrap_or(now);
        Hub::run(Arc::clone(&self.hub), || {
            let context = TransactionContext::new(name, operation);
            let transaction = ::sentry::start_transaction_with_timestamp(context, began);
            describe(&transaction);
            transaction.finish_with_timestamp(now);
        });
    }

    /// A report about a task that ended as it should not.
    fn task(&self, task: &Task, message: String, code: Option<&str>) -> Event<'static> {
        let status = task.status.as_str();
        let mut tags = tagged(&[("taskId", Some(task.id.as_str())), ("status", Some(status))]);
        tags.extend(code.map(|code| ("errorCode".to_owned(), cut(code))));
        let details = task.error.as_deref().and_then(|error| error.details.as_ref());
        let payloads = [("params", task.params.as_ref()), ("errorDetails", details)];
        let fingerprint = ["taskcast", "task", status, code.unwrap_or_default()];
        Event {
            message: Some(message),
            tags,
            extra: self.payloads(&payloads),
            fingerprint: grouped(&fingerprint),
            ..Event::default()
        }
    }

    /// What producers sent, if that is wanted.
    fn payloads(&self, payloads: &[(&str, Option<&Json>)]) -> Map<String, Value> {
        let wanted = payloads.iter().filter(|_| self.options.send_payloads);
        let present = wanted.filter_map(|(name, json)| Some((*name, (*json)?)));
        present.map(|(name, json)| (name.to_owned(), payload(json))).collect()
    }
}

impl TaskHooks for SentryHooks {
    fn on_task_failed(&self, task: &Task) {
        if self.options.capture_task_failures {
            let error = task.error.as_deref();
            let text = error.map_or("no error was given", |error| &error.message);
            let code = error.and_then(|error| error.code.as_deref()).unwrap_or("unknown");
            let message = format!("Task failed [{}]: {}", task.id, cut(text));
            self.report(self.task(task, message, Some(code)));
        }
    }

    fn on_task_timeout(&self, task: &Task) {
        if self.options.capture_task_timeouts {
            self.report(self.task(task, format!("Task timed out [{}]", task.id), None));
        }
    }

    fn on_unhandled_error(&self, operation: &str, task_id: Option<&TaskId>, error: &str) {
        if self.options.capture_unhandled_errors {
            let tags = [("operation", Some(operation)), ("taskId", task_id.map(TaskId::as_str))];
            self.error("UnhandledError", error, &tags);
        }
    }

    fn on_event_dropped(&self, task_id: &TaskId, event: &NewEvent, reason: &str) {
        if self.options.capture_dropped_events {
            let kind = cut(&event.event_type);
            self.report(Event {
                message: Some(format!("Event dropped [{task_id}]: {}", cut(reason))),
                tags: tagged(&[("taskId", Some(task_id.as_str())), ("eventType", Some(&kind))]),
                extra: self.payloads(&[("data", Some(&event.data))]),
                fingerprint: grouped(&["taskcast", "dropped", reason]),
                ..Event::default()
            });
        }
    }

    fn on_webhook_failed(&self, task_id: &TaskId, host: &str, error: &str) {
        if self.options.capture_dropped_events {
            let tags = [("taskId", Some(task_id.as_str())), ("host", Some(host))];
            self.error("WebhookError", error, &tags);
        }
    }

    fn on_storage_error(&self, operation: &str, task_id: Option<&TaskId>, error: &str) {
        if self.options.capture_storage_errors {
            let tags = [("operation", Some(operation)), ("taskId", task_id.map(TaskId::as_str))];
            self.lasting_error("StorageError", error, &tags);
        }
    }

    fn on_broadcast_error(&self, task_id: Option<&TaskId>, error: &str) {
        if self.options.capture_broadcast_errors {
            self.lasting_error("BroadcastError", error, &[("taskId", task_id.map(TaskId::as_str))]);
        }
    }

    fn on_sse_disconnect(&self, task_id: Option<&TaskId>, open_for: Duration) {
        if self.options.trace_sse_connections {
            let name = if task_id.is_some() { "GET /tasks/:id/events" } else { "GET /events" };
            self.trace(name, "sse.connection", open_for, |transaction| {
                if let Some(id) = task_id {
                    transaction.set_tag("taskId", id);
                }
            });
        }
    }

    fn on_publish(&self, task_id: &TaskId, events: usize, took: Duration) {
        if self.options.trace_event_publish {
            self.trace("publish", "event.publish", took, |transaction| {
                transaction.set_tag("taskId", task_id);
                transaction.set_extra("events", events.into());
            });
        }
    }

    fn wants_publishes(&self) -> bool {
        self.options.trace_event_publish
    }
}

fn tagged(tags: &[(&str, Option<&str>)]) -> Map<String, String> {
    let present = tags.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned())));
    present.collect()
}

/// What makes reports one issue: ids in their texts would make each one of its own.
fn grouped(parts: &[&str]) -> Cow<'static, [Cow<'static, str>]> {
    parts.iter().map(|part| Cow::Owned(cut(part))).collect()
}

/// The beginning of a text that anybody may have written.
fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(MOST_TEXT);
    if end < text.len() { format!("{}…", &text[..end]) } else { text.to_owned() }
}

fn payload(json: &Json) -> Value {
    let text = json.as_str();
    if text.len() > MOST_PAYLOAD {
        return format!("{} bytes, too large for a report", text.len()).into();
    }
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

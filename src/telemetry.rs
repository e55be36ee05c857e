//! Structured logs on standard error: for people on a terminal, JSON otherwise.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::fmt;

use crate::config::LogLevel;

/// Starts logging at `level`. Logging that was started before stays as it is.
pub fn start(level: LogLevel) {
    let filter = EnvFilter::new(format!("{0},actix_server=warn,actix_http=warn", level.as_str()));
    let logs = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if std::io::stderr().is_terminal() {
        logs.with_target(false).compact().try_init()
    } else {
        logs.json().flatten_event(true).with_current_span(false).try_init()
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}

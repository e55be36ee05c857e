//! Where the server listens, with how many threads, and how much it logs.

use std::net::{IpAddr, Ipv4Addr};

use super::kind::Kind;
use super::layers::Layers;
use super::schema::{Key, Preset};

/// The keys of this section.
pub(super) const KEYS: &[Key] = &[
    Key::int("port", 0, 65_535, 3721).variable("TASKCAST_PORT"),
    Key::new("host", Kind::Address).or(Preset::Text("127.0.0.1")).variable("TASKCAST_HOST"),
    Key::new("logLevel", Kind::Word(&["trace", "debug", "info", "warn", "error"]))
        .or(Preset::Text("info"))
        .variable("TASKCAST_LOG_LEVEL"),
    Key::new("http.workers", Kind::Int(1, 1024)),
];

/// The least severe log lines that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// What helps to find a mistake.
    Debug,
    /// What an operator follows.
    Info,
    /// What may need attention.
    Warn,
    /// What failed.
    Error,
}

impl LogLevel {
    /// The word for this level in configuration, which is also `tracing`'s word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The address to listen on.
pub(super) fn host(layers: &Layers) -> IpAddr {
    let host = layers.text("host").and_then(|text| text.parse().ok());
    host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// The port to listen on.
pub(super) fn port(layers: &Layers) -> u16 {
    u16::try_from(layers.number("port")).expect("the schema bounds the port")
}

/// The level to log at.
pub(super) fn log_level(layers: &Layers) -> LogLevel {
    match layers.text("logLevel").as_deref() {
        Some("trace") => LogLevel::Trace,
        Some("debug") => LogLevel::Debug,
        Some("warn") => LogLevel::Warn,
        Some("error") => LogLevel::Error,
        _ => LogLevel::Info,
    }
}

/// The number of HTTP threads, by default one per core.
pub(super) fn http_workers(layers: &Layers, cores: usize) -> usize {
    layers.find("http.workers").map_or(cores, |_| layers.count("http.workers"))
}

//! The command line, already parsed.

use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::Value;

use super::layers::Layer;
use super::server::LogLevel;
use super::storage::Storage;

/// What the command line sets. It wins over everything else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// The port to listen on.
    pub port: Option<u16>,
    /// The address to listen on.
    pub host: Option<IpAddr>,
    /// The configuration file, which must then exist.
    pub config: Option<PathBuf>,
    /// Where tasks are kept.
    pub storage: Option<Storage>,
    /// The database file.
    pub db_path: Option<PathBuf>,
    /// Log at level `debug`.
    pub verbose: bool,
}

impl Flags {
    /// The flags by key. `db_path` is missing here: a path need not be text.
    pub(super) fn layer(&self) -> Layer {
        let level = self.verbose.then(|| LogLevel::Debug.as_str());
        let set = [
            ("port", self.port.map(Value::from)),
            ("host", self.host.map(|host| Value::from(host.to_string()))),
            ("storage", self.storage.map(|storage| Value::from(storage.as_str()))),
            ("logLevel", level.map(Value::from)),
        ];
        set.into_iter().filter_map(|(path, value)| Some((path, value?))).collect()
    }
}

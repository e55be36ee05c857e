//! What the operator decides before the server starts.
//!
//! **Here:** finding and parsing one configuration file (`file`), the environment (`env`), the command-line
//! flags ([`Flags`]), and one pure function that makes a [`Config`] of them: defaults < file < environment < flags.
//! Every key is one line in a section file: its path, what it may hold, its default, its variable. Unknown-key
//! detection, type checks, ranges and suggestions all follow from those lines, see `schema`.
//!
//! **Promised:** a server that starts does what its configuration says. Unknown keys, wrong types, unset variables,
//! contradictions and features that do not exist here (`unsupported`) are errors, never warnings.
//! No error contains a configured value and [`Config`] hides its secrets, so printing either is safe.
//!
//! **Absent:** reloading, IO other than reading the one file, and structs for sections this version only refuses.

mod auth;
mod check;
mod cleanup;
mod cors;
mod engine;
mod env;
mod error;
mod file;
mod flags;
mod format;
mod interpolate;
mod kind;
mod layers;
mod limits;
mod metrics;
mod rate_limit;
mod resolve;
mod schema;
mod secret;
mod sentry;
mod server;
mod shutdown;
mod sse;
mod storage;
mod unique;
mod unsupported;
mod webhook;
mod workers;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use auth::{
    AdminConfig, Algorithm, AuthConfig, JwksConfig, JwtConfig, KeySource, SCOPES, TrustedService,
};
pub use cors::CorsOrigins;
pub use engine::EngineSettings;
pub use env::process_env;
pub use error::ConfigError;
pub use flags::Flags;
pub use limits::Limits;
pub use rate_limit::{Rate, RateLimits};
pub use secret::Secret;
pub use sentry::{SentryConfig, SentryOptions};
pub use server::LogLevel;
pub use storage::{PostgresConfig, RedisConfig, ReleaseAfter, Storage};
pub use webhook::WebhookConfig;

/// Everything the server is told at start, checked and complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file that was read, if there was one.
    pub source: Option<PathBuf>,
    /// The address to listen on.
    pub host: IpAddr,
    /// The port to listen on; 0 lets the system choose one.
    pub port: u16,
    /// The least severe log lines that are written.
    pub log_level: LogLevel,
    /// How many threads answer HTTP.
    pub http_workers: usize,
    /// Where tasks are kept.
    pub storage: Storage,
    /// The database file of [`Storage::Sqlite`].
    pub db_path: PathBuf,
    /// Redis, as the store or as the bus between instances.
    pub redis: Option<RedisConfig>,
    /// Postgres, as the store or as the archive behind Redis.
    pub postgres: Option<PostgresConfig>,
    /// When tasks leave Redis for the archive.
    pub release: ReleaseAfter,
    /// Settings that are there for others: nothing here uses them.
    pub unused: Vec<String>,
    /// Who may call the API, and how they prove who they are.
    pub auth: AuthConfig,
    /// How large and how slow a request may be.
    pub limits: Limits,
    /// How many requests a caller may make.
    pub rate_limits: RateLimits,
    /// The time between two comments on an event stream.
    pub sse_keepalive: Duration,
    /// The time open streams are given to end in a shutdown.
    pub shutdown_drain: Duration,
    /// Which web origins may call the API.
    pub cors_origins: CorsOrigins,
    /// The cleanup rules for every task, as JSON objects with only known keys.
    pub cleanup_rules: Vec<serde_json::Value>,
    /// Where reports go, if anywhere.
    pub sentry: Option<SentryConfig>,
    /// Where the events of every task are sent to.
    pub webhook: WebhookConfig,
    /// Sizes and times of the engine.
    pub engine: EngineSettings,
}

impl Default for Config {
    /// What the server does when nobody says anything.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let nothing = resolve::resolve(serde_json::Value::Null, &|_| None, &Flags::default(), cores);
        nothing.expect("the defaults are valid")
    }
}

impl Config {
    /// Reads the configuration file, if there is one, and lays the environment and the flags over it.
    ///
    /// The file is the one `flags.config` or `TASKCAST_CONFIG` names, else the only one in the working directory
    /// called `taskcast.config.*` or `taskcast.*` with the extension `yaml`, `yml`, `toml` or `json`.
    /// `env` looks up a variable, see [`process_env`]; an empty value counts as unset.
    ///
    /// # Errors
    /// Anything that keeps the result from being exactly what was asked for, see [`ConfigError`].
    pub fn load(flags: Flags, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::load_from(Path::new("."), &flags, env)
    }

    fn load_from(
        folder: &Path,
        flags: &Flags,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let explicit = flags.config.clone().or_else(|| env::config_path(env));
        let source = file::find(folder, explicit.as_deref())?;
        let tree = source.as_deref().map(file::read).transpose()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut config = resolve::resolve(tree.unwrap_or_default(), env, flags, cores)?;
        config.source = source;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::write;

    use serde_json::json;
    use tempfile::tempdir;

    use super::*;

    fn load(folder: &Path, flags: &Flags, vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load_from(folder, flags, &|name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_a_file_everything_has_its_default() {
        let folder = tempdir().unwrap();
        let config = load(folder.path(), &Flags::default(), &[]).unwrap();
        let expected = resolve::testing::resolved(json!({}), &[], &Flags::default()).unwrap();
        let cores = config.http_workers;
        assert!(cores >= 1);
        assert_eq!(config, Config { http_workers: cores, ..expected });
    }

    #[test]
    fn the_file_in_the_folder_is_found_and_remembered() {
        for name in ["taskcast.config.yaml", "taskcast.config.yml", "taskcast.yaml", "taskcast.yml"] {
            let folder = tempdir().unwrap();
            let path = folder.path().join(name);
            write(&path, "port: 1\n").unwrap();
            let config = load(folder.path(), &Flags::default(), &[]).unwrap();
            assert_eq!((config.port, config.source), (1, Some(path)), "{name}");
        }
    }

    #[test]
    fn a_named_file_wins_over_the_folder_and_the_flag_over_the_variable() {
        let folder = tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(at("taskcast.yaml"), "port: 1\n").unwrap();
        write(at("two.json"), r#"{"port": 2}"#).unwrap();
        write(at("three.toml"), "port = 3\n").unwrap();
        let vars = [("TASKCAST_CONFIG", at("two.json").display().to_string())];
        let vars = vars.each_ref().map(|(name, value)| (*name, value.as_str()));
        let config = load(folder.path(), &Flags::default(), &vars).unwrap();
        assert_eq!(config.port, 2);
        let flags = Flags { config: Some(at("three.toml")), ..Flags::default() };
        assert_eq!(load(folder.path(), &flags, &vars).unwrap().port, 3);
        let none = [("TASKCAST_CONFIG", "")];
        assert_eq!(load(folder.path(), &Flags::default(), &none).unwrap().port, 1);
    }

    #[test]
    fn printing_a_configuration_or_an_error_shows_no_secret() {
        let folder = tempdir().unwrap();
        let vars = [("SECRET", "s3cret"), ("TASKCAST_ADMIN_TOKEN", "s3cret")];
        let contents = [
            "auth: {jwt: {secret: s3cret}}\n",
            "auth: {mode: jwt, jwt: {algorithm: RS256, secret: s3cret}}\n",
            "trustedServices: [{name: a, key: s3cret, scope: s3cret}]\n",
            "port: ${SECRET}\n",
            "port: s3cret\n",
            "port: !!int s3cret\n",
            "port: !s3cret 1\n",
            "port: 's3cret\n",
            "port: ${s3cret\n",
            "auth: {mode: s3cret}\n",
            "cors: {origins: [s3cret]}\n",
        ];
        for content in contents {
            write(folder.path().join("taskcast.yaml"), content).unwrap();
            let error = load(folder.path(), &Flags::default(), &vars).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("s3cret"), "{content}: {shown}");
        }
        let content = "auth: {mode: jwt, jwt: {secret: s3cret}}\nadminApi: true\nadminToken: ${SECRET}\n\
                       trustedServices: [{name: a, key: s3cret, scope: '*'}]\n";
        write(folder.path().join("taskcast.yaml"), content).unwrap();
        let config = load(folder.path(), &Flags::default(), &vars).unwrap();
        assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
    }
}

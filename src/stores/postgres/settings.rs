//! What may be chosen about a PostgreSQL store, and where its database is.

use std::fmt;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::error::OpenError;

/// Silence after which the server is asked whether it is still there, and how often until it is given up.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// How long sent data may stay without an acknowledgement.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(20);

/// What may be chosen about a [`super::PostgresStore`].
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresSettings {
    /// Where the database is: a URL or the keywords of libpq, as `tokio-postgres` reads them. `sslmode` is `disable`,
    /// `prefer` (the default: encrypted if the server offers it, whoever it is) or `require`. The last one checks the
    /// certificate against the system's authorities and the host's name, which libpq calls `verify-full`; `verify-ca`
    /// and `verify-full` are taken as the same.
    pub url: String,
    /// Connections for reads and long writes; one more writes.
    pub pool_size: usize,
    /// Writes that may wait in the queue; more of them wait before it.
    pub queue: usize,
    /// How long a connection may take to be ready for use.
    pub connect_timeout: Duration,
    /// How long to wait for a free connection of the pool or for a place in the queue.
    pub wait_timeout: Duration,
    /// How long one statement may take; imports and deletes may take longer.
    pub statement_timeout: Duration,
    /// Whether opening the store brings the schema up to date.
    pub auto_migrate: bool,
}

impl PostgresSettings {
    /// The defaults for the database at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            pool_size: 8,
            queue: 1024,
            connect_timeout: Duration::from_secs(5),
            wait_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
            auto_migrate: false,
        }
    }

    /// Where the database is, in a form that may be shown: `host:port/database`.
    ///
    /// # Errors
    /// When the connection string cannot be understood.
    pub fn place(&self) -> Result<String, OpenError> {
        Ok(place_of(&self.config()?))
    }

    /// What the driver needs to connect.
    pub(super) fn config(&self) -> Result<Config, OpenError> {
        let text = self.url.replace("sslmode=verify-full", "sslmode=require");
        let text = text.replace("sslmode=verify-ca", "sslmode=require");
        let mut config: Config = text.parse().map_err(|error| OpenError::Url(reason(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(OpenError::Url(": it names no host".into()));
        }
        if config.get_application_name().is_none() {
            config.application_name("taskcast");
        }
        config.connect_timeout(self.connect_timeout).tcp_user_timeout(TCP_USER_TIMEOUT);
        config.keepalives(true).keepalives_idle(KEEPALIVE_IDLE);
        config.keepalives_interval(KEEPALIVE_INTERVAL).keepalives_retries(KEEPALIVE_RETRIES);
        Ok(config)
    }
}

/// Says nothing of the URL, which holds the password.
impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSettings")
            .field("place", &self.place().ok())
            .field("pool_size", &self.pool_size)
            .field("auto_migrate", &self.auto_migrate)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a connection string. Most of what the parser says may quote the password.
fn reason(error: &tokio_postgres::Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if source.starts_with("invalid value for option") { format!(": {source}") } else { String::new() }
}

fn place_of(config: &Config) -> String {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let mut hosts: Vec<String> = hosts.collect();
    if hosts.is_empty() {
        hosts = config.get_hostaddrs().iter().map(ToString::to_string).collect();
    }
    let ports = config.get_ports();
    let port = |place: usize| ports.get(place).or(ports.first()).copied().unwrap_or(5432);
    let hosts = hosts.iter().enumerate().map(|(place, host)| format!("{host}:{}", port(place)));
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("{}/{database}", hosts.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_without_credentials() {
        let table = [
            ("postgres://me:s3cret@db.example:6432/tasks?sslmode=require", "db.example:6432/tasks"),
            ("postgresql://me:s3cret@a,b:1/tasks?sslmode=verify-full", "a:5432,b:1/tasks"),
            ("host=db user=me password=s3cret dbname=tasks", "db:5432/tasks"),
            ("postgres://me:s3cret@[::1]/tasks", "::1:5432/tasks"),
        ];
        for (url, place) in table {
            let settings = PostgresSettings::new(url);
            assert_eq!(settings.place().unwrap(), place);
            assert!(!format!("{settings:?}").contains("s3cret"));
        }
    }

    #[test]
    fn what_is_no_connection_string_is_refused_without_repeating_it() {
        let table = [
            "postgres:/me:s3cret@db/tasks?x=1",
            "s3cret",
            "postgres://me:s3cret@db:port/tasks",
            "postgres://me:s3cret@db/tasks?s3cret=1",
            "user=me password=s3cret",
            "postgres://me:s3cret@db/tasks?sslmode=maybe",
        ];
        for url in table {
            let error = PostgresSettings::new(url).place().unwrap_err().to_string();
            assert!(error.contains("connection string") && !error.contains("s3cret"), "{error}");
        }
        let error = PostgresSettings::new(table[5]).place().unwrap_err().to_string();
        assert!(error.contains("sslmode"), "{error}");
    }
}

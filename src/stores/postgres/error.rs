//! What PostgreSQL and its driver say, in the words of the port. Nothing of it holds a password or a payload.

use std::error::Error as _;
use std::io;

use deadpool_postgres::{PoolError, TimeoutType};
use taskcast_actors::ports::{ErrorKind, StoreError};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// The name of the dependency in PROTOCOL §3.
pub(super) const NAME: &str = "postgres";

/// A database cannot serve as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nobody knows where the database is.
    #[error(
        "cannot understand the connection string of Postgres{0}; \
         write it as postgres://user:password@host:5432/database"
    )]
    Url(String),
    /// There is no way to check certificates.
    #[error("cannot prepare TLS for Postgres: {0}; use sslmode=disable for a server without TLS")]
    Tls(String),
    /// The database cannot be reached or refuses.
    #[error("cannot use the database {place}: {}", explain(error))]
    Unreachable {
        /// Where it is, without credentials.
        place: String,
        /// Why.
        error: StoreError,
    },
    /// The database cannot hold every text.
    #[error("the database {place} has the encoding {found}; create one with ENCODING 'UTF8'")]
    Encoding {
        /// Where it is.
        place: String,
        /// Its encoding.
        found: String,
    },
    /// The schema is missing or lacks steps.
    #[error(
        "the database {place} lacks {missing} of {known} schema steps; \
         run `taskcast migrate` or set TASKCAST_AUTO_MIGRATE=true"
    )]
    Outdated {
        /// Where it is.
        place: String,
        /// How many steps it lacks.
        missing: usize,
        /// How many there are.
        known: usize,
    },
    /// The schema has steps this program does not know.
    #[error("the database {place} has schema {found}, this program knows {known}; use a newer taskcast")]
    Newer {
        /// Where it is.
        place: String,
        /// Its newest step.
        found: i64,
        /// The newest step of this program.
        known: i64,
    },
}

/// What a store says, with what it said itself.
fn explain(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable { detail, .. } => format!("{error}: {detail}"),
        StoreError::Corrupt(_) | StoreError::Gone => error.to_string(),
    }
}

/// Why a read or a long write gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Postgres(#[from] Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure {
    /// Whether the connection is at fault, so that another one may do better.
    pub(super) fn is_of_connection(&self) -> bool {
        matches!(self, Self::Postgres(error) if is_of_connection(error))
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Postgres(error) => of_postgres(&error),
            Failure::Store(error) => error,
        }
    }
}

/// What was stored is not what any version of this program writes.
pub(super) fn corrupt(what: impl std::fmt::Display) -> Failure {
    Failure::Store(StoreError::Corrupt(what.to_string()))
}

pub(super) fn unavailable(kind: ErrorKind, detail: impl Into<String>) -> StoreError {
    StoreError::Unavailable { dependency: NAME, kind, detail: detail.into() }
}

pub(super) fn timed_out(what: &str) -> StoreError {
    unavailable(ErrorKind::Timeout, format!("{what} took too long"))
}

/// What `error` means to the engine.
pub(super) fn of_postgres(error: &Error) -> StoreError {
    let damaged = [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED];
    match error.code() {
        Some(code) if damaged.contains(code) => StoreError::Corrupt(describe(error)),
        _ => unavailable(kind_of(error), describe(error)),
    }
}

/// What the failure to get a connection means to the engine.
pub(super) fn of_pool(error: &PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) => of_postgres(error),
        PoolError::Timeout(TimeoutType::Wait) => timed_out("waiting for a free connection"),
        PoolError::Timeout(_) => timed_out("connecting"),
        other => unavailable(ErrorKind::Unavailable, other.to_string()),
    }
}

/// The server's message and code, or the driver's causes. The server's details may quote what was to be stored.
fn describe(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", said.message(), said.code().code());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// Whether the connection was lost, rather than a statement refused.
pub(super) fn is_of_connection(error: &Error) -> bool {
    match error.code() {
        Some(code) => code.code().starts_with("08") || is_shutdown(code),
        None => error.is_closed() || io_error(error).is_some(),
    }
}

/// Whether the server ends the connection and says so.
fn is_shutdown(code: &SqlState) -> bool {
    [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code)
}

pub(super) fn kind_of(error: &Error) -> ErrorKind {
    if let Some(code) = error.code() {
        return kind_of_state(code);
    }
    if let Some(io) = io_error(error) {
        return kind_of_io(io);
    }
    // The driver's own kinds are private; these are their texts.
    match error.to_string().as_str() {
        "authentication error" | "invalid configuration" => ErrorKind::Authentication,
        "timeout waiting for server" => ErrorKind::Timeout,
        "connection closed" => ErrorKind::ConnectionClosed,
        _ => ErrorKind::Unavailable,
    }
}

fn kind_of_state(code: &SqlState) -> ErrorKind {
    let timeouts = [SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE];
    let strangers = [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION];
    if strangers.contains(code) {
        ErrorKind::Authentication
    } else if timeouts.contains(code) {
        ErrorKind::Timeout
    } else if code.code().starts_with("08") || is_shutdown(code) {
        ErrorKind::ConnectionClosed
    } else {
        ErrorKind::Unavailable
    }
}

fn kind_of_io(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::ConnectionRefused | Io::NotFound => ErrorKind::ConnectionRefused,
        Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe => ErrorKind::ConnectionReset,
        Io::TimedOut => ErrorKind::Timeout,
        Io::UnexpectedEof | Io::NotConnected => ErrorKind::ConnectionClosed,
        // The resolver's errors have no kind of their own.
        _ if error.to_string().contains("lookup") || error.to_string().contains("resolve") => ErrorKind::Dns,
        _ => ErrorKind::Unavailable,
    }
}

fn io_error(error: &Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref() {
            return Some(io);
        }
        cause = inner.source();
    }
    None
}

//! Why somebody is refused, and why the server cannot tell who asks.

use std::io;
use std::path::PathBuf;

use taskcast_actors::ports::ErrorKind;

use crate::config::Algorithm;

/// The request is not permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Forbidden")]
pub struct Forbidden;

/// Credentials prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There are none.
    #[error("Missing Bearer token")]
    MissingToken,
    /// The token cannot be verified, has expired, or says something that makes no sense.
    #[error("Invalid or expired token")]
    InvalidToken,
    /// No trusted service has this key.
    #[error("Invalid service key")]
    InvalidServiceKey,
    /// Not the administrator's token.
    #[error("Invalid admin token")]
    InvalidAdminToken,
    /// The keys to verify tokens with were never obtained.
    #[error("jwks unavailable ({})", .0.as_str())]
    Unavailable(ErrorKind),
}

impl AuthError {
    /// The stable code of PROTOCOL §3.
    pub fn code(self) -> &'static str {
        match self {
            Self::MissingToken => "missing_token",
            Self::InvalidToken => "invalid_token",
            Self::InvalidServiceKey => "invalid_service_key",
            Self::InvalidAdminToken => "invalid_admin_token",
            Self::Unavailable(_) => "dependency_unavailable",
        }
    }
}

/// The server cannot tell who asks, so it does not start.
#[derive(Debug, thiserror::Error)]
pub enum AuthSetupError {
    /// The file with the public key cannot be read.
    #[error("cannot read `auth.jwt.publicKeyFile` {}: {error}, check the path and its permissions", path.display())]
    KeyFile {
        /// The path as given.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The key is none for the algorithm.
    #[error("cannot verify {algorithm:?} tokens with `{setting}`: {reason}")]
    Key {
        /// Where the key was configured.
        setting: &'static str,
        /// What it is to be good for.
        algorithm: Algorithm,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Connections to the key set cannot be made.
    #[error("cannot prepare connections to `auth.jwt.jwksUrl`: {0}")]
    Client(String),
    /// The system has no random numbers to make up an admin token of.
    #[error("cannot make up an admin token: the system has no random numbers, set `adminToken`")]
    NoRandomness,
}

impl AuthSetupError {
    /// A stable name for this kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::KeyFile { .. } => "auth_key_unreadable",
            Self::Key { .. } => "auth_key_unfit",
            Self::Client(_) => "auth_client",
            Self::NoRandomness => "auth_no_randomness",
        }
    }
}

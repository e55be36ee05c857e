//! What Redis and its client say, in the words of the port.

use fred::error::{Error, ErrorKind as FredKind};
use taskcast_actors::ports::{CommitError, CreateError, ErrorKind, StoreError};

/// The dependency that commands go to, in PROTOCOL §3.
pub(super) const COMMANDS: &str = "redisCommand";
/// The dependency that messages come from.
pub(super) const PUBSUB: &str = "redisPubSub";

/// A server cannot serve as a store or a bus.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The settings make no sense.
    #[error("cannot use the Redis settings: {0}")]
    Settings(String),
    /// No connection was made.
    #[error("cannot connect to Redis at {server} ({}): {detail}; check that it runs and can be reached", kind.as_str())]
    Unreachable {
        /// Host and port.
        server: String,
        /// What went wrong.
        kind: ErrorKind,
        /// What the system or the server said.
        detail: String,
    },
    /// The server wants another user or password.
    #[error("Redis at {server} refuses the user or the password; check both in the URL")]
    Refused {
        /// Host and port.
        server: String,
    },
    /// The server's certificate is not to be trusted.
    #[error(
        "Redis at {server} does not prove who it is ({reason}); check the host in the URL, the certificate of the \
         server, and whom the system or SSL_CERT_FILE trusts"
    )]
    Untrusted {
        /// Host and port.
        server: String,
        /// What is wrong with the certificate, in the words of rustls.
        reason: String,
    },
    /// The server lacks commands that are needed.
    #[error("Redis at {server} is version {found}, at least 6.2 is needed; use a newer server")]
    TooOld {
        /// Host and port.
        server: String,
        /// The version of the server.
        found: String,
    },
}

impl ConnectError {
    /// What went wrong, in the words of PROTOCOL §3.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable { kind, .. } => *kind,
            Self::Refused { .. } => ErrorKind::Authentication,
            Self::Settings(_) | Self::Untrusted { .. } | Self::TooOld { .. } => ErrorKind::Unavailable,
        }
    }
}

/// A command gave no answer that could be used.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) error: StoreError,
    /// Whether it is certain that the command changed nothing.
    pub(super) harmless: bool,
}

impl Failure {
    /// What `error` means for a command to `dependency`.
    pub(super) fn of(dependency: &'static str, error: &Error) -> Self {
        let kind = kind_of(error);
        let detail = error.details().to_owned();
        let wrong_type = *error.kind() == FredKind::InvalidArgument && detail.starts_with("WRONGTYPE");
        let harmless = is_harmless(error);
        let error = if wrong_type {
            StoreError::Corrupt(detail)
        } else {
            StoreError::Unavailable { dependency, kind, detail }
        };
        Self { error, harmless }
    }

    /// A command that was never sent.
    pub(super) fn unsent(dependency: &'static str, kind: ErrorKind, detail: &str) -> Self {
        let error = StoreError::Unavailable { dependency, kind, detail: detail.to_owned() };
        Self { error, harmless: true }
    }

    /// Whether the server understood and said no, and will again.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(&self.error, StoreError::Unavailable { detail, .. }
            if detail.starts_with("NOPERM") || detail.starts_with("ERR"))
    }

    /// An answer that no version of this program gives.
    pub(super) fn corrupt(what: impl std::fmt::Display) -> Self {
        Self { error: StoreError::Corrupt(what.to_string()), harmless: false }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        if failure.harmless { Self::NotWritten(failure.error) } else { Self::Unknown(failure.error) }
    }
}

impl From<Failure> for CreateError {
    fn from(failure: Failure) -> Self {
        if failure.harmless { Self::NotWritten(failure.error) } else { Self::Unknown(failure.error) }
    }
}

/// Replies with which a server refuses a script before its first write. Older servers put them behind a dash.
const REFUSALS: [&str; 9] = [
    "OOM ",
    "READONLY ",
    "LOADING ",
    "MISCONF ",
    "NOREPLICAS ",
    "MASTERDOWN ",
    "NOSCRIPT ",
    "NOAUTH ",
    "BUSY ",
];

/// What the client says of commands that it never put on a connection.
const UNSENT: [&str; 4] = [
    "Connection closed unexpectedly.",
    "Failed to route command.",
    "Failed to send command to router.",
    "Client is not initialized.",
];

fn is_harmless(error: &Error) -> bool {
    let text = error.details();
    let refused = |word: &&str| text.starts_with(*word) || text.contains(&format!("-{word}"));
    *error.kind() == FredKind::Backpressure || UNSENT.contains(&text) || REFUSALS.iter().any(refused)
}

/// What is wrong with the server's certificate, if `text`, which the client says, is about that.
pub(super) fn distrust(text: &str) -> Option<&str> {
    let (_, reason) = text.split_once("InvalidCertificate(")?;
    let end = reason.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(reason.len());
    Some(&reason[..end])
}

/// Whether `error` is the reply of a server that does not know the script.
pub(super) fn is_no_script(error: &Error) -> bool {
    error.details().starts_with("NOSCRIPT")
}

/// The kind of `error`, in the words of PROTOCOL §3.
pub(super) fn kind_of(error: &Error) -> ErrorKind {
    let text = error.details();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match error.kind() {
        FredKind::Auth => ErrorKind::Authentication,
        FredKind::Timeout => ErrorKind::Timeout,
        FredKind::Canceled => ErrorKind::ConnectionClosed,
        _ if says(&["WRONGPASS", "NOAUTH"]) => ErrorKind::Authentication,
        _ if says(&["lookup", "Name or service not known", "No such host"]) => ErrorKind::Dns,
        _ if says(&["ConnectionRefused", "refused"]) => ErrorKind::ConnectionRefused,
        _ if says(&["ConnectionReset", "ConnectionAborted", "BrokenPipe"]) => ErrorKind::ConnectionReset,
        _ if says(&["TimedOut", "timed out", "Unresponsive"]) => ErrorKind::Timeout,
        _ if says(&["onnection closed", "onnection Closed", "UnexpectedEof"]) => ErrorKind::ConnectionClosed,
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_before_the_first_write_is_harmless_on_old_and_new_servers() {
        let refusals = [
            "OOM command not allowed when used memory > 'maxmemory'. script: 1234, on @user_script:1.",
            "ERR Error running script (call to f_12): @user_script:1: -OOM command not allowed",
            "READONLY You can't write against a read only replica.",
            "LOADING Redis is loading the dataset in memory",
        ];
        for text in refusals {
            assert!(Failure::of(COMMANDS, &Error::new(FredKind::Unknown, text)).harmless, "{text}");
        }
        for text in ["ERR user_script:3: something", "Connection reset", "the room -- is full"] {
            assert!(!Failure::of(COMMANDS, &Error::new(FredKind::Unknown, text)).harmless, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_in_a_word() {
        let unknown = "Custom { kind: InvalidData, error: InvalidCertificate(UnknownIssuer) }";
        let elsewhere =
            "Custom { error: InvalidCertificate(NotValidForNameContext { expected: IpAddress(..) }) }";
        assert_eq!(distrust(unknown), Some("UnknownIssuer"));
        assert_eq!(distrust(elsewhere), Some("NotValidForNameContext"));
        assert_eq!(distrust("Connection closed."), None);
    }

    #[test]
    fn what_the_system_says_has_a_kind() {
        let table = [
            (
                "Os { code: 111, kind: ConnectionRefused, message: \"Connection refused\" }",
                ErrorKind::ConnectionRefused,
            ),
            ("Os { code: 104, kind: ConnectionReset, message: \"\" }", ErrorKind::ConnectionReset),
            ("Custom { error: \"failed to lookup address information\" }", ErrorKind::Dns),
            ("Connection closed.", ErrorKind::ConnectionClosed),
            ("LOADING Redis is loading", ErrorKind::Unavailable),
        ];
        for (text, kind) in table {
            assert_eq!(kind_of(&Error::new(FredKind::IO, text)), kind, "{text}");
        }
    }
}

//! Why a request is refused before anybody looks at a task.

/// Why a body or a query string is refused (PROTOCOL §3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON, empty, not UTF-8, or too deep.
    #[error("Malformed JSON in request body")]
    Malformed,
    /// A field of the body breaks a rule; the text names it.
    #[error("{0}")]
    Invalid(String),
    /// A query parameter breaks a rule; the text names it.
    #[error("{0}")]
    InvalidQuery(String),
    /// More than a limit allows.
    #[error("{0}")]
    TooLarge(&'static str),
    /// The event type belongs to the server.
    #[error("Event type is reserved: {0}")]
    ReservedType(String),
}

impl BodyError {
    /// The stable code of PROTOCOL §3.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed | Self::Invalid(_) => "invalid_body",
            Self::InvalidQuery(_) => "invalid_query",
            Self::TooLarge(_) => "too_large",
            Self::ReservedType(_) => "reserved_event_type",
        }
    }

    /// The HTTP status of PROTOCOL §3.
    pub fn status(&self) -> u16 {
        match self {
            Self::TooLarge(_) => 413,
            _ => 400,
        }
    }
}

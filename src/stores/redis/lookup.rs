//! Looking for one task, and what it means not to find it.

use fred::types::Value;

use super::error::Failure;
use super::reply::Reply;

/// Where a task is that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It is here.
    Hot(T),
    /// It was deleted, and the archive has yet to be told.
    Tomb,
    /// It is not here.
    Absent {
        /// Whether everything that exists is here, so that the archive does not have it either.
        whole: bool,
    },
}

impl<T> Lookup<T> {
    /// What was found.
    pub fn hot(self) -> Option<T> {
        match self {
            Self::Hot(found) => Some(found),
            Self::Tomb | Self::Absent { .. } => None,
        }
    }

    /// The same place, with something else made of what was found.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Lookup<U> {
        match self {
            Self::Hot(found) => Lookup::Hot(make(found)),
            Self::Tomb => Lookup::Tomb,
            Self::Absent { whole } => Lookup::Absent { whole },
        }
    }

    /// What an answer without a log says: a tombstone, or what is known of its partition.
    pub(super) fn missing(tomb: Option<Value>, tier: Option<&Value>) -> Self {
        match tomb {
            Some(_) => Self::Tomb,
            None => Self::Absent { whole: tier.is_some_and(is_whole) },
        }
    }

    /// The stamp that an answer begins with, or what the rest of it says where there is none.
    pub(super) fn begin(reply: &mut Reply) -> Result<Lookup<String>, Failure> {
        let stamp = reply.optional_text()?.unwrap_or_default();
        if !stamp.is_empty() {
            return Ok(Lookup::Hot(stamp));
        }
        let tomb = reply.value();
        Ok(Lookup::missing(tomb, reply.value().as_ref()))
    }
}

/// Whether what is known of a partition says that everything is here.
pub(super) fn is_whole(tier: &Value) -> bool {
    tier.as_bytes() == Some(b"whole")
}

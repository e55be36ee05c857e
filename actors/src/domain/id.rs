//! Identifiers and the rule that makes an event id say its index.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

use super::Timestamp;

/// Longest id a client may choose, in bytes (PROTOCOL §1).
pub const MAX_ID_BYTES: usize = 256;

/// The id is empty, too long, or holds a character that ids cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 256 bytes without control characters or `/`, and not `.` or `..`")]
pub struct InvalidId;

/// The id of a task: chosen by a client or a ULID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TaskId(Arc<str>);

impl TaskId {
    /// Checks an id chosen by a client (PROTOCOL §1).
    ///
    /// ```
    /// use taskcast_actors::domain::TaskId;
    /// assert!(TaskId::parse("report-7").is_ok());
    /// assert!(TaskId::parse("a/b").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let ok = !text.is_empty()
            && text.len() <= MAX_ID_BYTES
            && text != "."
            && text != ".."
            && !text.chars().any(|c| c == '/' || c.is_control());
        if ok { Ok(Self(text.into())) } else { Err(InvalidId) }
    }

    /// A new id from the time and 80 random bits.
    pub fn generate(now: Timestamp, random: u128) -> Self {
        let ulid = Ulid::from_parts(now.0.unsigned_abs(), random);
        Self(ulid.to_string().into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An id is a text like any other to whoever reads it.
impl Deref for TaskId {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TaskId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// The random bits of a command: 48 of them end up in the ids of the events it appends, so that a
/// command that is tried again can recognise what it has already written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Entropy(u64);

const ENTROPY_BITS: u32 = 48;
const INDEX_BITS: u32 = 32;

impl Entropy {
    /// Keeps the low 48 bits of `random`.
    pub fn new(random: u64) -> Self {
        Self(random & ((1 << ENTROPY_BITS) - 1))
    }
}

/// The id of an event. Made here it is a ULID of 48 bits time, 32 bits index, 48 bits entropy, so that ids of
/// a task sort in index order and a cursor finds its index without a look-up. Imported ids are any text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventId {
    /// An id in ULID form.
    Ulid(Ulid),
    /// An id taken over from an archive.
    Foreign(Arc<str>),
}

impl EventId {
    /// The id of the event at `index`, appended at `at` by the command that drew `entropy`.
    pub fn compose(at: Timestamp, index: u64, entropy: Entropy) -> Self {
        let index = u128::from(index) & ((1 << INDEX_BITS) - 1);
        let random = index << ENTROPY_BITS | u128::from(entropy.0);
        Self::Ulid(Ulid::from_parts(at.0.unsigned_abs(), random))
    }

    /// Takes any text; only the canonical form of a ULID becomes [`EventId::Ulid`].
    pub fn from_text(text: &str) -> Self {
        match Ulid::from_string(text) {
            Ok(ulid) if ulid.to_string() == text => Self::Ulid(ulid),
            _ => Self::Foreign(text.into()),
        }
    }

    /// The index this id claims to stand at, if it is one of ours.
    pub fn index_hint(&self) -> Option<u64> {
        match self {
            Self::Ulid(ulid) => {
                let index = ulid.random() >> ENTROPY_BITS;
                u64::try_from(index).ok()
            }
            Self::Foreign(_) => None,
        }
    }

    /// When the event was appended, if the id is one of ours.
    pub fn timestamp(&self) -> Option<Timestamp> {
        match self {
            Self::Ulid(ulid) => i64::try_from(ulid.timestamp_ms()).ok().map(Timestamp),
            Self::Foreign(_) => None,
        }
    }

    /// The random bits of the command that made this id, if the id is one of ours.
    pub fn entropy(&self) -> Option<Entropy> {
        match self {
            Self::Ulid(ulid) => u64::try_from(ulid.random() & ((1 << ENTROPY_BITS) - 1)).ok().map(Entropy),
            Self::Foreign(_) => None,
        }
    }

    /// Whether the command that drew `entropy` made this id.
    pub fn drawn_from(&self, entropy: Entropy) -> bool {
        self.entropy() == Some(entropy)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ulid(ulid) => {
                let mut buffer = [0; ulid::ULID_LEN];
                f.write_str(ulid.array_to_str(&mut buffer))
            }
            Self::Foreign(text) => f.write_str(text),
        }
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::from_text(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_id_says_its_index_and_its_command() {
        let entropy = Entropy::new(0xFFFF_1234_5678_9ABC);
        let id = EventId::compose(Timestamp(1_700_000_000_000), 41, entropy);
        assert_eq!(id.index_hint(), Some(41));
        assert!(id.drawn_from(entropy));
        assert!(!id.drawn_from(Entropy::new(1)));
        assert_eq!(EventId::from_text(&id.to_string()), id);
        assert_eq!(id.to_string().len(), 26);
    }

    #[test]
    fn ids_of_one_task_sort_in_index_order_within_a_millisecond() {
        let at = Timestamp(1_700_000_000_000);
        let first = EventId::compose(at, 9, Entropy::new(u64::MAX));
        let second = EventId::compose(at, 10, Entropy::new(0));
        assert!(first.to_string() < second.to_string());
    }

    #[test]
    fn a_lower_case_ulid_stays_the_text_it_was() {
        let text = "01arz3ndektsv4rrffq69g5fav";
        assert_eq!(EventId::from_text(text).to_string(), text);
    }
}

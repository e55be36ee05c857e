//! Which events are wanted, and from where on.

use taskcast_actors::domain::{Level, Timestamp};

use super::Event;

/// Which events are wanted. The default is all.
///
/// ```
/// use taskcast::client::{Filter, Level};
/// let filter = Filter { levels: Some(vec![Level::Warn, Level::Error]), ..Filter::default() };
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Type patterns, any of them; none matches when the list is empty.
    pub types: Option<Vec<String>>,
    /// Any of these; none matches when the list is empty.
    pub levels: Option<Vec<Level>>,
    /// Leaves out `taskcast:status`.
    pub without_status: bool,
}

impl Filter {
    /// The query parameters that say so.
    pub(in crate::client) fn query(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        if let Some(types) = &self.types {
            pairs.push(("types", types.join(",")));
        }
        if let Some(levels) = &self.levels {
            let names: Vec<_> = levels.iter().map(|level| level.as_str()).collect();
            pairs.push(("levels", names.join(",")));
        }
        if self.without_status {
            pairs.push(("includeStatus", "false".to_owned()));
        }
        pairs
    }

    /// Whether an event of the stream of all tasks is wanted, as far as the server does not know: there, it takes an
    /// empty list for none, and status events for everybody's (PROTOCOL §10).
    pub(in crate::client) fn lets_pass(&self, event: &Event) -> bool {
        let none = |list: Option<usize>| list == Some(0);
        if none(self.types.as_ref().map(Vec::len)) || none(self.levels.as_ref().map(Vec::len)) {
            return false;
        }
        !self.without_status || event.event_type != "taskcast:status"
    }
}

/// After what reading begins (PROTOCOL §9.4).
///
/// ```
/// use taskcast::client::Cursor;
/// assert_eq!("41".parse(), Ok(Cursor::Index(41)));
/// assert_eq!("01KDA0Q1Y2M3N4P5Q6R7S8T9V0".parse(), Ok(Cursor::Id("01KDA0Q1Y2M3N4P5Q6R7S8T9V0".into())));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// After the event with this id.
    Id(String),
    /// After this index in a history, after this rank under the filter in a stream. -1 is before everything.
    Index(i64),
    /// After this moment.
    Timestamp(Timestamp),
}

impl Cursor {
    pub(in crate::client) fn query(&self) -> (&'static str, String) {
        match self {
            Self::Id(id) => ("since.id", id.clone()),
            Self::Index(index) => ("since.index", index.to_string()),
            Self::Timestamp(at) => ("since.timestamp", at.0.to_string()),
        }
    }
}

impl std::str::FromStr for Cursor {
    type Err = std::convert::Infallible;

    /// A whole number is an index, anything else an event's id.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Id(text.to_owned()), Self::Index))
    }
}

/// Which part of a history is wanted (PROTOCOL §8.7). The default is all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Which events; `without_status` has no meaning here.
    pub filter: Filter,
    /// After what.
    pub since: Option<Cursor>,
    /// The first so many.
    pub limit: Option<u32>,
    /// Each text series as one event with its whole text.
    pub accumulated: bool,
}

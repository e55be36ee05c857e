//! Query strings (PROTOCOL §1 `limit`, §7.2, §8.7, §9.2, §10). Of a repeated parameter the first one counts.

use std::borrow::Cow;

use taskcast_actors::domain::{AssignMode, EventFilter, EventId, Level, TaskStatus, Timestamp, TypePattern};
use url::form_urlencoded;

use super::BodyError;
use super::values::saturating;

/// How many tasks a page of a listing has when the request does not say.
pub const DEFAULT_PAGE: usize = 1000;
/// How many tasks a page of a listing has at most.
pub const MAX_PAGE: usize = 10_000;

/// How accumulate events are delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeriesFormat {
    /// As they were sent.
    #[default]
    Delta,
    /// With their running value.
    Accumulated,
}

/// The cursors a request may combine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// Only events after this one.
    pub id: Option<EventId>,
    /// Only events after this number; what it counts depends on the endpoint.
    pub index: Option<i64>,
    /// Only events later than this.
    pub timestamp: Option<Timestamp>,
}

impl Since {
    /// Whether there is no cursor at all.
    pub fn is_empty(&self) -> bool {
        self.id.is_none() && self.index.is_none() && self.timestamp.is_none()
    }
}

/// The one cursor of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryCursor {
    /// Events after this one.
    Id(EventId),
    /// Events with a larger index.
    Index(i64),
    /// Events later than this.
    Timestamp(Timestamp),
}

/// The query of `GET /tasks/:id/events/history`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Which events.
    pub filter: EventFilter,
    /// From where.
    pub cursor: Option<HistoryCursor>,
    /// How many at most.
    pub limit: Option<usize>,
    /// In which form.
    pub series_format: SeriesFormat,
}

/// The query of `GET /tasks/:id/events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamQuery {
    /// Which events.
    pub filter: EventFilter,
    /// Whether events are sent as envelopes.
    pub wrap: bool,
    /// In which form.
    pub series_format: SeriesFormat,
    /// From where.
    pub since: Since,
    /// How many of the replay at most.
    pub limit: Option<usize>,
}

/// The query of `GET /events`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GlobalQuery {
    /// Which events.
    pub filter: EventFilter,
}

/// The query of `GET /tasks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Any of these; `None` is all.
    pub status: Option<Vec<TaskStatus>>,
    /// The type matches.
    pub task_type: Option<TypePattern>,
    /// All of these.
    pub tags: Vec<String>,
    /// Exactly this; `Some(None)` matches nothing.
    pub assign_mode: Option<Option<AssignMode>>,
    /// How many at most.
    pub limit: usize,
    /// Whether the newest come first.
    pub descending: bool,
    /// Where the previous page ended, see [`super::cursor`].
    pub cursor: Option<String>,
}

impl HistoryQuery {
    /// Reads the query string `query`.
    ///
    /// # Errors
    /// [`BodyError::InvalidQuery`] naming the parameter.
    pub fn parse(query: &str) -> Result<Self, BodyError> {
        let params = Params::of(query);
        let since = params.since()?;
        let by_id = since.id.map(HistoryCursor::Id);
        let by_index = since.index.map(HistoryCursor::Index);
        let by_time = since.timestamp.map(HistoryCursor::Timestamp);
        Ok(Self {
            filter: params.filter(),
            cursor: by_id.or(by_index).or(by_time),
            limit: params.limit(),
            series_format: params.series_format(),
        })
    }
}

impl StreamQuery {
    /// Reads the query string `query`. The header `Last-Event-ID` counts when there is no `since.*`.
    ///
    /// # Errors
    /// [`BodyError::InvalidQuery`] naming the parameter.
    pub fn parse(query: &str, last_event_id: Option<&str>) -> Result<Self, BodyError> {
        let params = Params::of(query);
        let mut since = params.since()?;
        if since.is_empty() {
            since.id = last_event_id.filter(|id| !id.is_empty()).map(EventId::from_text);
        }
        let include_status = params.unless_false("includeStatus");
        Ok(Self {
            filter: EventFilter { include_status, ..params.filter() },
            wrap: params.unless_false("wrap"),
            series_format: params.series_format(),
            since,
            limit: params.limit(),
        })
    }
}

impl GlobalQuery {
    /// Reads the query string `query`, in which nothing can be wrong. Unlike elsewhere an empty list is no filter.
    pub fn parse(query: &str) -> Self {
        let params = Params::of(query);
        let EventFilter { types, levels, .. } = params.filter();
        let present = |name| params.items(name).next().is_some();
        let types = types.filter(|_| present("types"));
        let levels = levels.filter(|_| present("levels"));
        Self { filter: EventFilter { types, levels, ..EventFilter::default() } }
    }
}

impl ListQuery {
    /// Reads the query string `query`.
    ///
    /// # Errors
    /// [`BodyError::InvalidQuery`] naming the parameter. Whether `cursor` is one is not looked at.
    pub fn parse(query: &str) -> Result<Self, BodyError> {
        let params = Params::of(query);
        let statuses: Vec<&str> = params.items("status").collect();
        let named = |name| params.first(name).filter(|text| !text.is_empty());
        Ok(Self {
            status: (!statuses.is_empty())
                .then(|| statuses.into_iter().filter_map(TaskStatus::parse).collect()),
            task_type: named("type").map(TypePattern::parse),
            tags: params.items("tags").map(str::to_owned).collect(),
            assign_mode: named("assignMode").map(AssignMode::parse),
            limit: params.limit().unwrap_or(DEFAULT_PAGE).min(MAX_PAGE),
            descending: match params.first("order") {
                None | Some("asc") => false,
                Some("desc") => true,
                Some(_) => return Err(BodyError::InvalidQuery("order must be asc or desc".to_owned())),
            },
            cursor: params.first("cursor").map(str::to_owned),
        })
    }
}

/// The decoded parameters.
struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Params<'a> {
    fn of(query: &'a str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).collect())
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    /// The items of a comma list; none when it is absent or empty.
    fn items(&self, name: &str) -> impl Iterator<Item = &str> {
        self.first(name).into_iter().flat_map(|list| list.split(',')).filter(|item| !item.is_empty())
    }

    fn unless_false(&self, name: &str) -> bool {
        self.first(name) != Some("false")
    }

    fn filter(&self) -> EventFilter {
        let types = || self.items("types").map(TypePattern::parse).collect();
        let levels = || self.items("levels").filter_map(Level::parse).collect();
        EventFilter {
            types: self.first("types").map(|_| types()),
            levels: self.first("levels").map(|_| levels()),
            include_status: true,
        }
    }

    fn series_format(&self) -> SeriesFormat {
        match self.first("seriesFormat") {
            Some("accumulated") => SeriesFormat::Accumulated,
            _ => SeriesFormat::Delta,
        }
    }

    fn since(&self) -> Result<Since, BodyError> {
        let id = self.first("since.id").filter(|id| !id.is_empty());
        Ok(Since {
            id: id.map(EventId::from_text),
            index: self.number("since.index")?,
            timestamp: self.number("since.timestamp")?.map(Timestamp),
        })
    }

    fn number(&self, name: &str) -> Result<Option<i64>, BodyError> {
        let Some(digits) = self.first(name).filter(|digits| !digits.is_empty()) else { return Ok(None) };
        match saturating(digits) {
            Some(value) => Ok(Some(value)),
            None => Err(BodyError::InvalidQuery(format!("{name} must be an integer"))),
        }
    }

    /// The leading digits of `limit`, unless they are 0.
    fn limit(&self) -> Option<usize> {
        let text = self.first("limit")?;
        let digits = &text[..text.bytes().take_while(u8::is_ascii_digit).count()];
        let value = saturating(digits).filter(|value| *value > 0)?;
        Some(usize::try_from(value).unwrap_or(usize::MAX))
    }
}

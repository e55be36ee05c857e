//! What a log means, said as simply as possible: PROTOCOL §8.3, §8.4, §8.7, §9.3, §9.4 and §14 read word by word,
//! without regard to cost. Tests compare the engine with it; it shares no rule with the engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::domain::{EventFilter, EventId, Level, SeriesMode, TaskEvent, Timestamp, TypePattern};

/// A filter as the protocol writes it.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Type patterns.
    pub types: Option<Vec<String>>,
    /// Levels.
    pub levels: Option<Vec<Level>>,
    /// Whether `taskcast:status` is wanted.
    pub include_status: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self { types: None, levels: None, include_status: true }
    }
}

impl Wish {
    /// The same filter for the engine.
    pub fn filter(&self) -> EventFilter {
        let parse = |types: &Vec<String>| types.iter().map(|text| TypePattern::parse(text)).collect();
        EventFilter {
            types: self.types.as_ref().map(parse),
            levels: self.levels.clone(),
            include_status: self.include_status,
        }
    }

    /// Whether `event` passes.
    pub fn wants(&self, event: &TaskEvent) -> bool {
        let fits = |pattern: &String| {
            pattern == "*"
                || **pattern == *event.event_type
                || (pattern.ends_with(".*") && event.event_type.starts_with(pattern.trim_end_matches('*')))
        };
        (self.include_status || &*event.event_type != "taskcast:status")
            && self.types.as_ref().is_none_or(|types| types.iter().any(fits))
            && self.levels.as_ref().is_none_or(|levels| levels.contains(&event.level))
    }
}

/// A cursor; the fields are those of PROTOCOL §9.4.
#[derive(Clone, Debug, Default)]
pub struct Since {
    /// `since.id`
    pub id: Option<EventId>,
    /// `since.timestamp`
    pub time: Option<Timestamp>,
    /// `since.index`
    pub rank: Option<i64>,
}

/// What a viewer is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// `filteredIndex`
    pub rank: u64,
    /// `rawIndex`
    pub index: u64,
    /// The payload.
    pub data: Value,
    /// Whether it stands for all deltas before it.
    pub snapshot: bool,
}

/// Everything ever appended to a task, and what cleanup took away.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// All events, superseded ones too, as they were stored.
    pub events: Vec<Arc<TaskEvent>>,
    /// Indexes of removed events.
    pub erased: BTreeSet<u64>,
    /// Indexes of superseded events that the store has let go. The protocol leaves that to the store, and it shows
    /// only when cleanup removes what superseded them: then there is no older value to go back to.
    pub dropped: BTreeSet<u64>,
}

/// The payload of `event` as a tree.
pub fn data_of(event: &TaskEvent) -> Value {
    serde_json::from_str(event.data.as_str()).expect("stored data is JSON")
}

/// The series an event is a member of, with its mode.
pub fn series_of(event: &TaskEvent) -> Option<(&str, SeriesMode)> {
    let series = event.series.as_deref()?;
    let id = series.id.as_deref().filter(|id| !id.is_empty())?;
    series.mode.filter(|mode| *mode != SeriesMode::KeepAll).map(|mode| (id, mode))
}

fn is_delta(event: &TaskEvent) -> bool {
    matches!(series_of(event), Some((_, SeriesMode::Accumulate)))
}

/// The series state after an event with `data`, if the state before was `before` (PROTOCOL §8.3).
pub fn merge(before: Option<&Value>, event: &TaskEvent) -> Value {
    let mut data = data_of(event);
    if !is_delta(event) {
        return data;
    }
    let field = event.series.as_deref().and_then(|series| series.acc_field.as_deref()).unwrap_or("delta");
    let old = before.and_then(|value| value.as_object()?.get(field)?.as_str().map(str::to_owned));
    let own = data.as_object().and_then(|object| object.get(field)?.as_str().map(str::to_owned));
    if let (Some(old), Some(own)) = (old, own) {
        data[field] = Value::String(old + &own);
    }
    data
}

impl Log {
    fn same_series(&self, index: usize) -> impl Iterator<Item = (usize, SeriesMode)> {
        let wanted = series_of(&self.events[index]).map(|(id, _)| id);
        self.events.iter().enumerate().filter_map(move |(place, event)| {
            let (id, mode) = series_of(event)?;
            (Some(id) == wanted).then_some((place, mode))
        })
    }

    fn is_latest(&self, index: usize) -> bool {
        matches!(series_of(&self.events[index]), Some((_, SeriesMode::Latest)))
    }

    /// Whether no view shows the event any more.
    pub fn is_superseded(&self, index: usize) -> bool {
        let newer = |(place, mode): (usize, SeriesMode)| place > index && mode == SeriesMode::Latest;
        self.is_latest(index) && self.same_series(index).any(newer)
    }

    /// Whether the event no longer counts for running values.
    fn is_unused(&self, index: usize) -> bool {
        let index = index as u64;
        self.erased.contains(&index) || self.dropped.contains(&index)
    }

    /// The running value at an event.
    pub fn running(&self, index: usize) -> Value {
        let mut state = None;
        let before: Vec<_> = self.same_series(index).filter(|(place, _)| *place < index).collect();
        for (place, _) in before.into_iter().filter(|(place, _)| !self.is_unused(*place)) {
            state = Some(merge(state.as_ref(), &self.events[place]));
        }
        merge(state.as_ref(), &self.events[index])
    }

    /// The number of wanted events ever appended below `index`.
    pub fn rank(&self, wish: &Wish, index: usize) -> u64 {
        self.events[..index].iter().filter(|event| wish.wants(event)).count() as u64
    }

    fn listed(&self, wish: &Wish) -> Vec<usize> {
        let all = 0..self.events.len();
        all.filter(|index| !self.is_superseded(*index) && !self.erased.contains(&(*index as u64)))
            .filter(|index| wish.wants(&self.events[*index]))
            .collect()
    }

    fn shown(&self, wish: &Wish, index: usize, running: bool, snapshot: bool) -> Shown {
        let data = match running && is_delta(&self.events[index]) {
            true => self.running(index),
            false => data_of(&self.events[index]),
        };
        Shown { rank: self.rank(wish, index), index: index as u64, data, snapshot }
    }

    fn collapse(&self, wish: &Wish, listed: &[usize]) -> Vec<Shown> {
        let newer = |index: usize, other: &usize| {
            let same =
                series_of(&self.events[*other]).map(|s| s.0) == series_of(&self.events[index]).map(|s| s.0);
            *other > index && is_delta(&self.events[*other]) && same
        };
        let kept = listed.iter().filter(|index| {
            !is_delta(&self.events[**index]) || !listed.iter().any(|other| newer(**index, other))
        });
        kept.map(|index| self.shown(wish, *index, true, is_delta(&self.events[*index]))).collect()
    }

    /// The replay without a cursor.
    pub fn from_start(&self, wish: &Wish, limit: Option<usize>) -> Vec<Shown> {
        last(self.collapse(wish, &self.listed(wish)), limit)
    }

    /// The replay from a cursor.
    pub fn from_cursor(
        &self,
        wish: &Wish,
        since: &Since,
        accumulated: bool,
        limit: Option<usize>,
    ) -> Vec<Shown> {
        let behind = since.id.as_ref().and_then(|id| self.events.iter().position(|event| event.id == *id));
        let time = since.time.filter(|_| since.id.is_none());
        let all = self.listed(wish).into_iter().map(|index| self.shown(wish, index, accumulated, false));
        let wanted = all.filter(|shown| {
            behind.is_none_or(|place| shown.index > place as u64)
                && time.is_none_or(|time| self.events[shown.index as usize].timestamp > time)
                && since.rank.is_none_or(|rank| i64::try_from(shown.rank).is_ok_and(|own| own > rank))
        });
        last(wanted.collect(), limit)
    }

    /// The history from behind `index`: the first `limit`, then collapsed if that is asked for.
    pub fn history(&self, wish: &Wish, index: i64, limit: Option<usize>, collapsed: bool) -> Vec<Shown> {
        let mut listed = self.listed(wish);
        listed.retain(|place| i64::try_from(*place).is_ok_and(|place| place > index));
        listed.truncate(limit.unwrap_or(usize::MAX));
        match collapsed {
            true => self.collapse(wish, &listed),
            false => listed.into_iter().map(|index| self.shown(wish, index, false, false)).collect(),
        }
    }

    /// Old indexes and payloads of the events of an archive, in their order.
    pub fn archive(&self) -> Vec<(u64, Value)> {
        let mut kept = Vec::new();
        let mut done = BTreeSet::new();
        for index in (0..self.events.len()).filter(|index| !self.erased.contains(&(*index as u64))) {
            match series_of(&self.events[index]) {
                None => kept.push(index),
                Some((id, _)) if done.insert(id.to_owned()) => {
                    let remaining = self.same_series(index).map(|(place, _)| place);
                    kept.extend(remaining.filter(|place| !self.is_unused(*place)).last());
                }
                Some(_) => {}
            }
        }
        kept.into_iter()
            .map(|index| (index as u64, self.shown(&Wish::default(), index, true, false).data))
            .collect()
    }
}

fn last(mut shown: Vec<Shown>, limit: Option<usize>) -> Vec<Shown> {
    let surplus = shown.len().saturating_sub(limit.unwrap_or(usize::MAX));
    shown.split_off(surplus)
}

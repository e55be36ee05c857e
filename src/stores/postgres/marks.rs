//! What happens to events that are already there.

use std::collections::BTreeMap;

use taskcast_actors::domain::Change;

use super::head_row::Param;

/// What becomes of an event after it was written. A later one of these includes the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// No view shows it, but a fold of the log still needs it.
    Hidden,
    /// Its payload is gone; its place, id, type, level and series stay known.
    Dropped,
    /// As [`Mark::Dropped`], and its series is forgotten as well.
    Erased,
}

impl Mark {
    /// The number that statements know it by.
    fn number(self) -> i16 {
        match self {
            Self::Hidden => 1,
            Self::Dropped => 2,
            Self::Erased => 3,
        }
    }
}

/// The marks that `change` makes, one for each event.
pub(super) fn of_change(change: &Change) -> BTreeMap<u64, Mark> {
    let mut marks = BTreeMap::new();
    let lists =
        [(&change.hidden, Mark::Hidden), (&change.dropped, Mark::Dropped), (&change.erased, Mark::Erased)];
    for (indexes, mark) in lists {
        marks.extend(indexes.iter().map(|index| (*index, mark)));
    }
    marks
}

/// Marks, column by column.
#[derive(Default)]
pub(super) struct MarkColumns<'a> {
    number: Vec<i32>,
    task_id: Vec<&'a str>,
    index: Vec<i64>,
    mark: Vec<i16>,
}

impl<'a> MarkColumns<'a> {
    pub(super) fn push(&mut self, number: i32, task_id: &'a str, index: u64, mark: Mark) {
        self.number.push(number);
        self.task_id.push(task_id);
        self.index.push(index.cast_signed());
        self.mark.push(mark.number());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.number.is_empty()
    }

    pub(super) fn params(&self) -> [Param<'_>; 4] {
        [&self.number, &self.task_id, &self.index, &self.mark]
    }
}

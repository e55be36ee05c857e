//! What happens to events that are already there.

use std::collections::BTreeMap;

use taskcast_actors::domain::Change;

use super::head_row::Param;
use crate::stores::mark::Mark;

/// The number that statements know a mark by.
fn code(mark: Mark) -> i16 {
    match mark {
        Mark::Hidden => 1,
        Mark::Dropped => 2,
        Mark::Erased => 3,
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
        self.mark.push(code(mark));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.number.is_empty()
    }

    pub(super) fn params(&self) -> [Param<'_>; 4] {
        [&self.number, &self.task_id, &self.index, &self.mark]
    }
}

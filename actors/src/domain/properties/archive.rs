//! Archives (PROTOCOL §14): what is kept, and that a task comes back from one.

use std::sync::Arc;

use proptest::prelude::*;

use super::generate::{life, wish};
use super::ledger::Ledger;
use crate::domain::archive::{Archive, Collector};
use crate::domain::{State, TaskEvent};
use crate::testing::model::{self, Log, Wish};

fn export(ledger: &Ledger) -> Vec<TaskEvent> {
    let mut collector = Collector::default();
    for cell in &ledger.cells {
        match cell.gone {
            false => collector.event(&cell.event),
            true => {
                if let Some((series, _)) = cell.event.series_key() {
                    collector.gone(series);
                }
            }
        }
    }
    collector.finish()
}

fn imported(events: Vec<TaskEvent>) -> Log {
    Log { events: events.into_iter().map(Arc::new).collect(), ..Log::default() }
}

proptest! {
    #[test]
    fn an_archive_holds_what_the_protocol_says(life in life()) {
        let ledger = Ledger::lived(&life);
        let made = export(&ledger);
        let expected = ledger.log.archive();
        prop_assert_eq!(made.len(), expected.len());
        for (place, (event, (index, data))) in made.iter().zip(expected).enumerate() {
            let original = &ledger.log.events[index as usize];
            prop_assert_eq!(event.index, place as u64);
            prop_assert_eq!(&event.id, &original.id);
            prop_assert_eq!(event.timestamp, original.timestamp);
            prop_assert_eq!(&event.series, &original.series);
            prop_assert_eq!(&event.client, &original.client);
            prop_assert_eq!(model::data_of(event), data);
            prop_assert!(!event.snapshot);
        }
    }

    #[test]
    fn a_task_comes_back_from_its_archive_with_equal_newest_values(life in life(), wish in wish()) {
        let ledger = Ledger::lived(&life);
        let archive = Archive { task: ledger.state.head.task.clone(), events: imported(export(&ledger)).events };
        let head = archive.head();
        prop_assert_eq!(&head.task, &ledger.state.head.task);
        prop_assert_eq!(head.due_at(), None, "an import arms no timer");
        let mut state = State::before_log(Arc::new(head), 1, 0);
        for event in &archive.events {
            prop_assert_eq!(state.fold(event), None);
        }
        let log = Log { events: archive.events, ..Log::default() };
        let everything = Wish::default();
        let newest = |log: &Log| {
            let shown = log.from_start(&everything, None).into_iter();
            let mut values: Vec<_> = shown.map(|shown| (log.events[shown.index as usize].id.to_string(), shown.data)).collect();
            values.sort_by(|a, b| a.0.cmp(&b.0));
            values
        };
        let original = newest(&ledger.log);
        for value in newest(&log) {
            prop_assert!(original.contains(&value), "{:?}", value);
        }
        let counted = log.rank(&wish, log.events.len());
        prop_assert_eq!(state.ranks.rank(&wish.filter(), u64::MAX), counted);
        prop_assert_eq!(imported(export_again(&log)).events, log.events);
    }
}

fn export_again(log: &Log) -> Vec<TaskEvent> {
    let mut collector = Collector::default();
    log.events.iter().for_each(|event| collector.event(event));
    collector.finish()
}

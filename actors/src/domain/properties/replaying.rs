//! `replay(log) == state`, and what the log says about the task.

use proptest::prelude::*;

use super::generate::{Happening, life, transition};
use super::ledger::{Ledger, summary};
use crate::domain::{Command, STATUS_TYPE, TaskStatus, Transition};
use crate::testing::model::{self, Wish};

/// The status that the newest status event of the log tells, or pending.
fn told(ledger: &Ledger) -> String {
    let newest = ledger.log.events.iter().rev().find(|event| &*event.event_type == STATUS_TYPE);
    let data = newest.map(|event| model::data_of(event));
    data.map_or("pending".into(), |data| data["status"].as_str().unwrap_or_default().to_owned())
}

proptest! {
    #[test]
    fn folding_the_log_gives_the_state_with_and_without_a_checkpoint(life in life(), at in 0usize..80) {
        let ledger = Ledger::lived(&life);
        let expected = summary(&ledger.state);
        prop_assert_eq!(&summary(&ledger.replayed(None)), &expected);
        let at = at.min(ledger.cells.len());
        prop_assert_eq!(&summary(&ledger.replayed(Some(at))), &expected);
    }

    #[test]
    fn a_checkpoint_of_the_writer_holds_at_whatever_point_it_was_made(life in life(), rest in life()) {
        let mut ledger = Ledger::lived(&life);
        let at = ledger.cells.len();
        let writer = summary(&ledger.state);
        rest.iter().for_each(|happening| ledger.happen(happening));
        prop_assert_eq!(&summary(&ledger.replayed(Some(at))), &summary(&ledger.state));
        prop_assert!(writer != summary(&ledger.state) || ledger.cells.len() == at);
    }

    #[test]
    fn running_values_are_those_of_the_protocol(life in life()) {
        let ledger = Ledger::lived(&life);
        for (index, event) in ledger.log.events.iter().enumerate() {
            if let Some(value) = ledger.state.running_value(event) {
                prop_assert_eq!(serde_json::from_str::<serde_json::Value>(value.as_str()).unwrap(), ledger.log.running(index));
            }
        }
    }

    #[test]
    fn the_newest_status_event_tells_the_status_of_the_task(life in life(), end in transition()) {
        let mut ledger = Ledger::lived(&life);
        prop_assert_eq!(told(&ledger), ledger.state.head.task.status.as_str());
        let _perhaps = ledger.ask(&Command::Transition(end));
        prop_assert_eq!(told(&ledger), ledger.state.head.task.status.as_str());
    }

    #[test]
    fn indexes_are_consecutive_ids_rise_and_time_never_falls(life in life()) {
        let ledger = Ledger::lived(&life);
        for (place, event) in ledger.log.events.iter().enumerate() {
            prop_assert_eq!(event.index, place as u64);
            prop_assert_eq!(event.id.index_hint(), Some(event.index));
        }
        for pair in ledger.log.events.windows(2) {
            prop_assert!(pair[0].timestamp <= pair[1].timestamp);
            prop_assert!(pair[0].id.to_string() < pair[1].id.to_string());
        }
    }

    #[test]
    fn nothing_is_appended_to_a_finished_task(life in life(), rest in life()) {
        let mut ledger = Ledger::lived(&life);
        if ledger.state.head.task.status != TaskStatus::Timeout {
            let _may_be_refused = ledger.ask(&Command::Transition(Transition::to(TaskStatus::Running)));
            prop_assert!(ledger.ask(&Command::Transition(Transition::to(TaskStatus::Cancelled))).is_ok());
        }
        let length = ledger.cells.len();
        for happening in rest {
            ledger.happen(&happening);
            if let Happening::Asked(command) = happening {
                let refused = ledger.ask(&command).is_err();
                prop_assert!(refused, "{:?}", command);
            }
        }
        prop_assert_eq!(ledger.cells.len(), length);
        prop_assert!(ledger.state.clients.is_empty());
        prop_assert_eq!(&summary(&ledger.replayed(None)), &summary(&ledger.state));
    }

    #[test]
    fn what_is_superseded_is_what_the_protocol_says(life in life()) {
        let ledger = Ledger::lived(&life);
        for (index, cell) in ledger.cells.iter().enumerate() {
            prop_assert_eq!(cell.hidden || cell.gone, ledger.log.is_superseded(index), "{:?}", cell);
        }
    }

    #[test]
    fn ranks_count_every_event_ever_appended(life in life(), wish in super::generate::wish()) {
        let ledger = Ledger::lived(&life);
        for index in 0..=ledger.cells.len() {
            let counted = ledger.log.rank(&wish, index);
            prop_assert_eq!(ledger.state.ranks.rank(&wish.filter(), index as u64), counted);
        }
        prop_assert_eq!(ledger.log.rank(&Wish::default(), ledger.cells.len()), ledger.state.ranks.len());
    }
}

//! Cleanup (PROTOCOL §13) and what is left after it.

use proptest::prelude::*;

use super::generate::{life, wish};
use super::ledger::{Ledger, keeps_checkpoint, summary};
use crate::domain::retention::{
    CleanupEvents, CleanupMatch, CleanupRule, CleanupTarget, CleanupTrigger, due_rule, next_due,
};
use crate::domain::{
    Collapser, Command, Level, NewTask, Rejection, SeriesMode, TaskEvent, TaskStatus, Timestamp, Transition,
};
use crate::testing::model::{self, Wish};

fn some_of<T: Clone + std::fmt::Debug + 'static>(
    all: &[T],
) -> impl Strategy<Value = Option<Vec<T>>> + use<T> {
    let all = all.to_vec();
    let most = all.len();
    proptest::option::of(proptest::sample::subsequence(all, 0..=most))
}

fn names(all: &[&str]) -> Vec<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

fn rule() -> impl Strategy<Value = CleanupRule> {
    let events = (
        some_of(&names(&["a", "a.*", "c", "taskcast:*"])),
        some_of(&Level::ALL),
        proptest::option::of(0u64..2000),
        some_of(&SeriesMode::ALL),
    );
    let events = events.prop_map(|(types, levels, older_than_ms, series_mode)| CleanupEvents {
        types,
        levels,
        older_than_ms,
        series_mode,
    });
    let matches = (some_of(&names(&["job", "job.*", "*"])), some_of(&TaskStatus::ALL))
        .prop_map(|(task_types, status)| CleanupMatch { task_types, status });
    (proptest::option::of(matches), proptest::option::of(0u64..5000), proptest::option::of(events)).prop_map(
        |(matches, after_ms, event_filter)| CleanupRule {
            name: None,
            matches,
            trigger: CleanupTrigger { after_ms },
            target: CleanupTarget::Events,
            event_filter,
        },
    )
}

/// A finished task.
fn finished(life: &[super::generate::Happening], rules: Vec<CleanupRule>, task_type: Option<&str>) -> Ledger {
    let task = NewTask { task_type: task_type.map(str::to_owned), ..NewTask::default() };
    let mut ledger = Ledger::of(task, rules);
    life.iter().for_each(|happening| ledger.happen(happening));
    if !ledger.state.head.task.status.is_terminal() {
        ledger.ask(&Command::Transition(Transition::to(TaskStatus::Cancelled))).expect("it lives");
    }
    ledger
}

fn pattern_fits(patterns: &[String], name: &str) -> bool {
    let wish = Wish { types: Some(patterns.to_vec()), ..Wish::default() };
    let event = crate::domain::NewEvent::new(name, crate::domain::Json::null());
    let id = crate::domain::EventId::from_text("x");
    let task = crate::domain::TaskId::parse("t").expect("a fixed id");
    wish.wants(&event.stored(id, task, 0, Timestamp(0)))
}

fn applies(rule: &CleanupRule, status: TaskStatus, task_type: Option<&str>) -> bool {
    let Some(matches) = &rule.matches else { return true };
    let typed = |types: &Vec<String>| task_type.is_some_and(|name| pattern_fits(types, name));
    matches.status.as_ref().is_none_or(|list| list.contains(&status))
        && matches.task_types.as_ref().is_none_or(typed)
}

fn goes(rule: &CleanupRule, event: &TaskEvent, ended: Timestamp) -> bool {
    let Some(filter) = &rule.event_filter else { return true };
    let mode = event.series.as_deref().and_then(|series| series.mode);
    filter.types.as_ref().is_none_or(|types| pattern_fits(types, &event.event_type))
        && filter.levels.as_ref().is_none_or(|levels| levels.contains(&event.level))
        && filter.series_mode.as_ref().is_none_or(|modes| mode.is_some_and(|mode| modes.contains(&mode)))
        && filter.older_than_ms.is_none_or(|age| event.timestamp.0 < ended.0 - age as i64)
}

/// Executes `rule`, as its own task or sweeper would.
fn clean(ledger: &mut Ledger, rule: &CleanupRule) -> crate::domain::Change {
    let task = ledger.state.head.task.clone();
    let there = ledger.cells.iter().filter(|cell| !cell.gone);
    let indexes =
        there.filter(|cell| rule.removes(&task, &cell.event)).map(|cell| cell.event.index).collect();
    let stamp = ledger.state.stamp;
    ledger
        .ask(&Command::Erase { fingerprint: rule.fingerprint(), indexes, stamp })
        .expect("nothing stands against it")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn a_rule_is_due_for_the_tasks_and_at_the_time_the_protocol_says(
        life in life(), rule in rule(), name in proptest::option::of(proptest::sample::select(vec!["job", "job.x", "other"]))
    ) {
        let ledger = finished(&life, vec![rule.clone()], name);
        let head = &ledger.state.head;
        let ended = head.task.completed_at.unwrap();
        let at = Timestamp(ended.0 + rule.trigger.after_ms.unwrap_or(0) as i64);
        let expected = applies(&rule, head.task.status, name).then_some(at);
        prop_assert_eq!(head.cleanup_at, expected);
        prop_assert_eq!(next_due(head, &ledger.rules), expected);
        if let Some(at) = expected {
            prop_assert!(due_rule(head, &ledger.rules, Timestamp(at.0 - 1)).is_none());
            prop_assert_eq!(due_rule(head, &ledger.rules, at), Some(&rule));
        }
    }

    #[test]
    fn each_rule_is_executed_once_and_removes_what_it_says(life in life(), rules in proptest::collection::vec(rule(), 1..4)) {
        let mut ledger = finished(&life, rules, None);
        ledger.now.0 += 10_000;
        let ended = ledger.state.head.task.completed_at.unwrap();
        let mut executed = Vec::new();
        while let Some(rule) = due_rule(&ledger.state.head, &ledger.rules.clone(), ledger.now).cloned() {
            prop_assert!(!executed.contains(&rule.fingerprint()));
            executed.push(rule.fingerprint());
            let change = clean(&mut ledger, &rule);
            prop_assert!(!keeps_checkpoint(&change));
            for (cell, event) in ledger.cells.iter().zip(&ledger.log.events) {
                prop_assert!(cell.gone || !goes(&rule, event, ended));
            }
        }
        for index in &ledger.log.erased {
            let event = &ledger.log.events[*index as usize];
            prop_assert!(ledger.rules.iter().any(|rule| goes(rule, event, ended)));
        }
        prop_assert_eq!(ledger.ask(&Command::Due), Err(Rejection::NothingDue));
        prop_assert_eq!(ledger.state.head.due_at(), None);
    }

    #[test]
    fn after_a_cleanup_views_come_from_what_remains_and_ranks_stay(life in life(), rule in rule(), wish in wish()) {
        let mut ledger = finished(&life, Vec::new(), None);
        let ranks: Vec<u64> = (0..=ledger.cells.len()).map(|at| ledger.log.rank(&wish, at)).collect();
        let _change = clean(&mut ledger, &rule);
        let state = ledger.replayed(None);
        let again: Vec<u64> = (0..=ledger.cells.len()).map(|at| state.ranks.rank(&wish.filter(), at as u64)).collect();
        prop_assert_eq!(again, ranks);
        let shown: Vec<_> = ledger.log.from_start(&wish, None).into_iter().map(|shown| (shown.index, shown.data)).collect();
        let mut collapser = Collapser::default();
        for cell in ledger.cells.iter().filter(|cell| !cell.gone) {
            collapser.take(&cell.event, !cell.hidden && wish.wants(&cell.event));
        }
        let made: Vec<_> = collapser.finish().iter().map(|event| (event.index, model::data_of(event))).collect();
        prop_assert_eq!(made, shown);
    }

    #[test]
    fn a_cleanup_that_was_planned_on_another_log_removes_nothing(life in life(), rule in rule()) {
        let mut ledger = finished(&life, Vec::new(), None);
        let planned = ledger.state.stamp;
        clean(&mut ledger, &rule);
        let erased = ledger.log.erased.clone();
        let before = summary(&ledger.state);
        for stamp in [planned, crate::domain::Stamp { incarnation: 99, ..ledger.state.stamp }] {
            let late = Command::Erase { fingerprint: 1, indexes: vec![0], stamp };
            prop_assert_eq!(ledger.ask(&late), Err(Rejection::NothingDue));
        }
        prop_assert_eq!(&ledger.log.erased, &erased);
        prop_assert_eq!(summary(&ledger.state), before);
    }
}

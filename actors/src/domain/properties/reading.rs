//! What viewers see: collapse, cursors, filters, and the law that all who read on end with the same.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;

use super::generate::{life, wish};
use super::ledger::Ledger;
use crate::domain::{Collapser, EventFilter, Level, Plan, Start, TypePattern};
use crate::testing::model::{self, Shown, Since, Wish, series_of};

/// Snapshots of the writer's state, as a late joiner gets them: `None` when only the log can tell.
fn snapshots(ledger: &mut Ledger, wish: &Wish) -> Option<Vec<(u64, Value)>> {
    let made = ledger.state.series.collapsed(&wish.filter())?;
    Some(made.iter().map(|event| (event.index, model::data_of(event))).collect())
}

/// The same by folding the log.
fn scanned(ledger: &Ledger, wish: &Wish) -> Vec<(u64, Value)> {
    let mut collapser = Collapser::default();
    for cell in ledger.cells.iter().filter(|cell| !cell.gone) {
        collapser.take(&cell.event, !cell.hidden && wish.wants(&cell.event));
    }
    let listed = collapser.finish().into_iter();
    listed.filter(|event| event.snapshot).map(|event| (event.index, model::data_of(&event))).collect()
}

/// What a viewer has put together: the newest value of each series, and everything else it saw.
fn assembled(ledger: &Ledger, stream: &[Shown], deltas: bool) -> (BTreeMap<String, Value>, Vec<u64>) {
    let (mut series, mut plain) = (BTreeMap::new(), Vec::new());
    for shown in stream {
        let event = &ledger.log.events[shown.index as usize];
        match series_of(event) {
            None => plain.push(shown.index),
            Some((id, _)) => {
                let value = match deltas && !shown.snapshot {
                    true => model::merge(series.get(id), event),
                    false => shown.data.clone(),
                };
                series.insert(id.to_owned(), value);
            }
        }
    }
    (series, plain)
}

/// Without what was superseded by the end: a filter may want that and not its successor, and then only those who
/// were there have seen it.
fn lasting(ledger: &Ledger, stream: &[Shown]) -> Vec<Shown> {
    stream.iter().filter(|shown| !ledger.log.is_superseded(shown.index as usize)).cloned().collect()
}

/// The stream of a viewer who joined without a cursor when the log had `boundary` events.
fn joined_at(ledger: &Ledger, wish: &Wish, boundary: usize, accumulated: bool) -> Vec<Shown> {
    let mut early = ledger.log.clone();
    early.events.truncate(boundary);
    let mut stream = early.from_start(wish, None);
    stream.extend(live_from(ledger, wish, boundary, accumulated));
    stream
}

/// Every matching event from `from` on, as it passed live.
fn live_from(ledger: &Ledger, wish: &Wish, from: usize, accumulated: bool) -> Vec<Shown> {
    let mut stream = Vec::new();
    for end in from + 1..=ledger.log.events.len() {
        let mut then = ledger.log.clone();
        then.events.truncate(end);
        let all = then.from_cursor(wish, &Since::default(), accumulated, None);
        stream.extend(all.into_iter().filter(|shown| shown.index + 1 == end as u64));
    }
    stream
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn a_late_joiner_gets_the_snapshots_of_the_protocol(life in life(), wish in wish()) {
        let mut ledger = Ledger::lived(&life);
        let expected: Vec<_> = ledger.log.from_start(&wish, None).into_iter().filter(|shown| shown.snapshot)
            .map(|shown| (shown.index, shown.data)).collect();
        if let Some(made) = snapshots(&mut ledger, &wish) {
            prop_assert_eq!(&made, &expected);
        }
        prop_assert_eq!(&scanned(&ledger, &wish), &expected);
    }

    #[test]
    fn a_plan_starts_at_the_first_event_behind_its_cursor(
        life in life(), wish in wish(), index in 0u64..60, rank in proptest::option::of(-2i64..60)
    ) {
        let ledger = Ledger::lived(&life);
        let start = Start::After { index, rank_above: rank, later_than: None };
        let plan = Plan::new(&ledger.state, &wish.filter(), &start);
        let length = ledger.log.events.len();
        prop_assert!(plan.index <= length as u64);
        prop_assert_eq!(plan.rank, ledger.log.rank(&wish, plan.index as usize));
        prop_assert_eq!(plan.rank_at_boundary, ledger.log.rank(&wish, length));
        for (place, event) in ledger.log.events.iter().enumerate().filter(|(_, event)| wish.wants(event)) {
            let own = ledger.log.rank(&wish, place) as i64;
            let wanted = place as u64 >= index && rank.is_none_or(|rank| own > rank);
            prop_assert_eq!(place as u64 >= plan.index, wanted, "{} {:?}", place, event);
        }
    }

    #[test]
    fn whoever_joins_late_ends_with_what_an_early_one_has(
        life in life(), accumulated in any::<bool>(), boundary in 0usize..60
    ) {
        let ledger = Ledger::lived(&life);
        let boundary = boundary.min(ledger.log.events.len());
        let wish = Wish::default();
        let early = assembled(&ledger, &live_from(&ledger, &wish, 0, accumulated), !accumulated);
        let late = assembled(&ledger, &joined_at(&ledger, &wish, boundary, accumulated), !accumulated);
        prop_assert_eq!(early, late);
    }

    #[test]
    fn a_resume_from_any_place_behind_the_replay_doubles_no_text(
        life in life(), boundary in 0usize..60, cut in 0usize..60
    ) {
        let ledger = Ledger::lived(&life);
        let boundary = boundary.min(ledger.log.events.len());
        let wish = Wish::default();
        let whole = joined_at(&ledger, &wish, boundary, false);
        let replayed = whole.iter().filter(|shown| shown.index < boundary as u64).count();
        let cut = (replayed + cut).min(whole.len());
        let mut resumed = whole[..cut].to_vec();
        if let Some(last) = resumed.last() {
            let id = Some(ledger.log.events[last.index as usize].id.clone());
            resumed.extend(ledger.log.from_cursor(&wish, &Since { id, ..Since::default() }, false, None));
            prop_assert_eq!(assembled(&ledger, &whole, true), assembled(&ledger, &resumed, true));
        }
    }

    #[test]
    fn accumulated_resumes_are_exact_from_every_cursor_under_every_filter(
        life in life(), wish in wish(), boundary in 0usize..60, cut in 1usize..60, by_rank in any::<bool>()
    ) {
        let ledger = Ledger::lived(&life);
        let boundary = boundary.min(ledger.log.events.len());
        let whole = joined_at(&ledger, &wish, boundary, true);
        let mut resumed = whole[..cut.min(whole.len())].to_vec();
        if let Some(last) = resumed.last() {
            let id = ledger.log.events[last.index as usize].id.clone();
            let since = match by_rank {
                true => Since { rank: Some(last.rank as i64), ..Since::default() },
                false => Since { id: Some(id), ..Since::default() },
            };
            resumed.extend(ledger.log.from_cursor(&wish, &since, true, None));
            let (whole, resumed) = (lasting(&ledger, &whole), lasting(&ledger, &resumed));
            prop_assert_eq!(assembled(&ledger, &whole, false), assembled(&ledger, &resumed, false));
        }
    }

    #[test]
    fn a_filter_wants_what_the_protocol_says(
        life in life(), wish in wish(), pattern in "[a-c.*]{0,4}"
    ) {
        let ledger = Ledger::lived(&life);
        let wish = Wish { types: wish.types.map(|mut types| { types.push(pattern); types }), ..wish };
        for event in &ledger.log.events {
            prop_assert_eq!(wish.filter().matches(event), wish.wants(event), "{:?} {:?}", wish, event);
        }
    }

    #[test]
    fn narrowing_a_filter_is_an_intersection(name in "[a-c.]{0,4}", one in "[a-c.*]{0,4}", two in "[a-c.*]{0,4}") {
        let by = |patterns: &[&str]| EventFilter {
            types: Some(patterns.iter().map(|text| TypePattern::parse(text)).collect()),
            levels: Some(vec![Level::Info]),
            ..EventFilter::default()
        };
        let either = by(&[&one, &two]).wants(&name, Level::Info);
        prop_assert_eq!(either, by(&[&one]).wants(&name, Level::Info) || by(&[&two]).wants(&name, Level::Info));
        prop_assert!(!by(&[&one, &two]).wants(&name, Level::Warn));
    }
}

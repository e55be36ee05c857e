//! What has to hold after a life, whatever happened in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use taskcast_actors::HistoryRequest;
use taskcast_actors::domain::{Json, Series, SeriesMode, TaskEvent, TaskStatus};
use taskcast_actors::ports::Slot;
use taskcast_actors::testing::model::{self, Log, Shown, Since, Wish};

use super::World;
use super::reader::{Kind, Read};
use crate::support::engine::*;

/// The whole log for the model. The payload of a superseded event may be gone; no view shows it.
async fn log_of(world: &World) -> Log {
    let mut log = Log::default();
    for (place, slot) in stored(&world.inner, &world.id).await.into_iter().enumerate() {
        assert_eq!(slot.index(), place as u64, "indexes have no holes");
        log.events.push(match slot {
            Slot::Visible(event) | Slot::Hidden(event) => event,
            Slot::Gone { index, id, timestamp, event_type, level, series } => {
                let series = Series { id: series, mode: Some(SeriesMode::Latest), acc_field: None };
                Arc::new(TaskEvent {
                    id,
                    task_id: world.id.clone(),
                    index,
                    timestamp,
                    event_type,
                    level,
                    data: Json::null(),
                    series: Some(Box::new(series)),
                    client: None,
                    snapshot: false,
                })
            }
        });
    }
    log
}

fn status_of(event: &TaskEvent) -> Option<TaskStatus> {
    (&*event.event_type == "taskcast:status")
        .then(|| model::data_of(event)["status"].as_str().and_then(TaskStatus::parse))
        .flatten()
}

/// Lines 1, 2, 3, 6 and 7, and that every engine shows the same history.
pub(super) async fn check_log(world: &World) {
    let log = log_of(world).await;
    let statuses: Vec<_> = log.events.iter().filter_map(|event| status_of(event)).collect();
    let ends: Vec<_> = statuses.iter().copied().filter(|status| status.is_terminal()).collect();
    assert_eq!(ends.len(), 1, "one terminal transition: {statuses:?}");
    assert_eq!(statuses.last(), ends.first(), "nothing follows it");
    assert!(world.ledger.ended.len() <= 1 && world.ledger.ended.iter().all(|won| *won == ends[0]));
    for (index, id) in &world.ledger.acknowledged {
        assert_eq!(log.events[*index as usize].id, *id, "an acknowledged event stays");
    }
    let ids: BTreeSet<_> = log.events.iter().map(|event| event.id.to_string()).collect();
    assert_eq!(ids.len(), log.events.len(), "every id is there once");
    check_numbers(world, &log);
    for engine in world.cluster.all() {
        assert_eq!(engine.get(&world.id).await.unwrap().task.status, ends[0], "events and task agree");
        for accumulated in [false, true] {
            let request = HistoryRequest { accumulated, ..HistoryRequest::default() };
            let shown = history(&engine, &world.id, request).await;
            let form = |event: &Arc<TaskEvent>| (event.index, model::data_of(event));
            let wanted = log.history(&Wish::default(), -1, None, accumulated);
            let wanted: Vec<_> = wanted.into_iter().map(|shown| (shown.index, shown.data)).collect();
            assert_eq!(shown.iter().map(form).collect::<Vec<_>>(), wanted);
        }
    }
}

/// No event is there twice, and of a batch all are there, next to each other, or none.
fn check_numbers(world: &World, log: &Log) {
    let numbers: Vec<_> = log.events.iter().map(|event| number(&model::data_of(event))).collect();
    let mut once = BTreeSet::new();
    assert!(numbers.iter().flatten().all(|n| once.insert(*n)), "an event was written twice: {numbers:?}");
    for (first, size) in &world.ledger.batches {
        let place = numbers.iter().position(|n| *n == Some(*first));
        let there = (*first..first + size).filter(|n| once.contains(n)).count() as u64;
        let Some(place) = place else {
            assert_eq!(there, 0, "a batch is torn");
            continue;
        };
        let found = numbers.iter().skip(place).map(|n| n.unwrap_or(u64::MAX)).take(*size as usize);
        assert_eq!(found.collect::<Vec<_>>(), (*first..first + size).collect::<Vec<_>>(), "a batch is torn");
    }
}

/// Lines 4 and 5: everything once, in order, to the end.
pub(super) async fn check_reader(world: &World, read: &Read) {
    let log = log_of(world).await;
    let (kind, seen) = (read.kind, &read.seen);
    assert_eq!(log.events.iter().rev().find_map(|event| status_of(event)), Some(read.ending));
    assert!(seen.is_sorted_by(|one, next| one.index < next.index), "{kind:?}: {:?}", indexes(seen));
    let wish = Wish::default();
    match kind {
        Kind::Collapsed => check_collapsed(&log, seen),
        Kind::Everything => check_uncollapsed(&log, seen, log.from_cursor(&wish, &behind(-1), false, None)),
        Kind::Running { behind: index } => {
            let since = behind(i64::try_from(index).unwrap());
            check_uncollapsed(&log, seen, log.from_cursor(&wish, &since, true, None));
        }
    }
}

fn behind(rank: i64) -> Since {
    Since { rank: Some(rank), ..Since::default() }
}

/// What was superseded may have been seen before it was.
fn lasting<'a>(log: &Log, seen: &'a [Shown]) -> Vec<&'a Shown> {
    seen.iter().filter(|shown| !log.is_superseded(shown.index as usize)).collect()
}

fn check_uncollapsed(log: &Log, seen: &[Shown], wanted: Vec<Shown>) {
    assert_eq!(lasting(log, seen), wanted.iter().collect::<Vec<_>>());
}

/// Snapshots and the deltas behind them give the text; everything else is there as it is.
fn check_collapsed(log: &Log, seen: &[Shown]) {
    let is_text = |shown: &&Shown| shown.data.get("delta").is_some();
    let mut text = String::new();
    for shown in seen.iter().filter(is_text) {
        let part = shown.data["delta"].as_str().unwrap();
        text = if shown.snapshot { part.to_owned() } else { text + part };
    }
    let all = log.from_cursor(&Wish::default(), &behind(-1), false, None);
    let whole: String =
        all.iter().filter(is_text).map(|shown| shown.data["delta"].as_str().unwrap()).collect();
    assert_eq!(text, whole, "the text is all deltas, each once");
    let others = lasting(log, seen).into_iter().filter(|shown| !is_text(shown));
    let wanted = all.iter().filter(|shown| !is_text(shown));
    assert_eq!(others.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
}

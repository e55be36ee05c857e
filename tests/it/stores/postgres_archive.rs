//! PostgreSQL as the archive behind another store.

use std::collections::BTreeMap;
use std::sync::Arc;

use taskcast::stores::mark::Mark;
use taskcast::stores::postgres::{ArchiveOutcome, ArchivePiece, Begun, GoneSlot, PostgresStore, SlotState};
use taskcast_actors::domain::{
    Change, Checkpoint, Entropy, EventId, Head, Json, Level, NewTask, Series, SeriesMode, Stamp, TaskEvent,
    TaskId, Timestamp,
};
use taskcast_actors::memory::MemoryStore;
use taskcast_actors::ports::{NewLog, Range, Seek, Slot, TaskQuery, TaskStore};

use super::postgres::{database, open};

fn id(name: &str) -> TaskId {
    TaskId::parse(name).unwrap()
}

fn head(name: &str) -> Arc<Head> {
    Arc::new(NewTask::default().into_head(id(name), Timestamp(1)))
}

fn at(incarnation: u64, version: u64, revision: u64) -> Stamp {
    Stamp { incarnation, version, revision }
}

fn time_of(index: u64) -> Timestamp {
    Timestamp(1_700_000_000_000).plus_millis(index / 2)
}

/// The event at `index`; every third one is a delta, every fourth one the newest of a series.
fn event(name: &str, index: u64) -> Arc<TaskEvent> {
    let mode = match index % 12 {
        0 | 3 | 6 | 9 => Some(SeriesMode::Accumulate),
        4 | 8 => Some(SeriesMode::Latest),
        _ => None,
    };
    let series = |mode| Box::new(Series { id: Some("s".into()), mode: Some(mode), acc_field: None });
    Arc::new(TaskEvent {
        id: EventId::compose(time_of(index), index, Entropy::new(9)),
        task_id: id(name),
        index,
        timestamp: time_of(index),
        event_type: "test".into(),
        level: Level::Info,
        data: Json::parse(&format!(r#"{{"delta":"{index}"}}"#)).unwrap(),
        series: mode.map(series),
        client: None,
        snapshot: false,
    })
}

fn visible(name: &str, indexes: std::ops::Range<u64>) -> Vec<(u64, SlotState)> {
    indexes.map(|index| (index, SlotState::Visible(event(name, index)))).collect()
}

/// A piece that moves a log of visible events on.
fn piece(name: &str, expected: Option<Stamp>, stamp: Stamp) -> ArchivePiece {
    let from = expected.map_or(0, |expected| expected.version);
    let slots = visible(name, from..stamp.version);
    ArchivePiece {
        id: id(name),
        stamp,
        expected,
        over: Vec::new(),
        head: head(name),
        checkpoint: None,
        slots,
    }
}

async fn archive(store: &PostgresStore, piece: ArchivePiece) -> ArchiveOutcome {
    store.archive(vec![piece]).await.unwrap().remove(0)
}

async fn stored(store: &PostgresStore, name: &str) -> Option<Stamp> {
    store.stamps(&[id(name)]).await.unwrap()[0]
}

async fn slots(store: &dyn TaskStore, name: &str) -> Vec<Slot> {
    let range = Range { max_slots: 100_000, max_bytes: usize::MAX, ..Range::to_the_end(0) };
    store.events(&id(name), range).await.unwrap().slots
}

#[tokio::test]
async fn a_piece_that_is_repeated_changes_nothing() {
    let store = open(&database().await).await;
    assert!(store.is_empty().await.unwrap());
    let first = piece("a", None, at(1, 5, 0));
    let second = piece("a", Some(at(1, 5, 0)), at(1, 9, 2));
    for outcome in [archive(&store, first.clone()).await, archive(&store, first.clone()).await] {
        assert_eq!(outcome, ArchiveOutcome::Done);
    }
    assert_eq!(archive(&store, second.clone()).await, ArchiveOutcome::Done);
    let before = slots(&*store, "a").await;
    for again in [first, second] {
        assert_eq!(archive(&store, again).await, ArchiveOutcome::Done);
        assert_eq!(stored(&store, "a").await, Some(at(1, 9, 2)), "it never goes back");
    }
    assert_eq!(slots(&*store, "a").await, before);
    assert_eq!(before.len(), 9);
    assert!(!store.is_empty().await.unwrap());
    let heads = store.heads(&[id("b"), id("a")]).await.unwrap();
    assert_eq!(heads, [None, Some((head("a"), at(1, 9, 2)))]);
}

#[tokio::test]
async fn a_piece_where_the_archive_is_not_diverges_and_harms_no_other() {
    let store = open(&database().await).await;
    assert_eq!(archive(&store, piece("a", None, at(1, 5, 0))).await, ArchiveOutcome::Done);
    assert_eq!(archive(&store, piece("other", None, at(7, 2, 0))).await, ArchiveOutcome::Done);
    let batch = vec![
        piece("other", None, at(8, 1, 0)),
        piece("nowhere", Some(at(1, 3, 0)), at(1, 4, 0)),
        piece("a", Some(at(1, 7, 0)), at(1, 8, 0)),
        piece("new", None, at(1, 3, 0)),
        piece("new", None, at(1, 3, 0)),
        ArchivePiece { slots: visible("hole", 1..3), ..piece("hole", None, at(1, 3, 0)) },
    ];
    let outcomes = store.archive(batch).await.unwrap();
    let diverged = |stored| ArchiveOutcome::Diverged { stored };
    assert_eq!(outcomes[..3], [diverged(Some(at(7, 2, 0))), diverged(None), diverged(Some(at(1, 5, 0)))]);
    assert_eq!(outcomes[3..5], [ArchiveOutcome::Done, ArchiveOutcome::Busy]);
    assert!(matches!(outcomes[5], ArchiveOutcome::Refused(_)));
    let expected = [Some(at(7, 2, 0)), None, Some(at(1, 5, 0)), Some(at(1, 3, 0)), None];
    let ids = ["other", "nowhere", "a", "new", "hole"].map(id);
    assert_eq!(store.stamps(&ids).await.unwrap(), expected);
}

#[tokio::test]
async fn a_piece_that_cannot_be_stored_is_named_and_harms_no_other() {
    let store = open(&database().await).await;
    let mut batch: Vec<_> = (0..9).map(|n| piece(&format!("{n}"), None, at(1, 2, 0))).collect();
    let bad = TaskEvent { event_type: "nul\0".into(), ..TaskEvent::clone(&event("4", 1)) };
    batch[4].slots[1].1 = SlotState::Visible(Arc::new(bad));
    for (n, outcome) in store.archive(batch).await.unwrap().into_iter().enumerate() {
        assert_eq!(matches!(outcome, ArchiveOutcome::Refused(_)), n == 4, "{outcome:?}");
        assert_eq!(outcome == ArchiveOutcome::Done, n != 4);
    }
    assert_eq!(stored(&store, "4").await, None);
}

#[tokio::test]
async fn a_log_takes_the_place_of_those_it_is_over_and_tombstones_remove_them() {
    let store = open(&database().await).await;
    let checkpoint = Some(Checkpoint { version: 3, bytes: b"x".as_slice().into() });
    let old = ArchivePiece { checkpoint, ..piece("a", None, at(1, 9, 0)) };
    assert_eq!(archive(&store, old).await, ArchiveOutcome::Done);
    let new = ArchivePiece { over: vec![5, 1], ..piece("a", None, at(2, 3, 0)) };
    assert_eq!(archive(&store, new).await, ArchiveOutcome::Done);
    assert_eq!(slots(&*store, "a").await.len(), 3);
    let loaded = store.load(&id("a")).await.unwrap().unwrap();
    assert_eq!((loaded.stamp, loaded.checkpoint), (at(2, 3, 0), None));
    assert!(!store.forget(&id("a"), &[1]).await.unwrap());
    assert!(store.forget(&id("a"), &[7, 2]).await.unwrap());
    assert!(!store.forget(&id("a"), &[2]).await.unwrap());
    assert!(store.is_empty().await.unwrap());
    let again = ArchivePiece { over: vec![1, 2], ..piece("a", None, at(3, 2, 0)) };
    assert_eq!(archive(&store, again).await, ArchiveOutcome::Done);
}

#[tokio::test]
async fn marks_reach_events_that_only_the_archive_has() {
    let store = open(&database().await).await;
    assert_eq!(archive(&store, piece("a", None, at(1, 14, 0))).await, ArchiveOutcome::Done);
    let marks = [(1, Mark::Hidden), (3, Mark::Dropped), (4, Mark::Erased), (12, Mark::Dropped)];
    let mut next = piece("a", Some(at(1, 14, 0)), at(1, 15, 1));
    next.slots.extend(marks.map(|(index, mark)| (index, SlotState::Marked(mark))));
    next.slots.push((5, SlotState::Hidden(event("a", 5))));
    for _ in 0..2 {
        assert_eq!(archive(&store, next.clone()).await, ArchiveOutcome::Done);
    }
    let slots = slots(&*store, "a").await;
    assert!(matches!(&slots[1], Slot::Hidden(hidden) if *hidden == event("a", 1)));
    assert!(matches!(&slots[5], Slot::Hidden(hidden) if *hidden == event("a", 5)));
    assert!(matches!(&slots[3], Slot::Gone { series: Some(series), .. } if &**series == "s"));
    assert!(matches!(&slots[4], Slot::Gone { series: None, .. }));
    assert!(matches!(&slots[12], Slot::Gone { series: Some(_), .. }));
    assert_eq!(slots[14], Slot::Visible(event("a", 14)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archivers_that_fight_leave_every_log_whole() {
    let database = database().await;
    let stores = [open(&database).await, open(&database).await, open(&database).await];
    let names: Vec<String> = (0..12).map(|n| format!("t{n}")).collect();
    for round in 0..8_u64 {
        let batch = |reverse: bool, length: u64| {
            let known = (round > 0).then(|| at(1, round * 4, 0));
            let stamp = at(1, round * 4 + length, 0);
            let mut batch: Vec<_> = names.iter().map(|name| piece(name, known, stamp)).collect();
            if reverse {
                batch.reverse();
            }
            batch
        };
        let works = stores.iter().zip([(false, 4), (true, 2), (true, 4)]);
        let works = works.map(|(store, (reverse, length))| store.archive(batch(reverse, length)));
        for outcomes in futures_util::future::join_all(works).await {
            assert!(outcomes.unwrap().iter().all(|outcome| *outcome == ArchiveOutcome::Done));
        }
    }
    for name in &names {
        assert_eq!(stored(&stores[0], name).await, Some(at(1, 32, 0)));
        let expected: Vec<_> = (0..32).map(|index| Slot::Visible(event(name, index))).collect();
        assert_eq!(slots(&*stores[0], name).await, expected);
    }
}

#[tokio::test]
async fn a_backlog_comes_in_parts_and_is_there_at_once() {
    let store = open(&database().await).await;
    assert_eq!(archive(&store, piece("a", None, at(1, 50, 0))).await, ArchiveOutcome::Done);
    let start = ArchivePiece { slots: Vec::new(), ..piece("a", Some(at(1, 20, 0)), at(1, 20_000, 3)) };
    let Begun::Writing(mut writer) = store.begin_piece(start.clone()).await.unwrap() else { panic!() };
    for from in (20..20_000).step_by(1998) {
        writer.append(&visible("a", from..from + 1998)).await.unwrap();
        assert_eq!(stored(&store, "a").await, Some(at(1, 50, 0)));
    }
    let busy = archive(&store, piece("a", Some(at(1, 50, 0)), at(1, 51, 0))).await;
    assert_eq!(busy, ArchiveOutcome::Busy);
    assert_eq!(writer.finish().await.unwrap(), ArchiveOutcome::Done);
    assert_eq!(stored(&store, "a").await, Some(at(1, 20_000, 3)));
    assert_eq!(slots(&*store, "a").await.len(), 20_000);
    let Begun::Settled(settled) = store.begin_piece(start).await.unwrap() else { panic!() };
    assert_eq!(settled, ArchiveOutcome::Done);
}

#[tokio::test]
async fn a_backlog_that_is_given_up_leaves_nothing() {
    let store = open(&database().await).await;
    for finish in [false, true] {
        let start = ArchivePiece { slots: Vec::new(), ..piece("a", None, at(1, 100, 0)) };
        let Begun::Writing(mut writer) = store.begin_piece(start).await.unwrap() else { panic!() };
        writer.append(&visible("a", 0..50)).await.unwrap();
        assert!(writer.append(&visible("a", 60..70)).await.is_err());
        if finish {
            assert!(writer.finish().await.is_err());
        }
    }
    // The server notices a connection that is gone when it next reads from it, so the row may be held a moment longer.
    let done = async || archive(&store, piece("a", None, at(2, 3, 0))).await == ArchiveOutcome::Done;
    crate::support::wait_until("the row is free", async || done().await.then_some(())).await;
    assert_eq!(slots(&*store, "a").await.len(), 3);
}

/// Draws small numbers, always the same ones.
struct Draw(fastrand::Rng);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0.u64(..end.max(1))
    }
}

/// A change of the log of `a` at `expected`.
fn change(draw: &mut Draw, expected: Stamp) -> Change {
    let end = expected.version + draw.below(4);
    let events = (expected.version..end).map(|index| event("a", index)).collect();
    let mut indexes = || (0..draw.below(3)).map(|_| draw.below(end)).filter(|index| *index < end).collect();
    let (hidden, dropped, erased) = (indexes(), indexes(), indexes());
    Change { events, hidden, dropped, erased, ..Change::empty(id("a"), expected) }
}

/// What an archiver copies: everything new, and older slots as they are now or as what happened to them.
async fn next_piece(model: &MemoryStore, expected: Option<Stamp>, changes: &[Change]) -> ArchivePiece {
    let (head, stamp) = model.head(&id("a")).await.unwrap().unwrap();
    let from = expected.map_or(0, |expected| expected.version);
    let mut touched = BTreeMap::new();
    for change in changes {
        let lists = [
            (&change.hidden, Mark::Hidden),
            (&change.dropped, Mark::Dropped),
            (&change.erased, Mark::Erased),
        ];
        for (index, mark) in lists.into_iter().flat_map(|(list, mark)| list.iter().map(move |i| (*i, mark))) {
            let known = touched.entry(index).or_insert(mark);
            *known = mark.max(*known);
        }
    }
    let state = |slot: Slot| match slot {
        Slot::Visible(event) => SlotState::Visible(event),
        Slot::Hidden(event) => SlotState::Hidden(event),
        Slot::Gone { id, timestamp, event_type, level, series, .. } => {
            SlotState::Gone(GoneSlot { id, timestamp, event_type, level, series })
        }
    };
    let all = slots(model, "a").await.into_iter().map(|slot| (slot.index(), state(slot)));
    let mut slots: Vec<_> = all.filter(|(index, _)| *index >= from).collect();
    slots.extend(touched.range(..from).map(|(index, mark)| (*index, SlotState::Marked(*mark))));
    ArchivePiece { id: id("a"), stamp, expected, over: Vec::new(), head, checkpoint: None, slots }
}

#[tokio::test]
async fn an_archived_log_reads_as_the_one_it_was_copied_from() {
    let store = open(&database().await).await;
    for seed in 0..6 {
        let mut draw = Draw(fastrand::Rng::with_seed(seed));
        let model = MemoryStore::new();
        let log = NewLog {
            head: head("a"),
            incarnation: seed,
            events: Vec::new(),
            hidden: Vec::new(),
            replace: false,
            fresh: false,
        };
        model.create(log).await.unwrap();
        let (mut stamp, mut archived, mut changes) = (at(seed, 0, 0), None, Vec::new());
        for _ in 0..30 {
            let next = change(&mut draw, stamp);
            stamp = next.next_stamp();
            model.commit(Arc::new(next.clone())).await.unwrap();
            changes.push(next);
            if draw.below(3) == 0 {
                let piece = next_piece(&model, archived, &changes).await;
                let piece = ArchivePiece { over: (0..seed).collect(), ..piece };
                assert_eq!(archive(&store, piece).await, ArchiveOutcome::Done);
                (archived, changes) = (Some(stamp), Vec::new());
                same(&*store, &model).await;
            }
        }
    }
}

/// That both stores answer alike.
async fn same(store: &dyn TaskStore, model: &dyn TaskStore) {
    let a = id("a");
    assert_eq!(store.head(&a).await, model.head(&a).await);
    for max_bytes in [1, 40, usize::MAX] {
        for deltas in [true, false] {
            let range = Range {
                max_bytes: if deltas { max_bytes } else { usize::MAX },
                deltas,
                ..Range::new(0, 999)
            };
            assert_eq!(store.events(&a, range).await, model.events(&a, range).await);
        }
    }
    for time in [0, 3, 11].map(|millis| Timestamp(1_700_000_000_000).plus_millis(millis)) {
        let seek = || Seek::After(time);
        assert_eq!(store.seek(&a, seek()).await, model.seek(&a, seek()).await);
    }
    let query = TaskQuery { limit: 9, ..TaskQuery::default() };
    assert_eq!(store.list(&query).await.unwrap().tasks, model.list(&query).await.unwrap().tasks);
}

//! Any sequence of operations has the answers, and leaves the logs, of the reference implementation.

use std::fmt::Debug;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use tokio::runtime::Handle;

use super::fixtures::*;
use crate::domain::{
    Change, Checkpoint, CheckpointChange, EventId, Head, SeriesMode, Stamp, TaskEvent, TaskStatus, Timestamp,
};
use crate::memory::MemoryStore;
use crate::ports::{NewLog, Range, Seek, Slot, TaskQuery};

const NAMES: [&str; 3] = ["a", "b", "ab"];

/// What is left of the end of the log's stamp when a change is decided on an old state.
#[derive(Clone, Copy, Debug)]
enum Expecting {
    Present,
    OtherIncarnation,
    EarlierVersion,
    LaterRevision,
}

/// What a commit is made of; indexes are drawn when the length of the log is known.
#[derive(Clone, Debug)]
struct Draft {
    expecting: Expecting,
    head: Option<usize>,
    kinds: Vec<u8>,
    dropped: Vec<Index>,
    hidden: Vec<Index>,
    erased: Vec<Index>,
    checkpoint: Option<bool>,
}

#[derive(Clone, Debug)]
enum Step {
    Create { incarnation: u64, kinds: Vec<u8>, hidden: Vec<Index>, replace: bool, imported: bool },
    Commit(Draft),
    Delete { other: bool },
}

fn drafts() -> impl Strategy<Value = Draft> {
    let indexes = || vec(any::<Index>(), 0..3);
    let expecting = prop_oneof![
        12 => Just(Expecting::Present),
        1 => Just(Expecting::OtherIncarnation),
        1 => Just(Expecting::EarlierVersion),
        1 => Just(Expecting::LaterRevision),
    ];
    let head = proptest::option::of(0..TaskStatus::ALL.len());
    let parts = (expecting, head, vec(0..8u8, 0..5), indexes(), indexes(), indexes(), any::<Option<bool>>());
    parts.prop_map(|(expecting, head, kinds, dropped, hidden, erased, checkpoint)| Draft {
        expecting,
        head,
        kinds,
        dropped,
        hidden,
        erased,
        checkpoint,
    })
}

fn steps() -> impl Strategy<Value = (usize, Step)> {
    let create = (any::<u64>(), vec(0..8u8, 0..4), vec(any::<Index>(), 0..2), any::<bool>(), any::<bool>());
    let create = create.prop_map(|(incarnation, kinds, hidden, replace, imported)| Step::Create {
        incarnation,
        kinds,
        hidden,
        replace,
        imported,
    });
    let step = prop_oneof![
        2 => create,
        6 => drafts().prop_map(Step::Commit),
        1 => prop::bool::weighted(0.2).prop_map(|other| Step::Delete { other }),
    ];
    (0..NAMES.len(), step)
}

/// The events of these kinds from `from` on. Ids and times of an imported log follow no rule.
fn events_of(name: &str, from: u64, kinds: &[u8], imported: bool) -> Vec<Arc<TaskEvent>> {
    let make = |(index, kind): (u64, &u8)| {
        let mut event = event(name, index);
        event.timestamp = Timestamp((index as i64) / 2 * 10);
        if imported {
            event.timestamp = Timestamp(i64::from(*kind) * 7);
            event.id = match kind {
                0..4 => EventId::from_text(&format!("foreign {kind} {index}")),
                _ => event.id,
            };
        }
        match kind % 4 {
            0 => event,
            1 => member(event, "s", SeriesMode::Accumulate),
            2 => member(event, "l", SeriesMode::Latest),
            _ => member(event, "", SeriesMode::Accumulate),
        }
    };
    (from..).zip(kinds).map(make).map(Arc::new).collect()
}

fn head_of(name: &str, number: usize, imported: bool) -> Arc<Head> {
    let mut head = head(name, 5);
    head.task.status = TaskStatus::ALL[number];
    head.task.tags = number.is_multiple_of(3).then(|| vec![format!("{number}")]);
    head.deadline = number.is_multiple_of(2).then_some(Timestamp(number as i64 % 4));
    head.imported = imported;
    Arc::new(head)
}

fn change_of(name: &str, draft: &Draft, present: Stamp, imported: bool) -> Change {
    let mut expected = present;
    match draft.expecting {
        Expecting::Present => {}
        Expecting::OtherIncarnation => expected.incarnation ^= 1,
        Expecting::EarlierVersion => expected.version = expected.version.saturating_sub(1),
        Expecting::LaterRevision => expected.revision += 1,
    }
    let events = events_of(name, expected.version, &draft.kinds, imported);
    let length = expected.version as usize + events.len();
    let drawn = |indexes: &[Index]| match length {
        0 => Vec::new(),
        _ => indexes.iter().map(|index| index.index(length) as u64).collect(),
    };
    let checkpoint = match draft.checkpoint {
        None => CheckpointChange::Keep,
        Some(true) => CheckpointChange::Put(Checkpoint { version: 1, bytes: vec![length as u8].into() }),
        Some(false) => CheckpointChange::Remove,
    };
    Change {
        head: draft.head.map(|number| head_of(name, number, imported)),
        events,
        dropped: drawn(&draft.dropped),
        hidden: drawn(&draft.hidden),
        erased: drawn(&draft.erased),
        checkpoint,
        ..Change::empty(id(name), expected)
    }
}

/// Does the step in both stores, which must answer alike.
async fn perform(stores: [&Store; 2], name: &str, step: &Step) {
    let present = stores[1].head(&id(name)).await.expect("the reference answers");
    let stamp = present.as_ref().map_or(at(0), |(_, stamp)| *stamp);
    match step {
        Step::Create { incarnation, kinds, hidden, replace, imported } => {
            let events = events_of(name, 0, kinds, *imported);
            let drawn = |index: &Index| index.index(events.len()) as u64;
            let hidden = if events.is_empty() { Vec::new() } else { hidden.iter().map(drawn).collect() };
            let head = head_of(name, 0, *imported);
            let log =
                NewLog { head, incarnation: *incarnation, events, hidden, replace: *replace, fresh: false };
            let [store, model] = stores.map(|store| store.create(log.clone()));
            assert_eq!(store.await, model.await);
        }
        Step::Commit(draft) => {
            let imported = present.is_some_and(|(head, _)| head.imported);
            let change = Arc::new(change_of(name, draft, stamp, imported));
            let [store, model] = stores.map(|store| store.commit(Arc::clone(&change)));
            assert_eq!(store.await, model.await);
        }
        Step::Delete { other } => {
            let (id, incarnation) = (id(name), stamp.incarnation ^ u64::from(*other));
            let [store, model] = stores.map(|store| store.delete(&id, incarnation));
            assert_eq!(store.await, model.await);
        }
    }
}

/// Asserts that an answer of both stores is the same.
macro_rules! assert_same {
    ($stores:expr, |$store:ident| $ask:expr) => {{
        let [$store, model] = $stores;
        let answer = alike($ask);
        let $store = model;
        assert_eq!(answer, alike($ask));
    }};
}

/// Answers that have no equality of their own are compared as they are printed.
fn alike(answer: impl Debug) -> String {
    format!("{answer:?}")
}

/// Asserts that the task is the same in both stores.
async fn compare(stores: [&Store; 2], name: &str) {
    let id = id(name);
    assert_same!(stores, |store| store.load(&id).await);
    assert_same!(stores, |store| store.head(&id).await);
    for max_bytes in [1, 40, usize::MAX] {
        let range = Range { max_bytes, ..everything() };
        assert_same!(stores, |store| store.events(&id, range).await);
    }
    let sparse = Range { deltas: false, max_slots: 4, max_bytes: usize::MAX, ..Range::new(1, u64::MAX) };
    assert_same!(stores, |store| store.events(&id, sparse).await);
    let other = Range { incarnation: Some(1), ..everything() };
    assert_same!(stores, |store| store.events(&id, other).await);
    for time in [0, 10, 15, 35] {
        assert_same!(stores, |store| store.seek(&id, Seek::After(Timestamp(time))).await);
    }
    for slot in slots(stores[1], name, everything()).await.iter().rev().take(3) {
        let event = match slot {
            Slot::Visible(event) | Slot::Hidden(event) => event.id.clone(),
            Slot::Gone { id, .. } => id.clone(),
        };
        assert_same!(stores, |store| store.seek(&id, Seek::Id(event.clone())).await);
    }
}

/// Runs the steps on a store without tasks and on a new reference.
async fn check(store: &Store, steps: Vec<(usize, Step)>) {
    empty(store).await;
    let model: Store = Arc::new(MemoryStore::new());
    let stores = [store, &model];
    for (number, step) in steps {
        perform(stores, NAMES[number], &step).await;
        compare(stores, NAMES[number]).await;
    }
    for name in NAMES {
        compare(stores, name).await;
    }
    for status in [None, Some(vec![TaskStatus::Pending, TaskStatus::Failed])] {
        let query = TaskQuery { status, limit: 2, ..TaskQuery::default() };
        assert_same!(stores, |store| store.list(&query).await);
    }
    assert_same!(stores, |store| store.due(Timestamp(2), None, 2).await);
}

/// Deletes what the case before left.
async fn empty(store: &Store) {
    for name in NAMES {
        if let Some(stamp) = stamp(store, name).await {
            store.delete(&id(name), stamp.incarnation).await.expect("nobody else writes");
        }
    }
}

/// Pages, heads, stamps, listings, due times and the answers to the writes themselves.
pub async fn any_history_is_the_one_of_the_reference(store: Store) {
    let runtime = Handle::current();
    let config = ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() };
    let run = |steps| {
        runtime.block_on(check(&store, steps));
        Ok(())
    };
    tokio::task::block_in_place(|| {
        if let Err(failure) = TestRunner::new(config).run(&vec(steps(), 1..25), run) {
            panic!("{failure}");
        }
    });
}

//! Pages hold consecutive slots, whatever happened to their events.

use std::sync::Arc;

use super::fixtures::*;
use crate::domain::{Change, Series, SeriesMode, TaskEvent};
use crate::ports::{Range, Slot, StoreError};

/// Whatever their size.
pub async fn pages_follow_each_other_without_a_hole(store: Store) {
    grow(&store, "other", 30).await;
    grow(&store, "a", 20).await;
    commit(&store, append("other", at(30), 5)).await;
    commit(&store, append("a", at(20), 5)).await;
    let expected: Vec<Slot> = events("a", 0..25).into_iter().map(Slot::Visible).collect();
    for max_slots in [0, 1, 7, 25, 1000] {
        assert_eq!(slots(&store, "a", Range { max_slots, ..everything() }).await, expected);
    }
    assert_eq!(slots(&store, "a", Range { max_slots: 4, ..Range::new(9, 19) }).await, expected[9..19]);
}

/// The slot that fills it is part of it, and at least one slot always is.
pub async fn a_page_ends_once_it_holds_enough_bytes(store: Store) {
    grow(&store, "a", 9).await;
    let length = event("a", 0).data.as_str().len();
    for (max_bytes, count) in [(0, 1), (1, 1), (length, 1), (length + 1, 2), (3 * length, 3), (usize::MAX, 9)]
    {
        let page = store.events(&id("a"), Range { max_bytes, ..everything() }).await.expect("it is read");
        assert_eq!((page.slots.len(), page.next), (count, count as u64), "{max_bytes} bytes");
    }
}

/// The index behind the last one is not part of it.
pub async fn a_page_ends_where_the_range_or_the_log_ends(store: Store) {
    grow(&store, "a", 10).await;
    for (from, to, expected) in
        [(0, 3, 0..3), (4, 5, 4..5), (8, 10, 8..10), (8, 11, 8..10), (9, u64::MAX, 9..10)]
    {
        let page = store.events(&id("a"), Range::new(from, to)).await.expect("it is read");
        assert_eq!(page.next, expected.end);
        assert_eq!(page.slots, events("a", expected).into_iter().map(Slot::Visible).collect::<Vec<_>>());
    }
}

/// Nor in a range that is empty.
pub async fn nothing_is_read_behind_the_end(store: Store) {
    grow(&store, "a", 4).await;
    for (from, to) in [(4, u64::MAX), (5, 6), (u64::MAX, u64::MAX), (2, 2), (3, 1)] {
        let page = store.events(&id("a"), Range::new(from, to)).await.expect("it is read");
        assert_eq!((page.slots.len(), page.next), (0, from), "{from}..{to}");
    }
}

/// One event of each kind: plain, latest, accumulate, keep-all, with an id that is empty, without a mode.
fn kinds() -> Vec<Arc<TaskEvent>> {
    let bare = Series { id: Some("s".into()), mode: None, acc_field: None };
    let kinds = [
        event("a", 0),
        member(event("a", 1), "s", SeriesMode::Latest),
        member(event("a", 2), "s", SeriesMode::Accumulate),
        member(event("a", 3), "s", SeriesMode::KeepAll),
        member(event("a", 4), "", SeriesMode::Accumulate),
        TaskEvent { series: Some(Box::new(bare)), ..event("a", 5) },
    ];
    kinds.map(Arc::new).to_vec()
}

/// Creates a log of [`kinds`] and commits what `change` does to all of them.
async fn change_all(store: &Store, change: impl FnOnce(&mut Change, Vec<u64>)) -> Vec<Slot> {
    let stamp = create(store, "a").await;
    let stamp = commit(store, Change { events: kinds(), ..Change::empty(id("a"), stamp) }).await;
    let mut all = Change::empty(id("a"), stamp);
    change(&mut all, (0..6).collect());
    commit(store, all).await;
    slots(store, "a", everything()).await
}

/// Which is the id of a series that merges, and nothing else.
pub async fn a_dropped_event_leaves_its_place_and_its_series(store: Store) {
    let slots = change_all(&store, |change, all| change.dropped = all).await;
    let series = [None, Some("s"), Some("s"), None, None, None];
    let places = kinds().iter().zip(series).map(|(event, series)| place(event, series)).collect::<Vec<_>>();
    assert_eq!(slots, places);
}

/// Byte for byte.
pub async fn a_hidden_event_is_still_there_to_be_folded(store: Store) {
    let slots = change_all(&store, |change, all| change.hidden = all).await;
    assert_eq!(slots, kinds().into_iter().map(Slot::Hidden).collect::<Vec<_>>());
}

/// Unlike a dropped one.
pub async fn an_erased_event_leaves_its_place_without_its_series(store: Store) {
    let slots = change_all(&store, |change, all| change.erased = all).await;
    assert_eq!(slots, kinds().iter().map(|event| place(event, None)).collect::<Vec<_>>());
}

/// Hiding or dropping it once more changes nothing; erasing it takes its series.
pub async fn a_payload_that_is_gone_stays_gone(store: Store) {
    let stamp = create(&store, "a").await;
    let mut stamp = commit(&store, Change { events: kinds(), ..Change::empty(id("a"), stamp) }).await;
    let (kinds, one) = (kinds(), || Change::empty(id("a"), Default::default()));
    let steps = [
        (Change { hidden: vec![2], ..one() }, Slot::Hidden(Arc::clone(&kinds[2]))),
        (Change { dropped: vec![2], ..one() }, place(&kinds[2], Some("s"))),
        (Change { hidden: vec![2], ..one() }, place(&kinds[2], Some("s"))),
        (Change { dropped: vec![2], ..one() }, place(&kinds[2], Some("s"))),
        (Change { erased: vec![2], ..one() }, place(&kinds[2], None)),
        (Change { dropped: vec![2], hidden: vec![2], ..one() }, place(&kinds[2], None)),
    ];
    for (change, expected) in steps {
        stamp = commit(&store, Change { expected: stamp, ..change }).await;
        assert_eq!(slot(&store, "a", 2).await, expected);
    }
    assert_eq!(stamp.version, 6);
}

/// All others come as they are.
pub async fn without_deltas_accumulate_events_are_only_places(store: Store) {
    let stamp = create(&store, "a").await;
    let stamp = commit(&store, Change { events: kinds(), ..Change::empty(id("a"), stamp) }).await;
    let kinds = kinds();
    let mut expected: Vec<Slot> = kinds.iter().cloned().map(Slot::Visible).collect();
    expected[2] = place(&kinds[2], Some("s"));
    let sparse = Range { deltas: false, ..everything() };
    assert_eq!(slots(&store, "a", sparse).await, expected);
    commit(&store, Change { hidden: vec![2], ..Change::empty(id("a"), stamp) }).await;
    assert_eq!(slots(&store, "a", sparse).await, expected);
}

/// Even where there is nothing to read.
pub async fn another_incarnation_is_gone(store: Store) {
    grow(&store, "a", 2).await;
    let own = Range { incarnation: Some(INCARNATION), ..everything() };
    assert_eq!(slots(&store, "a", own).await.len(), 2);
    for range in [everything(), Range::new(5, 9), Range::new(1, 1)] {
        let other = Range { incarnation: Some(1), ..range };
        assert_eq!(store.events(&id("a"), other).await, Err(StoreError::Gone));
    }
}

/// As when a batch holds several events of one series.
pub async fn a_commit_can_hide_and_drop_what_it_appends(store: Store) {
    let stamp = create(&store, "a").await;
    let change =
        Change { events: kinds(), dropped: vec![1], hidden: vec![3], ..Change::empty(id("a"), stamp) };
    commit(&store, change).await;
    assert_eq!(slot(&store, "a", 0).await, Slot::Visible(Arc::clone(&kinds()[0])));
    assert_eq!(slot(&store, "a", 1).await, place(&kinds()[1], Some("s")));
    assert_eq!(slot(&store, "a", 3).await, Slot::Hidden(Arc::clone(&kinds()[3])));
}

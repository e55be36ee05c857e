//! Ids and times find their index.

use std::sync::Arc;

use super::fixtures::*;
use crate::domain::{Change, Entropy, EventId, Head, SeriesMode, TaskEvent, Timestamp};
use crate::ports::{NewLog, Seek};

async fn by_id(store: &Store, event: &EventId) -> Option<u64> {
    store.seek(&id("a"), Seek::Id(event.clone())).await.expect("it is looked for")
}

async fn by_time(store: &Store, at: Timestamp) -> Option<u64> {
    store.seek(&id("a"), Seek::After(at)).await.expect("it is looked for")
}

/// Dropped, hidden, erased or just there.
pub async fn an_id_finds_its_index_whatever_happened_to_the_event(store: Store) {
    let stamp = create(&store, "a").await;
    let events: Vec<_> =
        (0..8).map(|index| Arc::new(member(event("a", index), "s", SeriesMode::Latest))).collect();
    let stamp = commit(&store, Change { events: events.clone(), ..Change::empty(id("a"), stamp) }).await;
    let change =
        Change { dropped: vec![1, 2], hidden: vec![3], erased: vec![2, 4], ..Change::empty(id("a"), stamp) };
    commit(&store, change).await;
    for event in events {
        assert_eq!(by_id(&store, &event.id).await, Some(event.index));
    }
}

/// Neither ids of other logs, nor ids that only resemble one, nor texts of any kind.
pub async fn an_id_that_is_not_there_finds_nothing(store: Store) {
    grow(&store, "a", 3).await;
    let compose = |index, entropy| EventId::compose(time_of(index), index, Entropy::new(entropy));
    for event in [compose(1, 0xBEE0), compose(3, 0xBEEF), compose(u64::from(u32::MAX), 0xBEEF)] {
        assert_eq!(by_id(&store, &event).await, None);
    }
    let lower_case = event("a", 1).id.to_string().to_lowercase();
    for text in ["", "0", "no such id", &lower_case] {
        assert_eq!(by_id(&store, &EventId::from_text(text)).await, None);
    }
}

/// Also when an id looks as if it stood elsewhere.
pub async fn ids_of_an_imported_log_are_found_anywhere(store: Store) {
    let misplaced = |index| EventId::compose(Timestamp(7), index, Entropy::new(1));
    let ids = [
        EventId::from_text("first"),
        misplaced(4),
        EventId::from_text("42"),
        EventId::from_text("Ünï \"quoted\""),
        misplaced(0),
        misplaced(77),
        misplaced(6),
        misplaced(8),
    ];
    let events =
        (0..).zip(&ids).map(|(index, id)| Arc::new(TaskEvent { id: id.clone(), ..event("a", index) }));
    let head = Head { imported: true, ..head("a", 1) };
    let log = NewLog { events: events.collect(), ..log_of(head) };
    store.create(log).await.expect("the id is free");
    commit(&store, Change { dropped: vec![2], erased: vec![4], ..append("a", at(8), 1) }).await;
    for (index, id) in (0..).zip(&ids) {
        assert_eq!(by_id(&store, id).await, Some(index), "{id}");
    }
    assert_eq!(by_id(&store, &event("a", 8).id).await, Some(8));
    for text in ["4", "First", "42 "] {
        assert_eq!(by_id(&store, &EventId::from_text(text)).await, None);
    }
}

/// Of several at the same time the first, and the end of the log when there is none.
pub async fn a_time_finds_the_first_later_event(store: Store) {
    let stamp = create(&store, "a").await;
    assert_eq!(by_time(&store, Timestamp(0)).await, Some(0));
    let times = [10, 10, 20, 20, 20, 30, 30];
    let events = (0..)
        .zip(times)
        .map(|(index, time)| Arc::new(TaskEvent { timestamp: Timestamp(time), ..event("a", index) }));
    let stamp = commit(&store, Change { events: events.collect(), ..Change::empty(id("a"), stamp) }).await;
    let expected = [(0, 0), (9, 0), (10, 2), (11, 2), (19, 2), (20, 5), (29, 5), (30, 7), (i64::MAX, 7)];
    for (time, index) in expected {
        assert_eq!(by_time(&store, Timestamp(time)).await, Some(index), "{time}");
    }
    let change =
        Change { dropped: vec![2, 4], erased: vec![5], hidden: vec![0], ..Change::empty(id("a"), stamp) };
    commit(&store, change).await;
    for (time, index) in expected {
        assert_eq!(by_time(&store, Timestamp(time)).await, Some(index), "{time}");
    }
}

/// Times of an imported log are whatever they were.
pub async fn a_time_finds_the_first_later_event_of_an_unsorted_log(store: Store) {
    let times = [50, 10, 90, 20, 90, -5];
    let events = (0..)
        .zip(times)
        .map(|(index, time)| Arc::new(TaskEvent { timestamp: Timestamp(time), ..event("a", index) }));
    let head = Head { imported: true, ..head("a", 1) };
    store.create(NewLog { events: events.collect(), ..log_of(head) }).await.expect("the id is free");
    for (time, index) in [(-6, 0), (49, 0), (50, 2), (89, 2), (90, 6)] {
        assert_eq!(by_time(&store, Timestamp(time)).await, Some(index), "{time}");
    }
}

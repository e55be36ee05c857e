//! Tasks, events and changes for the promises.

use std::sync::Arc;

use crate::domain::{
    Change, Entropy, EventId, Head, Json, Level, NewTask, Series, SeriesMode, Stamp, TaskEvent, TaskId,
    Timestamp,
};
use crate::ports::{NewLog, Range, Slot, TaskStore};

/// The store of a promise.
pub(super) type Store = Arc<dyn TaskStore>;

/// The incarnation of every log whose promise does not care.
pub(super) const INCARNATION: u64 = 0x8000_0000_0000_0007;

pub(super) fn id(name: &str) -> TaskId {
    TaskId::parse(name).expect("names in the suite are ids")
}

/// A pending task created at `created_at`.
pub(super) fn head(name: &str, created_at: i64) -> Head {
    NewTask::default().into_head(id(name), Timestamp(created_at))
}

/// An empty log with this head.
pub(super) fn log_of(head: Head) -> NewLog {
    NewLog {
        head: Arc::new(head),
        incarnation: INCARNATION,
        events: Vec::new(),
        hidden: Vec::new(),
        replace: false,
        fresh: false,
    }
}

/// The stamp of a log of which no change left out an event.
pub(super) fn at(version: u64) -> Stamp {
    Stamp { incarnation: INCARNATION, version, revision: 0 }
}

/// The time of the event at `index`.
pub(super) fn time_of(index: u64) -> Timestamp {
    Timestamp(1_700_000_000_000).plus_millis(index * 10)
}

/// The plain event at `index`, with a payload of 16 bytes as long as `index` has five digits at most.
pub(super) fn event(name: &str, index: u64) -> TaskEvent {
    let timestamp = time_of(index);
    TaskEvent {
        id: EventId::compose(timestamp, index, Entropy::new(0xBEEF)),
        task_id: id(name),
        index,
        timestamp,
        event_type: "test.event".into(),
        level: Level::Info,
        data: Json::parse(&format!(r#"{{"n":"{index:08}"}}"#)).expect("a payload in the suite is JSON"),
        series: None,
        client: None,
        snapshot: false,
    }
}

/// The same event as a member of a series.
pub(super) fn member(event: TaskEvent, series: &str, mode: SeriesMode) -> TaskEvent {
    let series = Series { id: Some(series.into()), mode: Some(mode), acc_field: None };
    TaskEvent { series: Some(Box::new(series)), ..event }
}

/// The plain events at these indexes.
pub(super) fn events(name: &str, indexes: std::ops::Range<u64>) -> Vec<Arc<TaskEvent>> {
    indexes.map(|index| Arc::new(event(name, index))).collect()
}

/// A change that appends `count` plain events at `expected`.
pub(super) fn append(name: &str, expected: Stamp, count: u64) -> Change {
    let events = events(name, expected.version..expected.version + count);
    Change { events, ..Change::empty(id(name), expected) }
}

/// Creates an empty log.
pub(super) async fn create(store: &Store, name: &str) -> Stamp {
    store.create(log_of(head(name, 1))).await.expect("the id is free");
    at(0)
}

/// Creates a log and appends `count` plain events.
pub(super) async fn grow(store: &Store, name: &str, count: u64) -> Stamp {
    let stamp = create(store, name).await;
    commit(store, append(name, stamp, count)).await
}

/// Commits what must not fail; gives where the log is then.
pub(super) async fn commit(store: &Store, change: Change) -> Stamp {
    let next = change.next_stamp();
    store.commit(Arc::new(change)).await.expect("the log is where the change expects it");
    next
}

/// Where the log is.
pub(super) async fn stamp(store: &Store, name: &str) -> Option<Stamp> {
    store.stamps(&[id(name)]).await.expect("stamps are read")[0]
}

/// The whole log, page by page.
pub(super) async fn slots(store: &Store, name: &str, range: Range) -> Vec<Slot> {
    let (mut slots, mut from) = (Vec::new(), range.from);
    loop {
        let page = store.events(&id(name), Range { from, ..range }).await.expect("a page is read");
        let indexes: Vec<u64> = page.slots.iter().map(Slot::index).collect();
        assert_eq!(indexes, (from..page.next).collect::<Vec<_>>(), "a page leaves nothing out");
        assert!(indexes.len() <= range.max_slots.max(1), "a page holds at most as many slots as asked for");
        if page.slots.is_empty() {
            return slots;
        }
        from = page.next;
        slots.extend(page.slots);
    }
}

/// The whole log as one range.
pub(super) fn everything() -> Range {
    Range::new(0, u64::MAX)
}

/// The slot at `index`.
pub(super) async fn slot(store: &Store, name: &str, index: u64) -> Slot {
    slots(store, name, Range::new(index, index + 1)).await.remove(0)
}

/// What is left of `event`.
pub(super) fn place(event: &TaskEvent, series: Option<&str>) -> Slot {
    Slot::Gone {
        index: event.index,
        id: event.id.clone(),
        timestamp: event.timestamp,
        event_type: Arc::clone(&event.event_type),
        level: event.level,
        series: series.map(Into::into),
    }
}

/// Asserts that the log is at `stamp` and holds `events`, all visible.
pub(super) async fn assert_log(store: &Store, name: &str, at: Stamp, events: &[Arc<TaskEvent>]) {
    assert_eq!(stamp(store, name).await, Some(at));
    let visible: Vec<Slot> = events.iter().cloned().map(Slot::Visible).collect();
    assert_eq!(slots(store, name, everything()).await, visible);
}

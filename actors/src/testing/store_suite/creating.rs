//! Logs come into being as a whole, once.

use std::sync::Arc;

use super::fixtures::*;
use crate::domain::{Change, Checkpoint, CheckpointChange, EventId, Stamp, TaskEvent, Timestamp};
use crate::ports::{CommitError, CreateError, NewLog, Range, Seek, Slot, StoreError, TaskQuery};

/// Head and stamp are there, events and checkpoint are not.
pub async fn a_new_log_is_at_its_beginning(store: Store) {
    let head = head("a", 5);
    let created = store.create(log_of(head.clone())).await.expect("the id is free");
    assert!(!created.replaced);
    let loaded = store.load(&id("a")).await.expect("it is read").expect("it is there");
    assert_eq!((&*loaded.head, loaded.stamp, loaded.checkpoint), (&head, at(0), None));
    let (read, stamp) = store.head(&id("a")).await.expect("it is read").expect("it is there");
    assert_eq!((&*read, stamp), (&head, at(0)));
    assert_log(&store, "a", at(0), &[]).await;
}

/// No operation finds a task by an id that was never used.
pub async fn what_was_never_created_is_nowhere(store: Store) {
    create(&store, "other").await;
    let nobody = id("nobody");
    assert!(store.load(&nobody).await.expect("it is read").is_none());
    assert!(store.head(&nobody).await.expect("it is read").is_none());
    let stamps = store.stamps(&[nobody.clone(), id("other"), nobody.clone()]).await;
    assert_eq!(stamps, Ok(vec![None, Some(at(0)), None]));
    let page = store.events(&nobody, Range::new(3, 9)).await.expect("it is read");
    assert_eq!((page.slots.len(), page.next), (0, 3));
    let strict = Range { incarnation: Some(INCARNATION), ..everything() };
    assert_eq!(store.events(&nobody, strict).await, Err(StoreError::Gone));
    assert_eq!(store.seek(&nobody, Seek::Id(EventId::from_text("x"))).await, Ok(None));
    assert_eq!(store.seek(&nobody, Seek::After(Timestamp(0))).await, Ok(None));
    assert_eq!(store.delete(&nobody, INCARNATION).await, Ok(false));
    let change = Arc::new(append("nobody", at(0), 1));
    assert_eq!(store.commit(change).await, Err(CommitError::Conflict));
    assert_eq!(stamp(&store, "nobody").await, None);
}

/// The second create changes nothing.
pub async fn an_id_is_taken_only_once(store: Store) {
    let stamp = grow(&store, "a", 2).await;
    let second = NewLog { incarnation: 1, events: events("a", 0..1), ..log_of(head("a", 99)) };
    assert_eq!(store.create(second).await, Err(CreateError::Exists));
    assert_log(&store, "a", stamp, &events("a", 0..2)).await;
    let (read, _) = store.head(&id("a")).await.expect("it is read").expect("it is there");
    assert_eq!(*read, head("a", 1));
}

/// Whoever was told of success finds the own log.
pub async fn of_concurrent_creates_of_one_id_one_wins(store: Store) {
    let tasks = (0..16).map(|incarnation| {
        let store = Arc::clone(&store);
        let log = NewLog { incarnation, ..log_of(head("a", 1)) };
        tokio::spawn(async move { (incarnation, store.create(log).await) })
    });
    let mut winners = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        match task.await.expect("no panic") {
            (incarnation, Ok(created)) => winners.push((incarnation, created.replaced)),
            (_, error) => assert_eq!(error, Err(CreateError::Exists)),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(stamp(&store, "a").await.map(|stamp| (stamp.incarnation, false)), Some(winners[0]));
}

/// Events with their indexes, hidden ones included.
pub async fn a_log_can_be_created_with_events(store: Store) {
    let events = events("a", 0..4);
    let log = NewLog { events: events.clone(), hidden: vec![1, 3], ..log_of(head("a", 1)) };
    store.create(log).await.expect("the id is free");
    let shown = |event: Arc<TaskEvent>| match event.index {
        1 | 3 => Slot::Hidden(event),
        _ => Slot::Visible(event),
    };
    assert_eq!(slots(&store, "a", everything()).await, events.into_iter().map(shown).collect::<Vec<_>>());
    assert_eq!(stamp(&store, "a").await, Some(at(4)));
    commit(&store, append("a", at(4), 1)).await;
}

/// Nothing of the old log is left, and who knew the old one cannot write to the new one.
pub async fn a_replacement_takes_the_place_as_a_whole(store: Store) {
    let mut old = grow(&store, "a", 5).await;
    let checkpoint = CheckpointChange::Put(Checkpoint { version: 5, bytes: b"old".as_slice().into() });
    old = commit(&store, Change { checkpoint, ..Change::empty(id("a"), old) }).await;
    let events = events("a", 0..2);
    let log = NewLog { incarnation: 3, events: events.clone(), replace: true, ..log_of(head("a", 44)) };
    assert!(store.create(log).await.expect("it may be replaced").replaced);

    assert_log(&store, "a", Stamp { incarnation: 3, version: 2, revision: 0 }, &events).await;
    let loaded = store.load(&id("a")).await.expect("it is read").expect("it is there");
    assert_eq!((&*loaded.head, loaded.checkpoint), (&head("a", 44), None));
    assert_eq!(store.commit(Arc::new(append("a", old, 1))).await, Err(CommitError::Conflict));
    assert_eq!(store.delete(&id("a"), INCARNATION).await, Err(CommitError::Conflict));
    let strict = Range { incarnation: Some(INCARNATION), ..everything() };
    assert_eq!(store.events(&id("a"), strict).await, Err(StoreError::Gone));
    let listing = store.list(&TaskQuery { limit: 9, ..TaskQuery::default() }).await.expect("it is listed");
    assert_eq!(listing.tasks, [Arc::new(head("a", 44))]);
}

/// Being allowed to replace is not the same as having to.
pub async fn replacing_nothing_just_creates(store: Store) {
    let log = NewLog { replace: true, ..log_of(head("a", 1)) };
    assert!(!store.create(log).await.expect("the id is free").replaced);
    assert_log(&store, "a", at(0), &[]).await;
}

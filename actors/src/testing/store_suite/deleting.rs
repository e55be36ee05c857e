//! What is deleted is gone, with everything that belonged to it.

use std::sync::Arc;

use super::fixtures::*;
use crate::domain::{Change, Checkpoint, CheckpointChange, Head, Stamp, Timestamp};
use crate::ports::{CommitError, NewLog, Range, Seek, StoreError, TaskQuery};

/// And a second delete says so.
pub async fn a_deleted_task_is_nowhere(store: Store) {
    let head = Head { deadline: Some(Timestamp(1)), ..head("a", 1) };
    store.create(log_of(head)).await.expect("the id is free");
    grow(&store, "other", 3).await;
    let stamp = commit(&store, append("a", at(0), 3)).await;
    assert_eq!(store.delete(&id("a"), INCARNATION).await, Ok(true));
    assert_eq!(store.delete(&id("a"), INCARNATION).await, Ok(false));

    assert!(store.load(&id("a")).await.expect("it is read").is_none());
    assert_eq!(stamp_of_both(&store).await, (None, Some(at(3))));
    assert_eq!(slots(&store, "a", everything()).await, []);
    let strict = Range { incarnation: Some(INCARNATION), ..everything() };
    assert_eq!(store.events(&id("a"), strict).await, Err(StoreError::Gone));
    assert_eq!(store.seek(&id("a"), Seek::Id(event("a", 1).id)).await, Ok(None));
    assert_eq!(store.due(Timestamp(9), None, 9).await, Ok(vec![]));
    let listing = store.list(&TaskQuery { limit: 9, ..TaskQuery::default() }).await.expect("it is listed");
    assert_eq!(listing.tasks.len(), 1);
    assert_eq!(store.commit(Arc::new(append("a", stamp, 1))).await, Err(CommitError::Conflict));
    assert_log(&store, "other", at(3), &events("other", 0..3)).await;
}

async fn stamp_of_both(store: &Store) -> (Option<Stamp>, Option<Stamp>) {
    (stamp(store, "a").await, stamp(store, "other").await)
}

/// A sweeper that slept through a delete and a new create harms nobody.
pub async fn another_incarnation_is_not_deleted(store: Store) {
    let stamp = grow(&store, "a", 2).await;
    assert_eq!(store.delete(&id("a"), INCARNATION ^ 1).await, Err(CommitError::Conflict));
    assert_log(&store, "a", stamp, &events("a", 0..2)).await;
}

/// It has nothing in common with the one before.
pub async fn a_log_that_is_created_again_starts_at_its_beginning(store: Store) {
    let stamp = grow(&store, "a", 5).await;
    let checkpoint = CheckpointChange::Put(Checkpoint { version: 5, bytes: b"old".as_slice().into() });
    let old = commit(&store, Change { checkpoint, ..Change::empty(id("a"), stamp) }).await;
    assert_eq!(store.delete(&id("a"), INCARNATION).await, Ok(true));
    let log = NewLog { incarnation: 1, ..log_of(head("a", 2)) };
    assert!(!store.create(log).await.expect("the id is free").replaced);

    let fresh = Stamp { incarnation: 1, version: 0, revision: 0 };
    let loaded = store.load(&id("a")).await.expect("it is read").expect("it is there");
    assert_eq!((loaded.stamp, loaded.checkpoint), (fresh, None));
    assert_log(&store, "a", fresh, &[]).await;
    assert_eq!(store.commit(Arc::new(append("a", old, 1))).await, Err(CommitError::Conflict));
    assert_eq!(store.commit(Arc::new(append("a", at(0), 1))).await, Err(CommitError::Conflict));
    commit(&store, append("a", fresh, 2)).await;
    assert_eq!(store.seek(&id("a"), Seek::Id(event("a", 4).id)).await, Ok(None));
}

/// Whatever a store still has to do behind the scenes.
pub async fn a_long_log_disappears_at_once(store: Store) {
    grow(&store, "a", 3000).await;
    grow(&store, "other", 10).await;
    assert_eq!(store.delete(&id("a"), INCARNATION).await, Ok(true));
    assert_eq!(slots(&store, "a", everything()).await, []);
    grow(&store, "a", 1).await;
    assert_log(&store, "a", at(1), &events("a", 0..1)).await;
    let log = NewLog { replace: true, events: events("a", 0..2000), ..log_of(head("a", 1)) };
    assert!(store.create(log).await.expect("it may be replaced").replaced);
    commit(&store, append("other", at(10), 5)).await;
    assert_log(&store, "other", at(15), &events("other", 0..15)).await;
    assert_log(&store, "a", at(2000), &events("a", 0..2000)).await;
}

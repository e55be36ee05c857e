//! A commit is made as a whole, where it was expected to be made, or not at all.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::fixtures::*;
use crate::domain::{Change, Checkpoint, CheckpointChange, Head, Stamp, TaskStatus, Timestamp};
use crate::ports::{CommitError, Slot};

/// Indexes go on where they ended.
pub async fn a_commit_appends_and_moves_the_version(store: Store) {
    let mut stamp = create(&store, "a").await;
    for count in [1, 3, 2] {
        stamp = commit(&store, append("a", stamp, count)).await;
    }
    assert_eq!(stamp, at(6));
    assert_log(&store, "a", at(6), &events("a", 0..6)).await;
}

/// So that two changes without events cannot both be made at one stamp.
pub async fn a_commit_without_events_moves_the_revision(store: Store) {
    let stamp = grow(&store, "a", 2).await;
    let change = Change { head: Some(Arc::new(head("a", 1))), ..Change::empty(id("a"), stamp) };
    let next = commit(&store, change.clone()).await;
    assert_eq!(next, Stamp { revision: 1, ..stamp });
    assert_eq!(store.commit(Arc::new(change)).await, Err(CommitError::Conflict));
    assert_log(&store, "a", next, &events("a", 0..2)).await;
}

/// A change of everything, which must not be made at `expected`.
async fn assert_conflict(store: &Store, expected: Stamp) {
    let mut stamp = grow(store, "a", 3).await;
    stamp = commit(store, Change::empty(id("a"), stamp)).await;
    let failed = Head { deadline: Some(Timestamp(1)), ..head("a", 9) };
    let change = Change {
        head: Some(Arc::new(failed)),
        events: events("a", 3..4),
        dropped: vec![0],
        hidden: vec![1],
        erased: vec![2],
        checkpoint: CheckpointChange::Put(Checkpoint { version: 3, bytes: b"x".as_slice().into() }),
        ..Change::empty(id("a"), expected)
    };
    assert_eq!(store.commit(Arc::new(change)).await, Err(CommitError::Conflict));
    assert_log(store, "a", stamp, &events("a", 0..3)).await;
    let loaded = store.load(&id("a")).await.expect("it is read").expect("it is there");
    assert_eq!((&*loaded.head, loaded.stamp, loaded.checkpoint), (&head("a", 1), stamp, None));
    assert_eq!(store.due(Timestamp(i64::MAX), None, 9).await, Ok(vec![]));
}

/// And writes nothing.
pub async fn a_commit_at_another_incarnation_conflicts(store: Store) {
    assert_conflict(&store, Stamp { incarnation: INCARNATION + 1, version: 3, revision: 1 }).await;
}

/// And writes nothing.
pub async fn a_commit_at_another_version_conflicts(store: Store) {
    assert_conflict(&store, Stamp { incarnation: INCARNATION, version: 2, revision: 1 }).await;
}

/// And writes nothing.
pub async fn a_commit_at_another_revision_conflicts(store: Store) {
    assert_conflict(&store, Stamp { incarnation: INCARNATION, version: 3, revision: 0 }).await;
}

/// Whatever is raced for: here the last word on a task.
pub async fn of_concurrent_commits_at_one_stamp_one_wins(store: Store) {
    let mut stamp = create(&store, "a").await;
    for round in 0..20 {
        let racers = (0..8).map(|racer| {
            let mut head = head("a", 1);
            head.task.reason = Some(format!("{round}-{racer}"));
            let change = Change { head: Some(Arc::new(head)), ..append("a", stamp, 1 + racer % 2) };
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.commit(Arc::new(change.clone())).await.map(|()| change) })
        });
        let answers = join_all(racers.collect::<Vec<_>>()).await;
        let (won, lost): (Vec<_>, Vec<_>) =
            answers.into_iter().map(|a| a.expect("no panic")).partition(Result::is_ok);
        assert!(lost.iter().all(|answer| *answer == Err(CommitError::Conflict)));
        let [Ok(winner)] = &won[..] else { panic!("{} won", won.len()) };
        stamp = winner.next_stamp();
        let (read, at) = store.head(&id("a")).await.expect("it is read").expect("it is there");
        assert_eq!((Some(read), at), (winner.head.clone(), stamp));
    }
    assert_log(&store, "a", stamp, &events("a", 0..stamp.version)).await;
}

/// Several writers that look again after a conflict, as actors on several instances do.
pub async fn writers_that_try_again_leave_no_hole(store: Store) {
    create(&store, "a").await;
    let writers = (0..6).map(|writer: u64| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut left = 10;
            while left > 0 {
                let expected = stamp(&store, "a").await.expect("it is there");
                let mut change = append("a", expected, 1);
                Arc::make_mut(&mut change.events[0]).event_type = format!("{writer}").into();
                left -= u64::from(store.commit(Arc::new(change)).await.is_ok());
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no panic");
    }
    let slots = slots(&store, "a", everything()).await;
    assert_eq!(slots.len(), 60);
    for writer in 0..6 {
        let own =
            |slot: &&Slot| matches!(slot, Slot::Visible(event) if *event.event_type == *writer.to_string());
        assert_eq!(slots.iter().filter(own).count(), 10);
    }
}

/// Commits that arrive together share work, but not their fate.
pub async fn a_conflict_harms_nobody_else(store: Store) {
    let names: Vec<String> = (0..20).map(|n| format!("task-{n}")).collect();
    for name in &names {
        create(&store, name).await;
    }
    let commits = names.iter().enumerate().map(|(n, name)| {
        let stamp = if n % 5 == 2 { at(1) } else { at(0) };
        store.commit(Arc::new(append(name, stamp, 2)))
    });
    for (n, answer) in join_all(commits).await.into_iter().enumerate() {
        assert_eq!(answer, if n % 5 == 2 { Err(CommitError::Conflict) } else { Ok(()) });
        let count = if n % 5 == 2 { 0 } else { 2 };
        assert_log(&store, &names[n], at(count), &events(&names[n], 0..count)).await;
    }
}

/// Head and events of one change are there together.
pub async fn a_head_changes_only_with_a_commit_that_says_so(store: Store) {
    let mut stamp = create(&store, "a").await;
    let mut running = head("a", 1);
    running.task.status = TaskStatus::Running;
    let change = Change { head: Some(Arc::new(running.clone())), ..append("a", stamp, 1) };
    stamp = commit(&store, change).await;
    stamp = commit(&store, append("a", stamp, 1)).await;
    let (read, at) = store.head(&id("a")).await.expect("it is read").expect("it is there");
    assert_eq!((&*read, at), (&running, stamp));
}

/// It is bytes to the store.
pub async fn a_checkpoint_is_kept_replaced_and_removed(store: Store) {
    let mut stamp = grow(&store, "a", 1).await;
    let checkpoint = |version, bytes: &[u8]| Checkpoint { version, bytes: bytes.into() };
    let (first, second) = (checkpoint(1, b"{\"a\":1}"), checkpoint(2, b"\x00\xff\xfe"));
    let steps = [
        (CheckpointChange::Keep, None),
        (CheckpointChange::Put(first.clone()), Some(first.clone())),
        (CheckpointChange::Keep, Some(first)),
        (CheckpointChange::Put(second.clone()), Some(second)),
        (CheckpointChange::Remove, None),
        (CheckpointChange::Remove, None),
    ];
    for (checkpoint, expected) in steps {
        stamp = commit(&store, Change { checkpoint, ..append("a", stamp, 1) }).await;
        let loaded = store.load(&id("a")).await.expect("it is read").expect("it is there");
        assert_eq!((loaded.stamp, loaded.checkpoint), (stamp, expected));
    }
}

/// A future that is dropped half-way has written everything or nothing, in the end.
pub async fn a_caller_that_goes_away_tears_nothing(store: Store) {
    let mut stamp = create(&store, "a").await;
    for _ in 0..20 {
        let change = Arc::new(append("a", stamp, 3));
        let _ = store.commit(Arc::clone(&change)).now_or_never();
        match store.commit(Arc::clone(&change)).await {
            Ok(()) | Err(CommitError::Conflict) => stamp = change.next_stamp(),
            Err(error) => panic!("{error}"),
        }
    }
    assert_log(&store, "a", at(60), &events("a", 0..60)).await;
}

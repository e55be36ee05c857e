//! What the archive lacks, and the word that it has it.

use taskcast::stores::mark::Mark;
use taskcast::stores::redis::{Ahead, Archived, Lookup, Snapshot, Touched};
use taskcast_actors::domain::{Change, Checkpoint, CheckpointChange};

use super::*;

pub(super) async fn snapshot(store: &RedisStore, name: &str) -> Snapshot {
    store.snapshot(&id(name), 1000, 1 << 20).await.unwrap().hot().expect("it is here")
}

/// The tasks that are ahead, in whichever partition.
pub(super) async fn ahead(store: &RedisStore) -> Vec<Ahead> {
    let mut all = Vec::new();
    for partition in 0..16 {
        all.extend(store.ahead(partition, 1000).await.unwrap());
    }
    all
}

#[tokio::test]
async fn a_task_is_ahead_since_its_first_change_until_the_archive_has_it() {
    let store = open(Redis::shared().await, true).await;
    assert_eq!(store.lag(Timestamp(i64::MAX)).await.unwrap().tasks, 0);
    store.create(log("a", 2)).await.unwrap();
    let first = ahead(&store).await;
    assert_eq!(first.len(), 1);
    store.commit(append("a", 2, "{}")).await.unwrap();
    assert_eq!(ahead(&store).await, first);
    let lag = store.lag(first[0].since.plus_millis(500)).await.unwrap();
    assert_eq!((lag.tasks, lag.millis), (1, 500));

    assert_eq!(store.mark_archived(&id("a"), stamp(2)).await, Ok(Archived::Behind));
    let again = ahead(&store).await;
    assert!(again.len() == 1 && again[0].since >= first[0].since);
    assert_eq!(store.mark_archived(&id("a"), stamp(3)).await, Ok(Archived::All));
    assert_eq!(ahead(&store).await, []);
    assert_eq!(
        store.mark_archived(&id("a"), stamp(2)).await,
        Ok(Archived::Behind),
        "a late word changes nothing"
    );
    assert_eq!(snapshot(&store, "a").await.archived, Some(stamp(3)));
    let other = Stamp { incarnation: 2, ..stamp(3) };
    assert_eq!(store.mark_archived(&id("a"), other).await, Ok(Archived::Moved));
    assert_eq!(store.mark_archived(&id("nobody"), stamp(3)).await, Ok(Archived::Moved));
    store.commit(append("a", 3, "{}")).await.unwrap();
    assert_eq!(ahead(&store).await.len(), 1);
}

#[tokio::test]
async fn a_snapshot_holds_all_that_the_archive_lacks() {
    let store = open(Redis::shared().await, true).await;
    store.create(log("a", 4)).await.unwrap();
    let new = snapshot(&store, "a").await;
    assert_eq!((new.stamp, new.archived, new.base, new.first), (stamp(4), None, 0, 0));
    assert_eq!((new.slots.len(), &new.touched[..], new.is_all()), (4, &[][..], true));
    assert_eq!(*new.head, head("a"));
    store.mark_archived(&id("a"), stamp(4)).await.unwrap();

    let checkpoint = Checkpoint { version: 5, bytes: b"\x00x".as_slice().into() };
    let change = Change {
        dropped: vec![0, 4],
        hidden: vec![1],
        checkpoint: CheckpointChange::Put(checkpoint.clone()),
        ..Change::clone(&append("a", 4, "1"))
    };
    store.commit(Arc::new(change)).await.unwrap();
    store.commit(Arc::new(Change { erased: vec![0, 2], ..Change::empty(id("a"), stamp(5)) })).await.unwrap();
    let later = snapshot(&store, "a").await;
    assert_eq!(later.checkpoint, Some(checkpoint));
    assert_eq!((later.archived, later.first, later.slots.len()), (Some(stamp(4)), 4, 1));
    assert!(matches!(later.slots[0], Slot::Gone { index: 4, .. }));
    let mut touched: Vec<_> = later.touched.iter().map(|slot| (slot.index, slot.mark)).collect();
    touched.sort_unstable();
    assert_eq!(touched, [(0, Mark::Erased), (1, Mark::Hidden), (2, Mark::Erased)]);
}

#[tokio::test]
async fn a_snapshot_has_bounds_and_says_where_to_go_on() {
    let store = open(Redis::shared().await, true).await;
    store.create(log("a", 3000)).await.unwrap();
    let first = store.snapshot(&id("a"), 100, 1 << 20).await.unwrap().hot().unwrap();
    assert_eq!((first.slots.len(), first.next(), first.is_all()), (100, 100, false));
    let small = store.snapshot(&id("a"), 100, 1).await.unwrap().hot().unwrap();
    assert_eq!(small.slots.len(), 1);
    store.mark_archived(&id("a"), stamp(3000)).await.unwrap();

    store
        .commit(Arc::new(Change { erased: (0..2500).collect(), ..Change::empty(id("a"), stamp(3000)) }))
        .await
        .unwrap();
    let mut seen = Vec::new();
    loop {
        let part = store.snapshot(&id("a"), 1000, 1 << 20).await.unwrap().hot().unwrap();
        assert!(part.touched.len() <= 1000 && part.slots.is_empty());
        seen.extend(part.touched.iter().map(|slot| slot.index));
        if part.touched_is_all {
            break;
        }
        store.settle(&id("a"), 1, &part.touched).await.unwrap();
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..2500).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_touched_again_is_not_settled() {
    let store = open(Redis::shared().await, true).await;
    store.create(log("a", 3)).await.unwrap();
    store.mark_archived(&id("a"), stamp(3)).await.unwrap();
    let change = |revision, dropped: &[u64], erased: &[u64]| {
        let at = Stamp { revision, ..stamp(3) };
        let (dropped, erased) = (dropped.to_vec(), erased.to_vec());
        store.commit(Arc::new(Change { dropped, erased, ..Change::empty(id("a"), at) }))
    };
    change(0, &[0, 1], &[]).await.unwrap();
    let first = snapshot(&store, "a").await.touched;
    change(1, &[], &[1]).await.unwrap();
    store.settle(&id("a"), 1, &first).await.unwrap();
    assert_eq!(snapshot(&store, "a").await.touched, [Touched { index: 1, weight: 5, mark: Mark::Erased }]);
    store.mark_archived(&id("a"), Stamp { revision: 1, ..stamp(3) }).await.unwrap();
    assert_eq!(snapshot(&store, "a").await.touched.len(), 1);
    store.mark_archived(&id("a"), Stamp { revision: 2, ..stamp(3) }).await.unwrap();
    assert_eq!(snapshot(&store, "a").await.touched, []);
}

#[tokio::test]
async fn a_log_that_takes_the_place_of_others_says_which() {
    let store = open(Redis::shared().await, true).await;
    store.create(log("a", 2)).await.unwrap();
    assert!(snapshot(&store, "a").await.over.is_empty());
    store.mark_archived(&id("a"), stamp(2)).await.unwrap();
    for incarnation in [2, u64::MAX] {
        store.create(NewLog { incarnation, replace: true, ..log("a", 1) }).await.unwrap();
    }
    let replaced = snapshot(&store, "a").await;
    assert_eq!((&replaced.over[..], replaced.archived), (&[1, 2][..], None));
    store.mark_archived(&id("a"), replaced.stamp).await.unwrap();
    assert!(snapshot(&store, "a").await.over.is_empty());
}

#[tokio::test]
async fn a_deleted_task_leaves_a_tombstone_until_the_archive_has_forgotten_it() {
    let store = open(Redis::shared().await, true).await;
    store.create(log("a", 2)).await.unwrap();
    store.mark_archived(&id("a"), stamp(2)).await.unwrap();
    store.create(NewLog { incarnation: 2, replace: true, ..log("a", 1) }).await.unwrap();
    assert_eq!(store.delete(&id("a"), 2).await, Ok(true));
    assert_eq!(store.probe_load(&id("a")).await.unwrap().hot().map(|task| task.stamp), None);
    assert!(matches!(store.probe_head(&id("a")).await.unwrap(), Lookup::Tomb));
    assert!(matches!(store.probe_page(&id("a"), Range::new(0, 9)).await.unwrap(), Lookup::Tomb));
    assert!(matches!(store.snapshot(&id("a"), 9, 9).await.unwrap(), Lookup::Tomb));
    assert_eq!(store.delete(&id("a"), 2).await, Ok(false));
    assert_eq!(store.tombstone(&id("a")).await.unwrap(), Some(vec![1, 2]));
    assert_eq!(ahead(&store).await.len(), 1);

    store.create(NewLog { incarnation: 3, ..log("a", 0) }).await.unwrap();
    assert_eq!(snapshot(&store, "a").await.over, [1, 2]);
    assert_eq!(store.tombstone(&id("a")).await.unwrap(), None);
    assert_eq!(store.bury(&id("a"), &[1, 2]).await, Ok(false));
    store.delete(&id("a"), 3).await.unwrap();
    assert_eq!(store.bury(&id("a"), &[1, 2]).await, Ok(false));
    assert_eq!(store.bury(&id("a"), &[1, 2, 3]).await, Ok(true));
    assert_eq!(ahead(&store).await, []);
    assert!(matches!(store.probe_head(&id("a")).await.unwrap(), Lookup::Absent { whole: false }));
}

#[tokio::test]
async fn a_lease_is_held_by_one_until_it_is_given_back_or_runs_out() {
    let store = open(Redis::shared().await, true).await;
    let minute = Duration::from_secs(60);
    assert_eq!(store.lease(1, "me", minute).await, Ok(true));
    assert_eq!(store.lease(1, "you", minute).await, Ok(false));
    assert_eq!(store.lease(2, "you", minute).await, Ok(true));
    assert_eq!(store.lease(1, "me", minute).await, Ok(true));
    store.unlease(1, "you").await.unwrap();
    assert_eq!(store.lease(1, "you", minute).await, Ok(false));
    store.unlease(1, "me").await.unwrap();
    assert_eq!(store.lease(1, "you", Duration::from_millis(1)).await, Ok(true));
    let free = async || store.lease(1, "me", minute).await.unwrap().then_some(());
    crate::support::wait_until("the lease runs out", free).await;
}

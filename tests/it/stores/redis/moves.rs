//! Tasks that leave for an archive and come back.

use taskcast::stores::mark::Mark;
use taskcast::stores::redis::{Archived, HotPage, Idle, Lookup, Restored};
use taskcast_actors::domain::{Change, Checkpoint, Head};
use taskcast_actors::ports::{CommitError, CreateError, Loaded, Seek, StoreError, TaskQuery};

use super::tier::{ahead, snapshot};
use super::*;

/// A store in which `a` of four events is archived.
async fn archived() -> RedisStore {
    let store = open(Redis::shared().await, true).await;
    store.init_tier(true).await.unwrap();
    let timed = Head { deadline: Some(Timestamp(9)), ..head("a") };
    store.create(NewLog { head: Arc::new(timed), ..log("a", 4) }).await.unwrap();
    assert_eq!(store.mark_archived(&id("a"), stamp(4)).await, Ok(Archived::All));
    store
}

/// What an archive would give back of `a`.
async fn released(store: &RedisStore) -> Loaded {
    let loaded = store.load(&id("a")).await.unwrap().unwrap();
    assert_eq!(store.release(&id("a"), loaded.stamp).await, Ok(true));
    loaded
}

async fn is_whole(store: &RedisStore, name: &str) -> bool {
    let found = store.probe_stamps(&[id(name)]).await.unwrap().remove(0);
    let Lookup::Absent { whole } = found else { panic!("it is not here") };
    assert!(matches!(store.probe_load(&id(name)).await, Ok(Lookup::Absent { whole: w }) if w == whole));
    let page = store.probe_page(&id(name), Range::new(0, 1)).await;
    assert!(matches!(page, Ok(Lookup::Absent { whole: w }) if w == whole));
    let seek = store.probe_seek(&id(name), &Seek::After(Timestamp(1))).await;
    assert!(matches!(seek, Ok(Lookup::Absent { whole: w }) if w == whole));
    whole
}

#[tokio::test]
async fn a_released_task_is_not_here_and_its_partition_is_not_whole() {
    let redis = Redis::start().await;
    let store = open(&redis, true).await;
    assert!(!is_whole(&store, "a").await, "nothing is known of a new server");
    store.init_tier(true).await.unwrap();
    assert!(is_whole(&store, "a").await);
    store.create(log("a", 4)).await.unwrap();
    assert_eq!(store.release(&id("a"), stamp(4)).await, Ok(false), "the archive does not have it");
    store.mark_archived(&id("a"), stamp(4)).await.unwrap();
    assert_eq!(store.release(&id("a"), stamp(3)).await, Ok(false));
    assert_eq!(store.release(&id("a"), stamp(4)).await, Ok(true));
    assert_eq!(store.release(&id("a"), stamp(4)).await, Ok(false));
    assert!(!is_whole(&store, "a").await);
    let keys = texts(&redis.command(&["KEYS", "*"]).await);
    assert!(keys.iter().all(|key| key.ends_with(":tier")), "{keys:?}");
    store.init_tier(true).await.unwrap();
    assert!(!is_whole(&store, "a").await, "what was released is remembered");
}

#[tokio::test]
async fn a_task_that_went_on_is_not_released() {
    let store = archived().await;
    store.commit(append("a", 4, "{}")).await.unwrap();
    assert_eq!(store.release(&id("a"), stamp(4)).await, Ok(false));
    assert_eq!(store.release(&id("a"), stamp(5)).await, Ok(false));
    store.mark_archived(&id("a"), stamp(5)).await.unwrap();
    assert_eq!(store.release(&id("a"), stamp(5)).await, Ok(true));
}

/// Brings a task back that was read from the archive just now.
async fn restored(store: &RedisStore, task: &Loaded) -> Result<Restored, StoreError> {
    let (_, since) = store.probe_departures(&id("a")).await.unwrap();
    store.restore(task, &since).await
}

#[tokio::test]
async fn what_was_read_of_the_archive_before_a_task_left_is_not_brought_back() {
    let store = archived().await;
    let task = released(&store).await;
    let (found, since) = store.probe_departures(&id("a")).await.unwrap();
    assert_eq!(found, Lookup::Absent { whole: false });
    // Another instance brings it back, writes, and releases it.
    assert_eq!(restored(&store, &task).await, Ok(Restored::Done));
    store.commit(append("a", 4, "{}")).await.unwrap();
    store.mark_archived(&id("a"), stamp(5)).await.unwrap();
    assert_eq!(store.release(&id("a"), stamp(5)).await, Ok(true));
    assert_eq!(store.restore(&task, &since).await, Ok(Restored::Raced), "the archive has more by now");
    let new = NewLog { incarnation: 2, ..log("a", 0) };
    assert_eq!(store.create_beside(&new, &since).await, Ok(None), "it may be in the archive by now");
    assert_eq!(store.head(&id("a")).await, Ok(None));
}

#[tokio::test]
async fn what_was_read_of_the_archive_before_a_deletion_is_not_brought_back() {
    let store = archived().await;
    let task = released(&store).await;
    let (_, since) = store.probe_departures(&id("a")).await.unwrap();
    assert_eq!(restored(&store, &task).await, Ok(Restored::Done));
    store.delete(&id("a"), 1).await.unwrap();
    assert_eq!(store.bury(&id("a"), &[1]).await, Ok(true));
    assert_eq!(store.restore(&task, &since).await, Ok(Restored::Raced));
}

#[tokio::test]
async fn a_restored_task_goes_on_where_it_was() {
    let store = archived().await;
    let mut task = released(&store).await;
    task.checkpoint = Some(Checkpoint { version: 4, bytes: b"c".as_slice().into() });
    assert_eq!(restored(&store, &task).await, Ok(Restored::Done));
    assert_eq!(restored(&store, &task).await, Ok(Restored::Present));
    let back = store.load(&id("a")).await.unwrap().unwrap();
    assert_eq!((back.head, back.stamp, back.checkpoint), (task.head, task.stamp, task.checkpoint));
    assert_eq!(ahead(&store).await, []);
    assert_eq!(store.due(Timestamp(99), None, 9).await.unwrap().len(), 1);
    let all = TaskQuery { limit: 9, ..TaskQuery::default() };
    assert_eq!(store.list(&all).await.unwrap().tasks.len(), 1);
    assert_eq!(store.create(log("a", 0)).await, Err(CreateError::Exists));

    let change = Change { dropped: vec![1], hidden: vec![0, 4], ..Change::clone(&append("a", 4, "7")) };
    store.commit(Arc::new(change)).await.unwrap();
    store.commit(Arc::new(Change { erased: vec![1, 3], ..Change::empty(id("a"), stamp(5)) })).await.unwrap();
    let Lookup::Hot(HotPage::Below { stamp: at, base, marks }) =
        store.probe_page(&id("a"), Range::new(0, 99)).await.unwrap()
    else {
        panic!("its beginning is elsewhere")
    };
    assert_eq!((at.version, at.revision, base), (5, 1, 4));
    assert_eq!(marks, [Some(Mark::Hidden), Some(Mark::Erased), None, Some(Mark::Erased)]);
    let page = store.events(&id("a"), Range::new(4, 99)).await.unwrap();
    assert!(matches!(&page.slots[..], [Slot::Hidden(event)] if event.data.as_str() == "7"));
    assert!(matches!(store.events(&id("a"), Range::new(3, 99)).await, Err(StoreError::Corrupt(_))));

    let now = snapshot(&store, "a").await;
    assert_eq!((now.base, now.first, now.slots.len(), now.archived), (4, 4, 1, Some(stamp(4))));
    let mut touched: Vec<_> = now.touched.iter().map(|slot| (slot.index, slot.mark)).collect();
    touched.sort_unstable();
    assert_eq!(touched, [(0, Mark::Hidden), (1, Mark::Erased), (3, Mark::Erased)]);
    store.mark_archived(&id("a"), now.stamp).await.unwrap();
    assert_eq!(store.release(&id("a"), now.stamp).await, Ok(true));
}

#[tokio::test]
async fn a_search_in_a_restored_log_says_what_it_has_not_looked_at() {
    let store = archived().await;
    let task = released(&store).await;
    restored(&store, &task).await.unwrap();
    let mut later = Change::clone(&append("a", 4, "{}"));
    let event = Arc::make_mut(&mut later.events[0]);
    (event.timestamp, event.id) = (Timestamp(5), EventId::compose(Timestamp(5), 4, Entropy::new(1)));
    let own = event.id.clone();
    store.commit(Arc::new(later)).await.unwrap();
    let seek = async |seek| store.probe_seek(&id("a"), &seek).await.unwrap().hot().unwrap();
    let found = seek(Seek::Id(own)).await;
    assert_eq!((found.index, found.base, found.imported), (Some(4), 4, false));
    assert_eq!(seek(Seek::Id(EventId::compose(Timestamp(1), 2, Entropy::new(7)))).await.index, None);
    assert_eq!(seek(Seek::After(Timestamp(5))).await.index, Some(5));
    assert_eq!(seek(Seek::After(Timestamp(3))).await.index, Some(4));
}

#[tokio::test]
async fn a_deleted_task_is_not_brought_back() {
    let store = archived().await;
    let task = store.load(&id("a")).await.unwrap().unwrap();
    store.delete(&id("a"), 1).await.unwrap();
    assert_eq!(restored(&store, &task).await, Ok(Restored::Tomb));
    assert_eq!(store.tombstone(&id("a")).await.unwrap(), Some(vec![1]));
    assert_eq!(store.commit(append("a", 4, "{}")).await, Err(CommitError::Conflict));
}

#[tokio::test]
async fn what_is_here_or_deleted_is_told_apart_from_what_is_not() {
    let store = archived().await;
    store.create(log("b", 0)).await.unwrap();
    store.delete(&id("b"), 1).await.unwrap();
    let found = store.exists_many(&["a", "b", "c", "a"].map(id)).await.unwrap();
    let absent = Lookup::Absent { whole: true };
    assert_eq!(found, [Lookup::Hot(()), Lookup::Tomb, absent, Lookup::Hot(())]);
}

#[tokio::test]
async fn tasks_nobody_writes_to_are_found_those_first_that_have_ended() {
    let store = open(Redis::shared().await, true).await;
    let names: Vec<String> = (0..64).map(|n| format!("t{n}")).collect();
    for name in &names {
        store.create(log(name, 0)).await.unwrap();
    }
    store.commit(finish("t5", 0)).await.unwrap();
    store.commit(append("t5", 1, "{}")).await.unwrap();
    store.mark_archived(&id("t5"), stamp(2)).await.unwrap();
    let (never, ever) = (Timestamp(0), Timestamp(i64::MAX));
    let (mut finished, mut all) = (Vec::new(), 0);
    for partition in 0..16 {
        finished.extend(store.idle(partition, ever, never, 99).await.unwrap());
        all += store.idle(partition, ever, ever, 99).await.unwrap().len();
        assert_eq!(store.idle(partition, never, never, 99).await.unwrap(), []);
        assert!(store.idle(partition, ever, ever, 1).await.unwrap().len() <= 1);
    }
    assert_eq!(finished, [Idle { task_id: id("t5"), stamp: stamp(2), archived: Some(stamp(2)) }]);
    assert_eq!(all, 64);
}

#[tokio::test]
async fn a_server_that_gets_an_archive_is_ahead_of_it_with_all_it_has() {
    let redis = Redis::start().await;
    let plain = settings(&redis);
    let store = connect(plain.clone()).await;
    for n in 0..1500 {
        store.create(log(&format!("t{n}"), 0)).await.unwrap();
    }
    store.commit(finish("t9", 0)).await.unwrap();
    drop(store);
    let store = connect(RedisSettings { archived: true, ..plain }).await;
    assert!(!is_whole(&store, "nobody").await);
    store.init_tier(true).await.unwrap();
    assert!(is_whole(&store, "nobody").await);
    assert_eq!(store.lag(Timestamp(0)).await.unwrap().tasks, 1500);
    let mut finished = Vec::new();
    for partition in 0..16 {
        finished.extend(store.idle(partition, Timestamp(i64::MAX), Timestamp(0), 9).await.unwrap());
    }
    assert_eq!(finished.len(), 1);
    store.mark_archived(&id("t1"), stamp(0)).await.unwrap();
    store.init_tier(true).await.unwrap();
    assert_eq!(store.lag(Timestamp(0)).await.unwrap().tasks, 1499, "it is done once");
}

#[test]
fn marks_apply_to_what_an_archive_gives() {
    let event = event(&id("a"), 0, "{}");
    let gone = |series: Option<&str>| Slot::Gone {
        index: 0,
        id: event.id.clone(),
        timestamp: event.timestamp,
        event_type: "test".into(),
        level: Level::Info,
        series: series.map(Into::into),
    };
    let (visible, hidden) = (Slot::Visible(Arc::clone(&event)), Slot::Hidden(Arc::clone(&event)));
    let table = [
        (Mark::Hidden, visible.clone(), hidden.clone()),
        (Mark::Hidden, gone(Some("s")), gone(Some("s"))),
        (Mark::Dropped, visible, gone(Some("s"))),
        (Mark::Dropped, gone(None), gone(None)),
        (Mark::Erased, hidden, gone(None)),
        (Mark::Erased, gone(Some("s")), gone(None)),
    ];
    for (mark, before, after) in table {
        assert_eq!(mark.applied_to(before), after);
    }
}

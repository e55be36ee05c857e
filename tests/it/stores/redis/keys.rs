//! Which keys there are, and what they cost.

use std::time::Instant;

use taskcast_actors::domain::{Change, Checkpoint, CheckpointChange, Head, Timestamp};
use taskcast_actors::ports::{CommitError, ReceiptKey, Swap, Swapped, TaskQuery};

use super::*;

/// Uses everything that makes keys.
async fn use_all(store: &RedisStore) {
    for n in 0..40 {
        let name = format!("task {n} {{x}}");
        let timed = Head { deadline: Some(Timestamp(9)), ..head(&name) };
        store.create(NewLog { head: Arc::new(timed), ..log(&name, 3) }).await.unwrap();
        let checkpoint = CheckpointChange::Put(Checkpoint { version: 3, bytes: b"x".as_slice().into() });
        let change =
            Change { dropped: vec![1], hidden: vec![2], checkpoint, ..Change::clone(&append(&name, 3, "1")) };
        store.commit(Arc::new(change)).await.unwrap();
    }
    store.delete(&id("task 7 {x}"), 1).await.unwrap();
    store.create(log("large", 5000)).await.unwrap();
    for n in 0..20 {
        store.receipts().swap(&ReceiptKey([n; 32]), swap(60_000)).await.unwrap();
    }
}

/// A receipt for so many milliseconds.
fn swap(lifetime: i64) -> Swap {
    let (now, expires) = (Timestamp(1000), Timestamp(1000 + lifetime));
    Swap { expected: None, receipt: b"receipt".to_vec(), expires, now }
}

#[tokio::test]
async fn redis_forgets_receipts_by_itself() {
    let redis = Redis::start().await;
    let store = open(&redis, false).await;
    let (short, long) = (ReceiptKey([1; 32]), ReceiptKey([2; 32]));
    for (key, lifetime) in [(short, 1), (long, 3_600_000)] {
        assert_eq!(store.receipts().swap(&key, swap(lifetime)).await, Ok(Swapped::Done));
    }
    crate::support::wait_until("the short one is gone", async || {
        (texts(&redis.command(&["KEYS", "*receipt*"]).await).len() == 1).then_some(())
    })
    .await;
    assert_eq!(store.receipts().find(&long, Timestamp(2000)).await, Ok(Some(b"receipt".to_vec())));
}

#[tokio::test]
async fn every_key_has_the_prefix_and_the_tag_of_a_partition() {
    let redis = Redis::start().await;
    let settings = RedisSettings { prefix: "my:own".to_owned(), ..settings(&redis) };
    for archived in [false, true] {
        let store = connect(RedisSettings { archived, ..settings.clone() }).await;
        use_all(&store).await;
        if archived {
            store.init_tier(true).await.unwrap();
            store.lease(3, "me", Duration::from_secs(60)).await.unwrap();
        }
        let keys = texts(&redis.command(&["KEYS", "*"]).await);
        assert!(keys.len() > 100);
        for key in &keys {
            let tag = key.strip_prefix("my:own:{").and_then(|rest| rest.split_once("}:"));
            assert!(tag.is_some_and(|(tag, _)| tag.parse::<u8>().is_ok_and(|n| n < 16)), "{key}");
        }
        assert_eq!(keys.iter().any(|key| key.contains("ahead")), archived);
        redis.command(&["FLUSHALL"]).await;
    }
}

#[tokio::test]
async fn a_deleted_task_leaves_no_key() {
    let redis = Redis::start().await;
    let store = open(&redis, false).await;
    use_all(&store).await;
    let all = store.list(&TaskQuery { limit: 100, ..TaskQuery::default() }).await.unwrap();
    for head in all.tasks {
        assert_eq!(store.delete(&head.task.id, 1).await, Ok(true));
    }
    let mut left = texts(&redis.command(&["KEYS", "*"]).await);
    // Receipts outlive tasks by design, and end by themselves.
    left.retain(|key| !key.contains("}:receipt:"));
    assert_eq!(left, [] as [&str; 0]);
}

/// Whoever was overtaken has to read first, so whoever overtook it lets it.
#[tokio::test]
async fn who_overtakes_another_writer_gives_way_to_it_once() {
    let redis = Redis::shared().await;
    let settings = settings(redis);
    let (one, other) = (connect(settings.clone()).await, connect(settings.clone()).await);
    one.create(log("a", 1)).await.unwrap();
    one.commit(append("a", 1, "{}")).await.unwrap();
    for losses in 1..4 {
        assert_eq!(other.commit(append("a", 1, "{}")).await, Err(CommitError::Conflict), "{losses}");
    }
    let started = Instant::now();
    one.commit(append("a", 2, "{}")).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(16), "gave way for {:?}", started.elapsed());
    other.commit(append("a", 3, "{}")).await.unwrap();
    let fields = format!("{}:*:task:a", settings.prefix);
    let key = texts(&redis.command(&["KEYS", &fields]).await).pop().unwrap();
    assert_eq!(redis.command(&["HEXISTS", &key, "waiting"]).await, ":0\r\n", "nobody waits any more");
    assert_eq!(other.commit(append("b", 1, "{}")).await, Err(CommitError::Conflict));
    assert_eq!(other.load(&id("b")).await.unwrap().map(|loaded| loaded.stamp), None);
}

#[tokio::test]
async fn a_commit_is_one_call_and_so_are_a_page_and_a_load() {
    let redis = Redis::start().await;
    let store = open(&redis, true).await;
    store.create(log("a", 100)).await.unwrap();
    let calls =
        async |name: &str| info(&redis, "commandstats", &format!("cmdstat_{name}")).await.unwrap_or(0);
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    for version in 100..120 {
        store.commit(append("a", version, "{}")).await.unwrap();
    }
    assert_eq!((calls("evalsha").await, calls("script|load").await), (20, 0));
    assert_eq!(store.events(&id("a"), Range::new(0, 120)).await.unwrap().slots.len(), 120);
    assert_eq!(calls("evalsha").await, 21);
    let before = calls("hmget").await;
    store.load(&id("a")).await.unwrap().unwrap();
    assert_eq!((calls("evalsha").await, calls("hmget").await), (21, before + 1));
}

/// An answer that begins like a message is an answer all the same.
#[tokio::test]
async fn names_of_the_protocol_are_names_like_any_other() {
    let redis = Redis::shared().await;
    let store = open(redis, true).await;
    let names = ["message", "pmessage", "smessage", "subscribe", "pubsub", "unsubscribe"];
    for name in names {
        store.create(log(name, 3)).await.unwrap();
        assert_eq!(store.load(&id(name)).await.unwrap().unwrap().stamp, stamp(3));
        assert_eq!(slots(&store, name, Range::new(0, 9)).await.len(), 3);
    }
    let listing = store.list(&TaskQuery { limit: 9, ..TaskQuery::default() }).await.unwrap();
    assert_eq!(listing.tasks.len(), names.len());
    let mut ahead = 0;
    for partition in 0..16 {
        ahead += store.ahead(partition, 9).await.unwrap().len();
        store.idle(partition, Timestamp(i64::MAX), Timestamp(i64::MAX), 9).await.unwrap();
    }
    assert_eq!(ahead, names.len());
}

#[tokio::test]
async fn an_emptied_server_holds_nothing_and_takes_everything_again() {
    let redis = Redis::start().await;
    let store = open(&redis, false).await;
    use_all(&store).await;
    redis.command(&["FLUSHALL"]).await;
    redis.command(&["SCRIPT", "FLUSH"]).await;
    let name = "task 1 {x}";
    assert!(store.load(&id(name)).await.unwrap().is_none());
    assert_eq!(store.commit(append(name, 4, "{}")).await, Err(taskcast_actors::ports::CommitError::Conflict));
    assert_eq!(store.due(Timestamp(99), None, 9).await.unwrap(), []);
    use_all(&store).await;
    assert_eq!(store.load(&id(name)).await.unwrap().unwrap().stamp, stamp(4));
}

//! What only the SQLite store promises: about its file, other processes, and a disk that is full.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use taskcast::stores::sqlite::{OpenError, SqliteSettings, SqliteStore};
use taskcast_actors::domain::{
    Change, Checkpoint, CheckpointChange, Entropy, EventId, Json, Level, NewTask, Stamp, TaskEvent, TaskId,
    Timestamp,
};
use taskcast_actors::ports::{
    CommitError, CreateError, ErrorKind, NewLog, Range, ReceiptKey, Slot, StoreError, Swap, Swapped,
    TaskStore,
};
use tempfile::TempDir;

/// A directory, and the path of a database in it that does not exist yet.
pub(super) fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let path = dir.path().join("taskcast.db");
    (dir, path)
}

pub(super) fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, SqliteSettings::default()).expect("the file can be used")
}

fn id(name: &str) -> TaskId {
    TaskId::parse(name).expect("names in these tests are ids")
}

fn log(name: &str, length: u64) -> NewLog {
    let id = id(name);
    let events = (0..length).map(|index| event(&id, index, "{}")).collect();
    let head = NewTask::default().into_head(id, Timestamp(1));
    NewLog { head: Arc::new(head), incarnation: 1, events, hidden: Vec::new(), replace: false, fresh: false }
}

fn event(id: &TaskId, index: u64, data: &str) -> Arc<TaskEvent> {
    Arc::new(TaskEvent {
        id: EventId::compose(Timestamp(1), index, Entropy::new(7)),
        task_id: id.clone(),
        index,
        timestamp: Timestamp(1),
        event_type: "test".into(),
        level: Level::Info,
        data: Json::parse(data).expect("data in these tests is JSON"),
        series: None,
        client: None,
        snapshot: false,
    })
}

fn stamp(version: u64) -> Stamp {
    Stamp { incarnation: 1, version, revision: 0 }
}

fn append(name: &str, version: u64, data: &str) -> Arc<Change> {
    let id = id(name);
    let events = vec![event(&id, version, data)];
    Arc::new(Change { events, ..Change::empty(id, stamp(version)) })
}

fn count(path: &Path, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    let connection = Connection::open(path).expect("the file can be read");
    connection.query_row(&sql, [], |row| row.get(0)).expect("the table is there")
}

#[tokio::test]
async fn a_store_that_is_opened_again_finds_everything() {
    let (_dir, path) = place();
    let first = open(&path);
    first.create(log("a", 0)).await.unwrap();
    let mut change = Change::clone(&append("a", 0, r#"{"z":1,"a":12345678901234567890}"#));
    change.checkpoint = CheckpointChange::Put(Checkpoint { version: 1, bytes: b"x".as_slice().into() });
    first.commit(Arc::new(change.clone())).await.unwrap();
    first.create(log("b", 3)).await.unwrap();
    first.create(log("empty", 0)).await.unwrap();
    drop(first);

    let second = open(&path);
    let a = id("a");
    let loaded = second.load(&a).await.unwrap().unwrap();
    assert_eq!((loaded.stamp, loaded.head), (stamp(1), log("a", 0).head));
    assert_eq!(loaded.checkpoint.map(|checkpoint| checkpoint.version), Some(1));
    let page = second.events(&a, Range::new(0, 9)).await.unwrap();
    assert_eq!(page.slots, [Slot::Visible(Arc::clone(&change.events[0]))]);
    second.create(log("c", 2)).await.unwrap();
    second.commit(append("b", 3, "{}")).await.unwrap();
    let stamps = ["a", "b", "c"].map(id);
    assert_eq!(second.stamps(&stamps).await.unwrap(), [1, 4, 2].map(|version| Some(stamp(version))));
}

/// Copies of the files are what a killed process leaves behind.
#[tokio::test]
async fn what_was_acknowledged_survives_a_killed_process() {
    let (dir, path) = place();
    let store = open(&path);
    store.create(log("a", 0)).await.unwrap();
    for version in 0..50 {
        store.commit(append("a", version, "{}")).await.unwrap();
        if version % 10 != 9 {
            continue;
        }
        let left = dir.path().join(format!("left-{version}.db"));
        for suffix in ["", "-wal"] {
            let name = |path: &Path| format!("{}{suffix}", path.display());
            std::fs::copy(name(&path), name(&left)).unwrap();
        }
        let heir = open(&left);
        assert_eq!(heir.head(&id("a")).await.unwrap().unwrap().1, stamp(version + 1));
        assert_eq!(heir.events(&id("a"), Range::new(0, 99)).await.unwrap().next, version + 1);
    }
}

#[tokio::test]
async fn what_was_queued_is_written_before_the_store_is_gone() {
    let (_dir, path) = place();
    let store = open(&path);
    for n in 0..100 {
        let create = store.create(log(&format!("{n}"), 1));
        let _ = futures_util::FutureExt::now_or_never(create);
    }
    drop(store);
    assert_eq!(count(&path, "tasks"), 100);
    assert_eq!(count(&path, "events"), 100);
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_is_gone() {
    let (dir, path) = place();
    let first = open(&path);
    let detour = dir.path().join(".").join("taskcast.db");
    for path in [&path, &detour] {
        let second = SqliteStore::open(path, SqliteSettings::default());
        assert!(matches!(second, Err(OpenError::InUse { .. })));
    }
    first.create(log("a", 0)).await.unwrap();
    drop(first);
    open(&path);
}

#[test]
fn a_schema_newer_than_the_program_is_refused_and_left_alone() {
    let (_dir, path) = place();
    drop(open(&path));
    let tamper = Connection::open(&path).unwrap();
    tamper.execute("INSERT INTO taskcast_migrations (version) VALUES (9999)", []).unwrap();
    drop(tamper);
    for _ in 0..2 {
        let refused = SqliteStore::open(&path, SqliteSettings::default());
        assert!(matches!(refused, Err(OpenError::Newer { found: 9999, .. })));
    }
}

#[test]
fn what_is_no_database_is_refused() {
    let (dir, path) = place();
    let missing = SqliteStore::open(&dir.path().join("no/such/file.db"), SqliteSettings::default());
    assert!(matches!(missing, Err(OpenError::Io { .. })));
    std::fs::write(&path, "this is a text, and a long one at that. ".repeat(200)).unwrap();
    let refused = SqliteStore::open(&path, SqliteSettings::default());
    assert!(matches!(refused, Err(OpenError::Sqlite(_))));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("this is a text"));
}

fn is_unavailable(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { dependency: "sqlite", kind: ErrorKind::Unavailable, .. })
}

#[tokio::test]
async fn a_full_disk_refuses_writes_keeps_reads_and_recovers() {
    let (_dir, path) = place();
    let settings = SqliteSettings { max_pages: Some(120), ..SqliteSettings::default() };
    let store = SqliteStore::open(&path, settings).unwrap();
    let large = format!("\"{}\"", "x".repeat(20_000));
    store.create(log("small", 0)).await.unwrap();
    store.create(log("large", 0)).await.unwrap();
    let mut version = 0;
    let error = loop {
        match store.commit(append("large", version, &large)).await {
            Ok(()) => version += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, CommitError::NotWritten(error) if is_unavailable(error)), "{error:?}");
    let refused = store.create(NewLog { replace: true, ..log("huge", 5000) }).await;
    assert!(matches!(refused, Err(CreateError::NotWritten(error)) if is_unavailable(&error)));

    let large_id = id("large");
    assert_eq!(store.head(&large_id).await.unwrap().unwrap().1, stamp(version));
    let page = store.events(&large_id, Range { max_bytes: usize::MAX, ..Range::new(0, 999) }).await.unwrap();
    assert_eq!(page.slots.len() as u64, version);
    assert!(is_unavailable(&store.health().await.unwrap_err()));

    assert_eq!(store.delete(&large_id, 1).await, Ok(true));
    store.commit(append("small", 0, &large)).await.unwrap();
    store.health().await.unwrap();
}

#[tokio::test]
async fn a_commit_that_does_not_fit_harms_nobody_in_its_group() {
    let (_dir, path) = place();
    let settings = SqliteSettings { max_pages: Some(120), ..SqliteSettings::default() };
    let store = SqliteStore::open(&path, settings).unwrap();
    for n in 0..10 {
        store.create(log(&format!("{n}"), 0)).await.unwrap();
    }
    let huge = format!("\"{}\"", "x".repeat(1_000_000));
    let commits = (0..10).map(|n| store.commit(append(&format!("{n}"), 0, if n == 4 { &huge } else { "1" })));
    let answers = futures_util::future::join_all(commits).await;
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.is_ok(), n != 4, "{n}: {answer:?}");
    }
}

/// Waits until `condition` holds, without sleeping.
async fn wait_until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it happens in time");
}

#[tokio::test]
async fn the_events_of_a_long_deleted_log_go_in_the_background_also_after_a_restart() {
    let (_dir, path) = place();
    let store = open(&path);
    store.create(log("short", 5)).await.unwrap();
    store.create(log("long", 20_000)).await.unwrap();
    assert_eq!(store.delete(&id("long"), 1).await, Ok(true));
    drop(store);
    let store = open(&path);
    store.create(log("long", 3)).await.unwrap();
    wait_until(|| count(&path, "events") == 8 && count(&path, "orphans") == 0).await;
    let page = store.events(&id("long"), Range::new(0, 9)).await.unwrap();
    assert_eq!(page.slots.len(), 3);
}

#[tokio::test]
async fn a_log_that_is_still_being_swept_shares_its_number_with_no_other() {
    let (_dir, path) = place();
    drop(open(&path));
    let tamper = Connection::open(&path).unwrap();
    tamper.execute("INSERT INTO orphans (log) VALUES (1)", []).unwrap();
    drop(tamper);
    let store = open(&path);
    store.create(log("a", 3)).await.unwrap();
    wait_until(|| count(&path, "orphans") == 0).await;
    assert_eq!(store.events(&id("a"), Range::new(0, 9)).await.unwrap().slots.len(), 3);
}

#[tokio::test]
async fn receipts_that_are_over_leave_the_file_and_the_others_survive_an_end() {
    let (_dir, path) = place();
    let store = open(&path);
    let key = |n: u8| ReceiptKey([n; 32]);
    let swap = |now: i64| Swap {
        expected: None,
        receipt: b"receipt".to_vec(),
        expires: Timestamp(now + 20),
        now: Timestamp(now),
    };
    for n in 0..200_u8 {
        let swapped = store.receipts().swap(&key(n), swap(n.into())).await;
        assert_eq!(swapped, Ok(Swapped::Done));
    }
    assert_eq!(count(&path, "receipts"), 20);
    drop(store);
    let found = open(&path).receipts().find(&key(199), Timestamp(200)).await;
    assert_eq!(found, Ok(Some(b"receipt".to_vec())));
}

//! What only the PostgreSQL store promises: about its schema, other instances, and a server that comes and goes.

use std::sync::Arc;

use taskcast::stores::link::Phase;
use taskcast::stores::postgres::{OpenError, PostgresSettings, PostgresStore};
use taskcast_actors::domain::{
    Change, Entropy, EventId, Head, Json, Level, NewTask, Stamp, TaskEvent, TaskId, TaskStatus, Timestamp,
};
use taskcast_actors::ports::{
    CommitError, CreateError, ErrorKind, NewLog, Range, ReceiptKey, Slot, StoreError, Swap, Swapped,
    TaskStore,
};

use crate::support::servers::{Database, Postgres};
use crate::support::{wait_until, within};

/// A database of the shared server.
pub(super) async fn database() -> Database {
    Postgres::shared().await.database().await
}

pub(super) fn settings(database: &Database) -> PostgresSettings {
    PostgresSettings { auto_migrate: true, pool_size: 4, ..PostgresSettings::new(database.url.as_str()) }
}

/// A store over `database`, with its schema.
pub(super) async fn open(database: &Database) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::open(settings(database)).await.expect("the database can be used"))
}

fn id(name: &str) -> TaskId {
    TaskId::parse(name).expect("names in these tests are ids")
}

fn head(name: &str) -> Head {
    NewTask::default().into_head(id(name), Timestamp(1))
}

fn log(name: &str, length: u64) -> NewLog {
    let events = (0..length).map(|index| event(name, index, r#"{"n":1}"#)).collect();
    let head = Arc::new(head(name));
    NewLog { head, incarnation: 1, events, hidden: Vec::new(), replace: false, fresh: false }
}

fn event(name: &str, index: u64, data: &str) -> Arc<TaskEvent> {
    Arc::new(TaskEvent {
        id: EventId::compose(Timestamp(1), index, Entropy::new(7)),
        task_id: id(name),
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
    let events = vec![event(name, version, data)];
    Arc::new(Change { events, ..Change::empty(id(name), stamp(version)) })
}

fn kind_of(error: &StoreError) -> ErrorKind {
    match error {
        StoreError::Unavailable { dependency: "postgres", kind, .. } => *kind,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn rows_can_be_read_by_other_programs_byte_for_byte() {
    let database = database().await;
    let store = open(&database).await;
    let text = format!(r#"{{ "z":12345678901234567890, "a":[ ],"a":1.0e5, "t":"{}" }}"#, "x".repeat(1 << 20));
    store.create(log("a", 0)).await.unwrap();
    let mut done = head("a");
    done.task.status = TaskStatus::Completed;
    done.task.result = Some(Json::parse(&text).unwrap());
    let mut change = Change::clone(&append("a", 0, &text));
    change.events.push(event("a", 1, "null"));
    change.head = Some(Arc::new(done.clone()));
    let kept = done.task.result.as_ref().map(|json| json.as_str().to_owned());
    store.commit(Arc::new(change)).await.unwrap();

    let client = database.client().await;
    let row =
        client.query_one("SELECT status, result::text, version FROM taskcast_tasks", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "completed");
    assert_eq!(row.get::<_, Option<String>>(1), kept);
    assert_eq!(row.get::<_, i64>(2), 2);
    let sql = "SELECT idx, data::text FROM taskcast_events WHERE task_id = 'a' ORDER BY idx";
    let rows = client.query(sql, &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), [0, 1]);
    assert_eq!(rows[0].get::<_, Option<String>>(1), kept);
    assert_eq!(*store.head(&id("a")).await.unwrap().unwrap().0, done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_openers_bring_the_schema_up_to_date_at_once() {
    let database = database().await;
    let openers = (0..8).map(|_| PostgresStore::open(settings(&database)));
    for store in futures_util::future::join_all(openers).await {
        store.unwrap().health().await.unwrap();
    }
    let client = database.client().await;
    let sql = "SELECT name FROM taskcast_migrations ORDER BY version";
    let rows = client.query(sql, &[]).await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(names, ["0001_tasks", "0002_receipts"]);
}

#[tokio::test]
async fn a_schema_that_is_missing_or_newer_is_refused_with_advice() {
    let database = database().await;
    let strict = PostgresSettings { auto_migrate: false, ..settings(&database) };
    let missing = PostgresStore::open(strict.clone()).await.err().unwrap();
    assert!(matches!(missing, OpenError::Outdated { missing: 2, known: 2, .. }));
    let text = missing.to_string();
    assert!(text.contains("`taskcast migrate`") && text.contains("TASKCAST_AUTO_MIGRATE=true"), "{text}");
    open(&database).await;
    PostgresStore::open(strict.clone()).await.unwrap();
    let sql = "INSERT INTO taskcast_migrations (version, name) VALUES (99, 'later')";
    database.client().await.batch_execute(sql).await.unwrap();
    for settings in [strict, settings(&database)] {
        let newer = PostgresStore::open(settings).await.err().unwrap();
        assert!(matches!(newer, OpenError::Newer { found: 99, known: 2, .. }), "{newer}");
    }
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let server = Postgres::shared().await;
    let sql = "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'";
    server.execute(sql).await;
    let mut database = server.database().await;
    database.url = database.url.rsplit_once('/').map(|(server, _)| format!("{server}/latin")).unwrap();
    let refused = PostgresStore::open(settings(&database)).await.err().unwrap();
    assert!(matches!(&refused, OpenError::Encoding { found, .. } if found == "LATIN1"), "{refused}");
}

#[tokio::test]
async fn a_wrong_password_is_named_but_not_repeated() {
    let database = database().await;
    let url = database.url.replace("s3cret", "wr0ng");
    let refused = PostgresStore::open(PostgresSettings::new(url)).await.err().unwrap();
    let OpenError::Unreachable { error, .. } = &refused else { panic!("{refused}") };
    assert_eq!(kind_of(error), ErrorKind::Authentication);
    let text = format!("{refused} {refused:?}");
    assert!(text.contains("password authentication failed") && !text.contains("wr0ng"), "{text}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_by_what_is_wrong() {
    for (url, kind) in [
        ("postgres://me:s3cret@127.0.0.1:1/db", ErrorKind::ConnectionRefused),
        ("postgres://me:s3cret@no-such-host.invalid/db", ErrorKind::Dns),
    ] {
        let refused = within(url, PostgresStore::open(PostgresSettings::new(url))).await.err().unwrap();
        let OpenError::Unreachable { error, .. } = &refused else { panic!("{refused}") };
        assert_eq!(kind_of(error), kind, "{refused}");
        assert!(!refused.to_string().contains("s3cret"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_three_instances_one_wins_each_version() {
    let database = database().await;
    let stores = [open(&database).await, open(&database).await, open(&database).await];
    let names = ["a", "b", "c", "d"];
    for name in names {
        stores[0].create(log(name, 0)).await.unwrap();
    }
    for version in 0..25 {
        let attempts = stores.iter().flat_map(|store| {
            names.map(|name| async move { (name, store.commit(append(name, version, "1")).await) })
        });
        let outcomes = futures_util::future::join_all(attempts).await;
        for name in names {
            let of_name: Vec<_> = outcomes.iter().filter(|(of, _)| *of == name).map(|(_, o)| o).collect();
            let won = of_name.iter().filter(|outcome| outcome.is_ok()).count();
            assert_eq!(won, 1, "{of_name:?}");
            assert!(of_name.iter().all(|o| matches!(o, Ok(()) | Err(CommitError::Conflict))), "{of_name:?}");
        }
    }
    for name in names {
        let page = stores[1].events(&id(name), Range::new(0, 99)).await.unwrap();
        assert_eq!(page.slots.iter().map(Slot::index).collect::<Vec<_>>(), (0..25).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_commit_that_is_refused_harms_nobody_in_its_group() {
    let store = open(&database().await).await;
    for n in 0..10 {
        store.create(log(&format!("{n}"), 0)).await.unwrap();
    }
    let commits = (0..10).map(|n| {
        let mut change = Change::clone(&append(&format!("{n}"), 0, "1"));
        if n == 4 {
            let unstorable = TaskEvent { event_type: "\0".into(), ..TaskEvent::clone(&change.events[0]) };
            change.events = vec![Arc::new(unstorable)];
        }
        store.commit(Arc::new(change))
    });
    for (n, answer) in futures_util::future::join_all(commits).await.into_iter().enumerate() {
        match answer {
            Ok(()) => assert_ne!(n, 4),
            Err(error) => assert!(n == 4 && matches!(error, CommitError::NotWritten(_)), "{n}: {error:?}"),
        }
    }
}

/// Waits until a backend of `database` waits for a lock.
async fn until_somebody_waits(client: &tokio_postgres::Client) {
    let sql =
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    wait_until("somebody waits", async || client.query_opt(sql, &[]).await.unwrap().map(drop)).await;
}

#[tokio::test]
async fn a_task_that_is_held_up_holds_up_no_other() {
    let database = database().await;
    let store = open(&database).await;
    for name in ["held", "free"] {
        store.create(log(name, 0)).await.unwrap();
    }
    let (holder, watcher) = (database.client().await, database.client().await);
    holder.batch_execute("BEGIN; SELECT FROM taskcast_tasks WHERE id = 'held' FOR UPDATE").await.unwrap();
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(append("held", 0, "1")).await }
    });
    until_somebody_waits(&watcher).await;
    within("the other commit", store.commit(append("free", 0, "1"))).await.unwrap();
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(waiting.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_backend_that_is_ended_before_the_commit_wrote_nothing() {
    let database = database().await;
    let store = open(&database).await;
    store.create(log("a", 0)).await.unwrap();
    let (holder, watcher) = (database.client().await, database.client().await);
    holder.batch_execute("BEGIN; SELECT FROM taskcast_tasks WHERE id = 'a' FOR UPDATE").await.unwrap();
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(append("a", 0, "1")).await }
    });
    until_somebody_waits(&watcher).await;
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'taskcast'";
    watcher.execute(sql, &[]).await.unwrap();
    let answer = waiting.await.unwrap();
    let Err(CommitError::NotWritten(error)) = &answer else { panic!("{answer:?}") };
    assert_eq!(kind_of(error), ErrorKind::ConnectionClosed);
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(store.stamps(&[id("a")]).await.unwrap(), [Some(stamp(0))]);
    assert_eq!(store.commit(append("a", 0, "1")).await, Ok(()), "a new connection is made");
}

#[tokio::test]
async fn a_store_works_again_by_itself_when_its_server_is_back() {
    let mut server = Postgres::start().await;
    let database = server.database().await;
    let store = open(&database).await;
    store.create(log("a", 0)).await.unwrap();
    store.commit(append("a", 0, "1")).await.unwrap();
    let holder = database.client().await;
    holder.batch_execute("BEGIN; SELECT FROM taskcast_tasks WHERE id = 'a' FOR UPDATE").await.unwrap();
    let watcher = database.client().await;
    let under_way = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.commit(append("a", 1, "1")).await }
    });
    until_somebody_waits(&watcher).await;
    server.kill().await;
    let lost = within("the lost commit", under_way).await.unwrap();
    assert!(
        matches!(&lost, Err(CommitError::Unknown(error)) if kind_of(error) != ErrorKind::Timeout),
        "{lost:?}"
    );

    wait_until("nobody takes connections", async || {
        let answer = within("a commit", store.commit(append("a", 1, "1"))).await;
        matches!(answer, Err(CommitError::NotWritten(_))).then_some(())
    })
    .await;
    let refused = within("a create", store.create(log("b", 0))).await;
    assert!(
        matches!(refused, Err(CreateError::NotWritten(error)) if kind_of(&error) == ErrorKind::ConnectionRefused)
    );
    let unread = within("a read", store.load(&id("a"))).await.unwrap_err();
    assert_eq!(kind_of(&unread), ErrorKind::ConnectionRefused);
    assert!(within("health", store.health()).await.is_err());
    assert_ne!(store.link().snapshot().phase, Phase::Healthy);
    assert!(store.link().snapshot().consecutive_failures > 0);

    server.restart().await;
    assert_eq!(store.stamps(&[id("a")]).await.unwrap(), [Some(stamp(1))]);
    store.health().await.unwrap();
    store.commit(append("a", 1, "1")).await.unwrap();
    assert_eq!(store.link().snapshot().phase, Phase::Healthy);
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_not_healthy() {
    let database = database().await;
    let store = open(&database).await;
    store.create(log("a", 0)).await.unwrap();
    let name = database.url.rsplit('/').next().unwrap().to_owned();
    let client = database.client().await;
    let read_only = async |on: bool| {
        let sql = format!("ALTER DATABASE {name} SET default_transaction_read_only = {on}");
        client.batch_execute(&sql).await.unwrap();
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'taskcast'";
        client.execute(sql, &[]).await.unwrap();
    };
    read_only(true).await;
    let unhealthy = async || store.health().await.is_err().then_some(());
    wait_until("health tells", unhealthy).await;
    client.batch_execute("SET default_transaction_read_only = off").await.unwrap();
    read_only(false).await;
    wait_until("health is back", async || store.health().await.ok()).await;
    store.commit(append("a", 0, "1")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_comes_and_goes_without_holding_up_others() {
    let store = open(&database().await).await;
    store.create(log("other", 0)).await.unwrap();
    let importing = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let created = store.create(log("long", 50_000)).await;
            let again = store.create(NewLog { replace: true, ..log("long", 40_000) }).await;
            let taken = store.create(log("long", 3)).await;
            (created.unwrap().replaced, again.unwrap().replaced, taken, store.delete(&id("long"), 1).await)
        }
    });
    let mut version = 0;
    while !importing.is_finished() {
        store.commit(append("other", version, "1")).await.unwrap();
        version += 1;
    }
    assert_eq!(importing.await.unwrap(), (false, true, Err(CreateError::Exists), Ok(true)));
    assert!(version > 3, "{version}");
    store.create(log("long", 3)).await.unwrap();
    assert_eq!(store.events(&id("long"), Range::new(0, 9)).await.unwrap().slots.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_that_are_over_are_removed_while_others_are_put() {
    let database = database().await;
    let stores = [open(&database).await, open(&database).await];
    let swap = |now: i64| Swap {
        expected: None,
        receipt: b"receipt".to_vec(),
        expires: Timestamp(now + 10),
        now: Timestamp(now),
    };
    for n in 0..200_u8 {
        let (key, swap) = (ReceiptKey([n; 32]), swap(n.into()));
        let put = stores.each_ref().map(|store| store.receipts().swap(&key, swap.clone()));
        let swapped = futures_util::future::join_all(put).await;
        let done = swapped.iter().filter(|swapped| **swapped == Ok(Swapped::Done));
        assert_eq!(done.count(), 1, "{swapped:?}");
    }
    let sql = "SELECT count(*) FROM taskcast_receipts";
    let left: i64 = database.client().await.query_one(sql, &[]).await.unwrap().get(0);
    assert!((10..100).contains(&left), "{left}");
}

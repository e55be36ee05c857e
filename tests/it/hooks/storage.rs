//! Storage errors and broadcast errors: whoever meets them, hooks are told what failed and nothing that is secret.

use std::sync::Arc;
use std::time::Duration;

use taskcast_actors::domain::{NewTask, TaskId, TaskStatus, Transition};
use taskcast_actors::memory::MemoryBus;
use taskcast_actors::ports::Bus as _;
use taskcast_actors::testing::{Fault, FaultyBus, FaultyStore, Operation};
use taskcast_actors::{Cursor, Engine, HistoryRequest, Release, SubscribeRequest, TaskQuery};

use crate::stores::tiered;
use crate::support::engine::*;
use crate::support::hooks::{Broken, Recorder};
use crate::support::servers::Postgres;

const UNAVAILABLE: &str = "postgres unavailable (timeout)";

fn id(name: &str) -> TaskId {
    TaskId::parse(name).unwrap()
}

/// Calls everything that an engine asks its store for.
async fn try_everything(engine: &Engine, id: &TaskId) {
    let new = NewTask { id: Some(id.clone()), ..NewTask::default() };
    assert!(engine.create(new).await.is_err());
    assert!(engine.get(id).await.is_err());
    assert!(engine.list(&TaskQuery::default()).await.is_err());
    assert!(engine.history(id, HistoryRequest::default()).await.is_err());
    assert!(engine.publish(id, vec![plain(1)]).await.is_err());
    assert!(engine.transition(id, Transition::to(TaskStatus::Running)).await.is_err());
    assert!(engine.delete(id).await.is_err());
    assert!(engine.export(id).await.is_err());
    assert!(engine.sweep().await.is_err());
    let since = Cursor { time: Some(engine.now()), ..Cursor::default() };
    let wish = SubscribeRequest { cursor: since, ..SubscribeRequest::default() };
    assert!(engine.subscribe(id, wish).await.is_err());
    let release = Release { expected_last: 0, inactive_since: engine.now() };
    assert!(engine.release(id, release).await.is_err());
}

#[tokio::test]
async fn whatever_meets_a_store_that_does_not_work_says_so_without_secrets() {
    for (store, text) in
        [(Broken::unavailable(), UNAVAILABLE), (Broken::corrupt(), "stored data cannot be read")]
    {
        let told = Recorder::new();
        let engine = builder_with(store, |_| {}).hooks(Arc::clone(&told)).start().unwrap();
        try_everything(&engine, &id("t")).await;
        engine.stop().await;
        for operation in ["create t", "head t", "load t", "seek t", "list -", "due -"] {
            let line = format!("storage {operation}: {text}");
            assert!(told.lines().contains(&line), "{line} is not among {:#?}", told.lines());
        }
        assert!(!told.lines().iter().any(|line| line.contains("s3cret")), "{:#?}", told.lines());
    }
}

#[tokio::test]
async fn a_commit_that_fails_is_a_storage_error_and_one_that_lost_a_race_is_none() {
    let told = Recorder::new();
    let store = Arc::new(FaultyStore::new(memory()));
    let engine = builder_with(Arc::clone(&store) as _, |_| {}).hooks(Arc::clone(&told)).start().unwrap();
    let other = engine_over(Arc::clone(&store) as _);
    let task = running(&engine).await;
    other.publish(&task, vec![plain(1)]).await.unwrap();
    engine.publish(&task, vec![plain(2)]).await.unwrap();
    store.fail_next(Operation::Write, Fault::Refuse);
    engine.publish(&task, vec![plain(3)]).await.unwrap_err();
    store.fail_next(Operation::Write, Fault::LoseAnswer);
    engine.publish(&task, vec![plain(4)]).await.unwrap();
    store.fail_next(Operation::Write, Fault::Refuse);
    engine.delete(&task).await.unwrap_err();
    engine.stop().await;
    other.stop().await;
    let text = "memory unavailable (connection_reset)";
    let lines = ["commit", "commit", "delete"].map(|operation| format!("storage {operation} {task}: {text}"));
    assert_eq!(told.of("storage"), lines);
}

#[tokio::test]
async fn timers_that_cannot_be_read_are_told_though_nobody_asked() {
    let told = Recorder::new();
    let engine = builder_with(Broken::unavailable(), |settings| settings.sweep = Duration::from_millis(1));
    let engine = engine.hooks(Arc::clone(&told)).start().unwrap();
    told.until(&format!("storage due -: {UNAVAILABLE}")).await;
    engine.stop().await;
}

#[tokio::test]
async fn a_comparison_with_the_store_that_fails_is_told_though_nobody_asked() {
    let (store, told) = (Arc::new(FaultyStore::new(memory())), Recorder::new());
    let engine = builder_with(Arc::clone(&store) as _, |_| {}).bus(Arc::new(MemoryBus::new()));
    let engine = engine.hooks(Arc::clone(&told)).start().unwrap();
    let task = running(&engine).await;
    let reader = Viewer::open(&engine, &task, SubscribeRequest::default()).await;
    let line = "storage stamps -: memory unavailable (connection_reset)".to_owned();
    wait_until("a comparison is told of", || async {
        store.fail_next(Operation::Read, Fault::Refuse);
        told.lines().contains(&line)
    })
    .await;
    store.heal();
    drop(reader);
    engine.stop().await;
}

#[tokio::test]
async fn a_health_check_that_fails_is_its_own_report() {
    let told = Recorder::new();
    let engine = undisturbed(Broken::unavailable()).hooks(Arc::clone(&told)).start().unwrap();
    assert!(engine.health().await.is_err());
    engine.stop().await;
    assert!(!told.lines().iter().any(|line| line.contains("health")), "{:?}", told.lines());
}

#[tokio::test]
async fn an_archive_that_cannot_be_written_is_told_and_the_task_goes_on() {
    let (database, told) = (Postgres::shared().await.database().await, Recorder::new());
    let store = tiered::open_over(database.url.clone(), Arc::clone(&told) as _).await;
    let rename = "ALTER TABLE taskcast_events RENAME TO elsewhere";
    database.client().await.batch_execute(rename).await.unwrap();
    let engine = engine_over(Arc::new(store));
    let task = running(&engine).await;
    wait_until("the archive is told of", || async { !told.of("storage archive").is_empty() }).await;
    engine.publish(&task, vec![plain(1)]).await.unwrap();
    engine.stop().await;
    assert!(!told.lines().iter().any(|line| line.contains("taskcast_events")), "{:?}", told.lines());
}

/// An engine on `bus` whose errors of the bus are written down.
fn on_bus(bus: &Arc<FaultyBus>) -> (Engine, Arc<Recorder>) {
    let told = Recorder::new();
    let engine = builder_with(memory(), |_| {}).bus(Arc::clone(bus) as _).hooks(Arc::clone(&told));
    (engine.start().unwrap(), told)
}

#[tokio::test]
async fn a_bus_that_cannot_do_what_it_is_asked_is_a_broadcast_error() {
    let bus = Arc::new(FaultyBus::by_hand(Arc::new(MemoryBus::new())));
    bus.be_deaf(true);
    let (engine, told) = on_bus(&bus);
    told.until("broadcast -: bus unavailable: lost on purpose").await;
    let task = running(&engine).await;
    told.until(&format!("broadcast {task}: bus unavailable: lost on purpose")).await;
    engine.stop().await;
}

#[tokio::test]
async fn an_announcement_that_the_bus_refuses_is_a_broadcast_error_of_its_task() {
    let bus = Arc::new(FaultyBus::new(Arc::new(MemoryBus::new()), 7));
    let (engine, told) = on_bus(&bus);
    let task = running(&engine).await;
    let line = format!("broadcast {task}: bus unavailable: lost on purpose");
    wait_until("an announcement is refused", || async {
        engine.publish(&task, vec![plain(1)]).await.unwrap();
        told.lines().contains(&line)
    })
    .await;
    bus.heal();
    engine.stop().await;
}

#[tokio::test]
async fn a_bus_that_may_have_lost_messages_and_one_that_speaks_nonsense_are_broadcast_errors() {
    let hub = Arc::new(MemoryBus::new());
    let bus = Arc::new(FaultyBus::by_hand(Arc::new(hub.join())));
    let (engine, told) = on_bus(&bus);
    wait_until("a gap is told", || async {
        bus.gap();
        told.lines().contains(&"broadcast -: the bus may have lost messages".to_owned())
    })
    .await;
    let task = running(&engine).await;
    let topic = taskcast_actors::ports::Topic::Task(task.clone());
    let line = format!("broadcast {task}: an announcement could not be read");
    wait_until("nonsense is heard", || async {
        hub.publish(&topic, bytes::Bytes::from_static(b"nonsense")).await.unwrap();
        told.lines().contains(&line)
    })
    .await;
    engine.stop().await;
}

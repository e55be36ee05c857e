//! What happens to tasks and events, told by the engine that did it.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use taskcast_actors::domain::{
    NewTask, Rejection, Task, TaskError, TaskId, TaskStatus, Transition, archive::Archive,
};
use taskcast_actors::memory::MemoryBus;
use taskcast_actors::ports::TaskHooks;
use taskcast_actors::testing::{Fault, FaultyStore, Operation};
use taskcast_actors::{Engine, EngineError, Publish, SubscribeRequest};

use crate::support::engine::*;
use crate::support::hooks::Recorder;

const REFUSED: &str = "memory unavailable (connection_reset)";

fn failing(message: &str) -> Transition {
    let error = TaskError { message: message.into(), code: None, details: None };
    Transition { error: Some(error), ..Transition::to(TaskStatus::Failed) }
}

/// An engine over a store that fails on order, and what its hooks are told.
fn faulty() -> (Engine, Arc<FaultyStore>, Arc<Recorder>) {
    be_quiet_about_intended_panics();
    let (store, told) = (Arc::new(FaultyStore::new(memory())), Recorder::new());
    let engine = builder_with(Arc::clone(&store) as _, |settings| {
        (settings.seq_hold, settings.sweep) = (Duration::from_secs(3600), Duration::from_secs(3600));
    });
    (engine.hooks(Arc::clone(&told)).start().unwrap(), store, told)
}

/// Two engines that share everything, and what the hooks of each are told.
fn two() -> [(Engine, Arc<Recorder>); 2] {
    let (store, hub) = (memory(), MemoryBus::new());
    [(); 2].map(|()| {
        let told = Recorder::new();
        let engine = Engine::builder(Arc::clone(&store)).bus(Arc::new(hub.join())).hooks(Arc::clone(&told));
        (engine.start().unwrap(), told)
    })
}

#[tokio::test]
async fn a_failed_task_is_told_by_the_instance_that_committed_it_and_by_no_other() {
    let [(one, by_one), (two, by_two)] = two();
    let task = running(&one).await;
    let viewer = Viewer::open(&one, &task, SubscribeRequest::default()).await;
    two.transition(&task, failing("boom")).await.unwrap();
    viewer.finish().await;
    one.stop().await;
    two.stop().await;
    assert_eq!((by_one.lines(), by_two.lines()), (vec![], vec![format!("failed {task}: boom")]));
}

#[tokio::test]
async fn of_failures_that_race_on_two_instances_the_one_that_counts_is_told() {
    let [(one, by_one), (two, by_two)] = two();
    let tasks: Vec<_> = join_all((0..20).map(|_| running(&one))).await;
    for task in &tasks {
        let fail = |engine: Engine| {
            let task = task.clone();
            tokio::spawn(async move { engine.transition(&task, failing("boom")).await.is_ok() })
        };
        let won = join_all([fail(one.clone()), fail(two.clone()), fail(one.clone())]).await;
        assert_eq!(won.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1);
    }
    one.stop().await;
    two.stop().await;
    let mut told = [by_one.lines(), by_two.lines()].concat();
    let mut failed: Vec<_> = tasks.iter().map(|task| format!("failed {task}: boom")).collect();
    told.sort();
    failed.sort();
    assert_eq!(told, failed);
}

#[tokio::test]
async fn a_failure_whose_answer_was_lost_is_told_once_and_counted_once() {
    for fault in [Fault::LoseAnswer, Fault::LoseRequest, Fault::PanicBefore, Fault::PanicAfter] {
        let (engine, store, told) = faulty();
        let task = running(&engine).await;
        store.fail_next(Operation::Write, fault);
        engine.transition(&task, failing("boom")).await.unwrap();
        engine.stop().await;
        assert_eq!(told.of("failed"), [format!("failed {task}: boom")], "{fault:?}");
        let failed = TaskStatus::ALL.iter().position(|status| *status == TaskStatus::Failed).unwrap();
        assert_eq!(
            engine.stats().transitions[failed].load(std::sync::atomic::Ordering::Relaxed),
            1,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn a_task_whose_time_is_over_is_told_once() {
    let told = Recorder::new();
    let clock = Arc::new(taskcast_actors::testing::ManualClock::default());
    let engine = builder_with(memory(), |settings| settings.sweep = Duration::from_secs(3600));
    let engine = engine.clock(Arc::clone(&clock) as _).hooks(Arc::clone(&told)).start().unwrap();
    let task = created(&engine, NewTask { ttl: Some(5), ..NewTask::default() }).await;
    assert_eq!(engine.sweep().await, Ok(0));
    clock.advance(Duration::from_secs(6));
    assert_eq!(engine.sweep().await, Ok(1));
    assert_eq!(engine.sweep().await, Ok(0));
    engine.stop().await;
    assert_eq!(told.lines(), [format!("timeout {task}")]);
}

#[tokio::test]
async fn what_is_no_failure_of_now_is_not_told() {
    let (engine, _, told) = faulty();
    let task = running(&engine).await;
    engine.transition(&task, failing("boom")).await.unwrap();
    let (head, events) = engine.export(&task).await.unwrap();
    let archive = Archive { task: head.task.clone(), events: events.into_iter().map(Arc::new).collect() };
    assert_eq!(engine.import(archive, true).await, Ok(true));
    let done = running(&engine).await;
    complete(&engine, &done).await;
    engine.publish(&done, vec![plain(1)]).await.unwrap_err();
    engine.publish(&TaskId::parse("nobody").unwrap(), vec![plain(1)]).await.unwrap_err();
    engine.stop().await;
    assert_eq!(told.lines(), [format!("failed {task}: boom")]);
}

#[tokio::test]
async fn an_actor_that_panics_is_told_each_time_and_the_command_it_cannot_survive_is_lost() {
    let (engine, store, told) = faulty();
    let task = running(&engine).await;
    let unhandled = format!("unhandled task {task}: the task's actor panicked");
    store.fail_next(Operation::Write, Fault::PanicBefore);
    engine.publish(&task, vec![plain(1)]).await.unwrap();
    told.until(&unhandled).await;
    (0..6).for_each(|_| store.fail_next(Operation::Write, Fault::PanicBefore));
    assert_eq!(engine.publish(&task, vec![plain(2)]).await, Err(EngineError::Panicked));
    let all = vec![unhandled; 7];
    wait_until("the last panic is told", || async { told.of("unhandled") == all }).await;
    engine.stop().await;
    assert_eq!(told.of("dropped"), [format!("dropped {task} note: the task could not handle this")]);
}

#[tokio::test]
async fn every_event_that_the_store_does_not_take_is_dropped_however_it_was_sent() {
    let (engine, store, told) = faulty();
    let task = running(&engine).await;
    store.fail_next(Operation::Write, Fault::Refuse);
    engine.publish(&task, vec![plain(1), delta("s", "x")]).await.unwrap_err();
    store.fail_next(Operation::Write, Fault::Refuse);
    engine.task(&task).await.unwrap().send(Publish::new(vec![plain(2)])).await.unwrap().unwrap_err();
    engine.publish(&task, vec![plain(0)]).await.unwrap();
    store.fail_next(Operation::Write, Fault::LoseRequest);
    (0..5).for_each(|_| store.fail_next(Operation::Read, Fault::Refuse));
    let unknown = engine.publish(&task, vec![plain(3)]).await;
    assert!(matches!(unknown, Err(EngineError::Unknown(_))), "{unknown:?}");
    store.fail_next(Operation::Write, Fault::LoseAnswer);
    engine.publish(&task, vec![plain(4)]).await.unwrap();
    engine.stop().await;
    assert_eq!(
        told.of("dropped"),
        [
            format!("dropped {task} note: {REFUSED}"),
            format!("dropped {task} text: {REFUSED}"),
            format!("dropped {task} note: {REFUSED}"),
            format!("dropped {task} note: it is not known whether it was done: {REFUSED}"),
        ]
    );
}

#[tokio::test]
async fn every_event_for_which_there_is_no_room_is_dropped() {
    let told = Recorder::new();
    let engine = builder_with(memory(), |settings| settings.queue_commands = 1);
    let engine = engine.hooks(Arc::clone(&told)).start().unwrap();
    let task = running(&engine).await;
    let published = join_all((0..50).map(|n| engine.publish(&task, vec![plain(n), plain(n)]))).await;
    let refused = published.iter().filter(|answer| **answer == Err(EngineError::Overloaded)).count();
    assert!((1..50).contains(&refused), "{refused}");
    engine.stop().await;
    assert_eq!(told.lines(), vec![format!("dropped {task} note: too many writes are waiting"); 2 * refused]);
}

#[tokio::test]
async fn a_publish_that_waits_for_others_when_the_engine_stops_is_dropped() {
    let (engine, _, told) = faulty();
    let task = running(&engine).await;
    engine.publish(&task, vec![numbered("c", 1, plain(1))]).await.unwrap();
    let (sender, id) = (engine.clone(), task.clone());
    let held =
        tokio::spawn(async move { sender.publish_in_sequence(&id, vec![numbered("c", 3, plain(3))]).await });
    wait_until("it waits", || async {
        engine
            .publish(&task, vec![numbered("c", 3, plain(3))])
            .await
            .is_err_and(|error| matches!(error, EngineError::SeqDuplicate { .. }))
    })
    .await;
    engine.stop().await;
    assert_eq!(held.await.unwrap(), Err(EngineError::Stopping));
    let late = engine.publish(&task, vec![plain(4)]).await;
    assert_eq!(late, Err(EngineError::Stopping));
    let line = format!("dropped {task} note: the engine is stopping");
    told.until(&line).await;
    wait_until("both are told", || async { told.lines() == vec![line.clone(); 2] }).await;
}

#[tokio::test]
async fn what_a_rule_refuses_and_what_came_out_of_order_is_not_dropped() {
    let (engine, _, told) = faulty();
    let task = running(&engine).await;
    engine.publish(&task, vec![numbered("c", 1, plain(1))]).await.unwrap();
    let stale = engine.publish(&task, vec![numbered("c", 1, plain(1))]).await;
    assert!(matches!(stale, Err(EngineError::Rejected(Rejection::SeqStale { .. }))), "{stale:?}");
    let gap = engine.publish(&task, vec![numbered("c", 9, plain(1))]).await;
    assert!(matches!(gap, Err(EngineError::Rejected(Rejection::SeqGap { .. }))), "{gap:?}");
    engine.stop().await;
    assert_eq!(told.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn publishes_are_told_to_whoever_wants_them() {
    for (told, wanted) in [(Recorder::with_publishes(), true), (Recorder::new(), false)] {
        let engine = builder_with(memory(), |_| {}).hooks(Arc::clone(&told)).start().unwrap();
        let task = running(&engine).await;
        engine.publish(&task, vec![plain(1), plain(2)]).await.unwrap();
        engine.publish_in_sequence(&task, vec![plain(3)]).await.unwrap();
        engine.stop().await;
        let lines = [format!("publish {task}: 2"), format!("publish {task}: 1")];
        assert_eq!(told.lines(), if wanted { lines.to_vec() } else { vec![] });
    }
}

/// Hooks that wait until their gate is gone, and panic behind it.
struct Stuck {
    gate: Mutex<mpsc::Receiver<()>>,
    called: mpsc::Sender<()>,
}

impl TaskHooks for Stuck {
    fn on_task_failed(&self, _: &Task) {
        let _end_of_test = self.called.send(());
        let _opened = self.gate.lock().recv();
        panic!("a hook panics on purpose");
    }
}

#[tokio::test]
async fn hooks_that_block_and_panic_slow_nothing_and_harm_nobody() {
    be_quiet_about_intended_panics();
    let ((closed, gate), (called, calls)) = (mpsc::channel(), mpsc::channel());
    let hooks = Arc::new(Stuck { gate: Mutex::new(gate), called });
    let engine = builder_with(memory(), |_| {}).hooks(hooks).start().unwrap();
    for _ in 0..2000 {
        let task = running(&engine).await;
        engine.transition(&task, failing("boom")).await.unwrap();
    }
    let dropped = engine.hooks().dropped();
    assert!(dropped > 900, "{dropped}");
    soon("the end of the engine", engine.stop()).await;
    drop(closed);
    for _ in 0..2000 - dropped {
        calls.recv_timeout(crate::support::PATIENCE).unwrap();
    }
}

//! What tasks owe to webhooks: told at once, taken by one engine at a time, kept through faults, and seen by nobody else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use taskcast_actors::domain::archive::Archive;
use taskcast_actors::domain::outbox::{Cursor, Failure, HookId, Then};
use taskcast_actors::domain::{
    EventFilter, NewTask, Secret, TaskId, TaskStatus, Transition, TypePattern, Webhook,
};
use taskcast_actors::memory::MemoryStore;
use taskcast_actors::ports::{TaskHooks, TaskStore};
use taskcast_actors::testing::{Fault, FaultyStore, ManualClock, Operation};
use taskcast_actors::{Engine, EngineError, HistoryRequest, OutboxWork, Settings, TakenOutbox};

use crate::support::engine::*;

const HOOK: HookId = HookId::Own(0);
/// Longer than any lease.
const LEASE: Duration = Duration::from_secs(60);

engine_suite!(
    what_is_owed_is_told_at_once_and_taken_by_one_engine,
    an_engine_that_dies_is_succeeded_when_its_lease_runs_out,
    settling_is_seen_by_nobody_else,
    pages_tell_of_what_is_gone_and_ranks_count_it,
    a_task_that_is_deleted_or_replaced_owes_nothing,
    what_failed_is_kept_and_delivered_again,
);

/// An engine that somebody delivers for, which sweeps only when told to.
fn delivering(store: &Arc<dyn TaskStore>, clock: &Arc<ManualClock>) -> Engine {
    let quiet = |settings: &mut Settings| settings.sweep = Duration::from_secs(3600);
    let builder = builder_with(Arc::clone(store), quiet).clock(Arc::clone(clock) as _);
    builder.webhooks(Vec::new()).start().unwrap()
}

fn hooked() -> NewTask {
    let secret = Some(Secret("s3cret".into()));
    let webhook =
        Webhook { url: "http://example.org/".into(), filter: None, secret, wrap: None, retry: None };
    NewTask { webhooks: Some(vec![webhook]), ..NewTask::default() }
}

/// A running task with one webhook, which owes one event.
async fn owing(engine: &Engine) -> TaskId {
    let id = created(engine, hooked()).await;
    engine.transition(&id, Transition::to(TaskStatus::Running)).await.unwrap();
    id
}

async fn taken(engine: &Engine, id: &TaskId) -> TakenOutbox {
    engine.take_outbox(id).await.unwrap().expect("it is due")
}

fn work(next: u64, then: Then) -> OutboxWork {
    OutboxWork { cursors: vec![Cursor::at(HOOK, next)], failed: Vec::new(), delivered: Vec::new(), then }
}

async fn what_is_owed_is_told_at_once_and_taken_by_one_engine(open: Open) {
    let (store, clock) = (open(), Arc::default());
    let engines = [delivering(&store, &clock), delivering(&store, &clock)];
    let id = owing(&engines[0]).await;
    assert_eq!(soon("the task that owes", engines[0].next_outbox()).await, id);
    let lease = taken(&engines[0], &id).await;
    assert_eq!((lease.stamp.version, lease.head.outbox.as_ref().unwrap().cursor(HOOK).next), (1, 0));
    assert!(engines[0].has_lease(&lease.head) && !engines[1].has_lease(&lease.head));
    assert!(engines[1].take_outbox(&id).await.unwrap().is_none());
    assert!(engines[1].settle_outbox(&id, work(1, Then::Leave)).await.unwrap().is_none());
    engines[1].publish(&id, vec![plain(1), plain(2)]).await.unwrap();
    let more = engines[0].settle_outbox(&id, work(1, Then::GoOnIfDue)).await.unwrap().unwrap();
    assert!(engines[0].has_lease(&more.head), "two events came meanwhile");
    let done = engines[0].settle_outbox(&id, work(3, Then::GoOnIfDue)).await.unwrap().unwrap();
    assert_eq!(done.head.outbox, None);
    assert!(engines[0].take_outbox(&id).await.unwrap().is_none());
    for engine in engines {
        engine.stop().await;
    }
}

async fn an_engine_that_dies_is_succeeded_when_its_lease_runs_out(open: Open) {
    let (store, clock) = (open(), Arc::<ManualClock>::default());
    let (dying, heir) = (delivering(&store, &clock), delivering(&store, &clock));
    let id = owing(&dying).await;
    taken(&dying, &id).await;
    dying.settle_outbox(&id, work(1, Then::GoOn)).await.unwrap().unwrap();
    dying.publish(&id, vec![plain(1)]).await.unwrap();
    assert_eq!(heir.sweep().await, Ok(0));
    clock.advance(LEASE);
    assert_eq!(heir.sweep().await, Ok(1));
    assert_eq!(soon("the task that owes", heir.next_outbox()).await, id);
    let lease = taken(&heir, &id).await;
    assert_eq!(lease.head.outbox.as_ref().unwrap().cursor(HOOK).next, 1, "it goes on from the cursor");
    let late = dying.settle_outbox(&id, work(2, Then::Leave)).await.unwrap();
    assert!(late.is_none(), "the other one has it");
    dying.stop().await;
    heir.stop().await;
}

async fn settling_is_seen_by_nobody_else(open: Open) {
    let (store, clock) = (open(), Arc::<ManualClock>::default());
    let engine = delivering(&store, &clock);
    let id = owing(&engine).await;
    let before = engine.get(&id).await.unwrap().task.clone();
    let archived = engine.export(&id).await.unwrap();
    clock.advance(Duration::from_secs(1));
    taken(&engine, &id).await;
    engine.settle_outbox(&id, work(1, Then::GoOn)).await.unwrap().unwrap();
    let head = engine.get(&id).await.unwrap();
    assert_eq!(head.task, before, "updatedAt too");
    assert!(head.outbox.is_some());
    let text = serde_json::to_string(&head.task).unwrap();
    assert!(!text.contains("outbox") && !text.contains("s3cret"), "{text}");
    assert_eq!(engine.export(&id).await.unwrap().1, archived.1);
    assert_eq!(history(&engine, &id, HistoryRequest::default()).await.len(), 1);
    let found = engine.list(&taskcast_actors::TaskQuery { limit: 10, ..Default::default() }).await.unwrap();
    assert_eq!(found.tasks.len(), 1);
    engine.stop().await;
}

async fn pages_tell_of_what_is_gone_and_ranks_count_it(open: Open) {
    let (store, clock) = (open(), Arc::default());
    let engine = delivering(&store, &clock);
    let id = owing(&engine).await;
    engine.publish(&id, vec![latest("p", 1), plain(2), latest("p", 3)]).await.unwrap();
    let stamp = taken(&engine, &id).await.stamp;
    let page = engine.outbox_page(&id, stamp, 1).await.unwrap();
    let places: Vec<_> = page.events.iter().map(|place| (place.index, place.event.is_some())).collect();
    assert_eq!((places, page.ended), (vec![(1, false), (2, true), (3, true)], true));
    assert_eq!(&*page.events[0].event_type, "progress");
    let progress = Some(vec![TypePattern::parse("progress")]);
    let filter = EventFilter { types: progress, ..EventFilter::default() };
    assert_eq!(engine.rank(&id, filter, 3).await, Ok(1));
    assert_eq!(engine.rank(&id, EventFilter::default(), 3).await, Ok(3));
    let many = (0..150).map(plain).collect();
    engine.publish(&id, many).await.unwrap();
    let page = engine.outbox_page(&id, stamp, 4).await.unwrap();
    assert_eq!((page.events.len(), page.ended), (64, false));
    engine.stop().await;
}

async fn a_task_that_is_deleted_or_replaced_owes_nothing(open: Open) {
    let (store, clock) = (open(), Arc::default());
    let engine = delivering(&store, &clock);
    let id = owing(&engine).await;
    let lease = taken(&engine, &id).await;
    let (head, events) = engine.export(&id).await.unwrap();
    let archive = Archive { task: head.task.clone(), events: events.into_iter().map(Arc::new).collect() };
    assert_eq!(engine.import(archive, true).await, Ok(true));
    assert_eq!(engine.get(&id).await.unwrap().outbox, None, "an import sends nothing");
    assert!(engine.settle_outbox(&id, work(1, Then::Leave)).await.unwrap().is_none());
    let other = engine.outbox_page(&id, lease.stamp, 0).await;
    assert!(
        matches!(other, Err(EngineError::NotFound)),
        "another log under the same id is not shown: {other:?}"
    );
    engine.publish(&id, vec![plain(1)]).await.unwrap();
    let outbox = taken(&engine, &id).await.head.outbox.clone().unwrap();
    assert_eq!(outbox.cursor(HOOK).next, 1, "what came later is owed");
    engine.delete(&id).await.unwrap();
    assert!(matches!(engine.settle_outbox(&id, work(2, Then::Leave)).await, Err(EngineError::NotFound)));
    assert_eq!(engine.sweep().await, Ok(0));
    engine.stop().await;
}

fn failure_of(taken: &TakenOutbox, index: u64) -> Failure {
    Failure {
        hook: HOOK,
        host: "example.org".into(),
        index,
        event_id: taskcast_actors::domain::EventId::from_text("e"),
        event_type: "note".into(),
        attempts: 4,
        status: Some(500),
        error: "no".into(),
        first_at: taken.head.task.created_at,
        failed_at: taken.head.task.updated_at,
        again: false,
    }
}

async fn what_failed_is_kept_and_delivered_again(open: Open) {
    let (store, clock) = (open(), Arc::default());
    let engine = delivering(&store, &clock);
    let id = owing(&engine).await;
    assert_eq!(engine.redeliver(&id, None).await, Ok(0));
    let lease = taken(&engine, &id).await;
    let failed = vec![failure_of(&lease, 0)];
    let done = OutboxWork { failed, ..work(1, Then::GoOnIfDue) };
    engine.settle_outbox(&id, done).await.unwrap().unwrap();
    assert_eq!(soon("it was told when it was marked", engine.next_outbox()).await, id);
    assert_eq!(engine.redeliver(&id, Some(vec!["t0-1".into()])).await, Ok(0));
    assert_eq!(engine.redeliver(&id, Some(vec!["t0-0".into(), "x".into()])).await, Ok(1));
    assert_eq!(soon("the task that owes again", engine.next_outbox()).await, id);
    let outbox = taken(&engine, &id).await.head.outbox.clone().unwrap();
    assert!(outbox.failures[0].again);
    let done = OutboxWork { delivered: vec!["t0-0".into()], ..work(1, Then::GoOnIfDue) };
    let after = engine.settle_outbox(&id, done).await.unwrap().unwrap();
    assert_eq!(after.head.outbox, None);
    assert!(matches!(
        engine.redeliver(&TaskId::parse("other").unwrap(), None).await,
        Err(EngineError::NotFound)
    ));
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_neither_lose_a_lease_nor_settle_twice() {
    be_quiet_about_intended_panics();
    for fault in [Fault::LoseAnswer, Fault::LoseRequest, Fault::PanicBefore, Fault::PanicAfter] {
        let faulty = Arc::new(FaultyStore::new(Arc::new(MemoryStore::new())));
        let store: Arc<dyn TaskStore> = Arc::clone(&faulty) as _;
        let engine = delivering(&store, &Arc::default());
        let id = owing(&engine).await;
        engine.publish(&id, vec![plain(1)]).await.unwrap();
        faulty.fail_next(Operation::Write, fault);
        let lease = taken(&engine, &id).await;
        faulty.fail_next(Operation::Write, fault);
        let failed = vec![failure_of(&lease, 0)];
        let settled = engine.settle_outbox(&id, OutboxWork { failed, ..work(1, Then::GoOn) }).await.unwrap();
        let outbox = settled.expect("the lease is ours").head.outbox.clone().unwrap();
        assert_eq!((outbox.failures.len(), outbox.cursor(HOOK).next), (1, 1), "{fault:?}");
        engine.stop().await;
    }
}

/// Keeps what it is told of failed webhooks.
#[derive(Default)]
struct Told(Mutex<Vec<(String, String, String)>>);

impl TaskHooks for Told {
    fn on_webhook_failed(&self, task_id: &TaskId, host: &str, error: &str) {
        self.0.lock().push((task_id.to_string(), host.to_owned(), error.to_owned()));
    }
}

#[tokio::test]
async fn hooks_are_told_of_a_failure_once_it_is_recorded() {
    let told = Arc::new(Told::default());
    let builder = builder_with(memory(), |_| {}).hooks(Arc::clone(&told));
    let engine = builder.webhooks(Vec::new()).start().unwrap();
    let id = owing(&engine).await;
    let lease = taken(&engine, &id).await;
    assert!(told.0.lock().is_empty());
    let failed = vec![failure_of(&lease, 0)];
    engine.settle_outbox(&id, OutboxWork { failed, ..work(1, Then::Leave) }).await.unwrap().unwrap();
    wait_until("the hooks are told", async || !told.0.lock().is_empty()).await;
    assert_eq!(*told.0.lock(), [(id.to_string(), "example.org".to_owned(), "no".to_owned())]);
    engine.stop().await;
}

/// Somebody who delivers for one engine.
struct Courier {
    engine: Engine,
    lease: Option<(TakenOutbox, Cursor)>,
}

impl Courier {
    async fn take(&mut self, id: &TaskId) {
        if let Ok(Some(taken)) = self.engine.take_outbox(id).await {
            let cursor = taken.head.outbox.as_ref().expect("it was taken").cursor(HOOK);
            self.lease = Some((taken, cursor));
        }
    }

    /// Delivers up to `count` events to `receiver`.
    async fn deliver(&mut self, id: &TaskId, count: usize, receiver: &mut Vec<u64>) {
        let Some((taken, cursor)) = &mut self.lease else { return };
        let Ok(page) = self.engine.outbox_page(id, taken.stamp, cursor.next).await else { return };
        for place in page.events.iter().take(count) {
            receiver.extend(place.event.iter().map(|event| event.index));
            cursor.pass(place.index);
        }
    }

    async fn settle(&mut self, id: &TaskId, then: Then) {
        let Some((_, cursor)) = &self.lease else { return };
        let work = OutboxWork { cursors: vec![cursor.clone()], ..work(0, then) };
        match self.engine.settle_outbox(id, work).await {
            Ok(Some(taken)) if self.engine.has_lease(&taken.head) => {}
            Ok(_) => self.lease = None,
            Err(_) => {}
        }
    }
}

/// One life of a task on two engines whose store fails, and which die and come back. What its receiver got.
async fn life(seed: u64) -> (Vec<u64>, u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let faulty = Arc::new(FaultyStore::new(Arc::new(MemoryStore::new())));
    let store: Arc<dyn TaskStore> = Arc::clone(&faulty) as _;
    let clock = Arc::<ManualClock>::default();
    let courier = || Courier { engine: delivering(&store, &clock), lease: None };
    let mut couriers = [courier(), courier()];
    let id = owing(&couriers[0].engine).await;
    let mut receiver = Vec::new();
    faulty.fail_randomly(seed, 0.2);
    for _ in 0..40 {
        let courier = &mut couriers[rng.usize(..2)];
        match rng.u8(..12) {
            0..3 => drop(courier.engine.publish(&id, vec![plain(1)]).await),
            3..5 => courier.take(&id).await,
            5..8 => courier.deliver(&id, rng.usize(1..4), &mut receiver).await,
            8 => courier.settle(&id, Then::GoOn).await,
            9 => courier.settle(&id, if rng.bool() { Then::Leave } else { Then::GoOnIfDue }).await,
            10 => clock.advance(Duration::from_secs(rng.u64(1..20))),
            _ => courier.lease = None,
        }
    }
    faulty.heal();
    couriers.iter_mut().for_each(|courier| courier.lease = None);
    while engine_owes(&couriers[0].engine, &id).await {
        clock.advance(LEASE);
        couriers[0].take(&id).await;
        couriers[0].deliver(&id, 64, &mut receiver).await;
        couriers[0].settle(&id, Then::GoOnIfDue).await;
    }
    let events = stored(&store, &id).await.len() as u64;
    for courier in couriers {
        courier.engine.stop().await;
    }
    (receiver, events)
}

async fn engine_owes(engine: &Engine, id: &TaskId) -> bool {
    engine.get(id).await.unwrap().outbox.is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_every_event_is_delivered_and_first_in_order() {
    be_quiet_about_intended_panics();
    for seed in 0..150 {
        let (receiver, events) = soon("a life", life(seed)).await;
        let mut seen = BTreeSet::new();
        let first: Vec<_> = receiver.into_iter().filter(|index| seen.insert(*index)).collect();
        assert_eq!(first, (0..events).collect::<Vec<_>>(), "seed {seed}");
    }
}

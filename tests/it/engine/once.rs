//! Requests under a key (PROTOCOL §8.6): whatever fails, and however often they are repeated, they write once.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use taskcast_actors::domain::{NewEvent, NewTask, TaskEvent, TaskId, TaskStatus, Transition};
use taskcast_actors::memory::MemoryBus;
use taskcast_actors::ports::TaskStore;
use taskcast_actors::testing::{Fault, FaultyStore, ManualClock, Operation, model};
use taskcast_actors::{Answered, Appended, Engine, EngineError, HistoryRequest, Once, ReceiptKey};

use crate::support::engine::*;

type Publishing = Result<Answered<Appended>, EngineError>;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The key `n`, used for `body`.
fn once(n: u64, body: u128) -> Once {
    let bytes = n.to_be_bytes();
    Once { key: ReceiptKey(std::array::from_fn(|place| bytes[place % 8])), body }
}

/// Publishes the event that carries `n` under the key `n`.
async fn publish(engine: &Engine, id: &TaskId, n: u64) -> Publishing {
    engine.publish_once(id, vec![plain(n)], false, once(n, 1)).await
}

fn events_of(answer: &Answered<Appended>) -> Vec<Arc<TaskEvent>> {
    answer.answer.to_vec()
}

/// The numbers in the log.
async fn numbers(engine: &Engine, id: &TaskId) -> Vec<u64> {
    let events = history(engine, id, HistoryRequest::default()).await;
    events.iter().filter_map(|event| number(&model::data_of(event))).collect()
}

/// Two engines over one store, which hear of each other.
fn two(store: &Arc<dyn TaskStore>) -> [Engine; 2] {
    let hub = MemoryBus::new();
    let member = || builder_with(Arc::clone(store), |_| {}).bus(Arc::new(hub.join())).start().unwrap();
    [member(), member()]
}

async fn a_repeat_gets_the_first_answer_whatever_became_of_the_events(open: Open) {
    let engine = engine_with(open(), |settings| settings.idle = Duration::ZERO);
    let id = running(&engine).await;
    let wishes: [Vec<NewEvent>; 4] = [
        vec![plain(0)],
        vec![delta("text", "a"), delta("text", "b")],
        vec![latest("progress", 2)],
        vec![numbered("c", 4, plain(3))],
    ];
    let mut first = Vec::new();
    for (n, wish) in (0..).zip(&wishes) {
        let answer = engine.publish_once(&id, wish.clone(), true, once(n, 1)).await.unwrap();
        assert!(!answer.replayed && answer.answer.len() == wish.len());
        first.push(events_of(&answer));
    }
    engine.publish(&id, vec![latest("progress", 9), delta("text", "c")]).await.unwrap();
    let check = async |engine: &Engine| {
        for (n, wish) in (0..).zip(&wishes) {
            let again = engine.publish_once(&id, wish.clone(), true, once(n, 1)).await.unwrap();
            assert!(again.replayed);
            assert_eq!(events_of(&again), first[usize::try_from(n).unwrap()]);
        }
    };
    check(&engine).await;
    passivate(&engine).await;
    check(&engine).await;
    complete(&engine, &id).await;
    check(&engine).await;
    assert_eq!(history(&engine, &id, HistoryRequest::default()).await.len(), 1 + 4 + 2 + 1);
    engine.stop().await;
}

async fn a_key_is_good_for_one_body_once_it_has_succeeded(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    let refused =
        engine.publish_once(&id, vec![NewEvent::new("taskcast:x", json("1"))], false, once(1, 1)).await;
    assert!(matches!(refused, Err(EngineError::Rejected(_))));
    assert_eq!(engine.refuse_reuse(Some(&id), once(1, 9)).await, Ok(()), "only success is remembered");
    let stored = engine.publish_once(&id, vec![plain(1)], false, once(1, 2)).await.unwrap();
    assert!(!stored.replayed);
    for body in [1, 3] {
        let other = engine.publish_once(&id, vec![plain(2)], false, once(1, body)).await;
        assert_eq!(other, Err(EngineError::KeyReused));
        assert_eq!(engine.refuse_reuse(Some(&id), once(1, body)).await, Err(EngineError::KeyReused));
    }
    assert_eq!(engine.refuse_reuse(Some(&id), once(1, 2)).await, Ok(()));
    assert_eq!(numbers(&engine, &id).await, [1]);

    let named = NewTask { id: Some(TaskId::parse("taken").unwrap()), ..NewTask::default() };
    created(&engine, named.clone()).await;
    assert_eq!(engine.create_once(named.clone(), once(2, 1)).await, Err(EngineError::Exists));
    assert_eq!(engine.refuse_reuse(None, once(2, 2)).await, Ok(()));
    engine.delete(&TaskId::parse("taken").unwrap()).await.unwrap();
    assert!(!engine.create_once(named.clone(), once(2, 1)).await.unwrap().replayed, "it is free now");
    assert_eq!(engine.create_once(named, once(2, 2)).await, Err(EngineError::KeyReused));
    assert_eq!(engine.refuse_reuse(None, once(2, 2)).await, Err(EngineError::KeyReused));
    engine.stop().await;
}

async fn a_repeated_creation_gets_its_first_answer_also_after_a_deletion(open: Open) {
    let engine = engine_over(open());
    let wish = || NewTask { ttl: Some(1000), params: Some(json(r#"{"n":1e400}"#)), ..NewTask::default() };
    let first = engine.create_once(wish(), once(1, 1)).await.unwrap();
    let id = &first.answer.task.id;
    engine.transition(id, Transition::to(TaskStatus::Cancelled)).await.unwrap();
    for deleted in [false, true] {
        let again = engine.create_once(wish(), once(1, 1)).await.unwrap();
        assert!(again.replayed && again.answer == first.answer);
        if deleted {
            assert_eq!(engine.get(id).await, Err(EngineError::NotFound));
        } else {
            assert_eq!(engine.get(id).await.unwrap().task.status, TaskStatus::Cancelled);
            engine.delete(id).await.unwrap();
        }
    }
    engine.stop().await;
}

async fn keys_of_events_are_forgotten_with_their_task(open: Open) {
    let engine = engine_over(open());
    let id = TaskId::parse("again").unwrap();
    let task = || NewTask { id: Some(id.clone()), ..NewTask::default() };
    assert_eq!(publish(&engine, &id, 1).await, Err(EngineError::NotFound));
    created(&engine, task()).await;
    let first = publish(&engine, &id, 1).await.unwrap();
    engine.delete(&id).await.unwrap();
    assert_eq!(publish(&engine, &id, 1).await, Err(EngineError::NotFound));
    assert_eq!(engine.refuse_reuse(Some(&id), once(1, 2)).await, Ok(()));
    created(&engine, task()).await;
    assert_eq!(engine.refuse_reuse(Some(&id), once(1, 2)).await, Ok(()));
    let fresh = publish(&engine, &id, 1).await.unwrap();
    assert!(!fresh.replayed && fresh.answer[0].id != first.answer[0].id);
    assert!(publish(&engine, &id, 1).await.unwrap().replayed);
    assert_eq!(numbers(&engine, &id).await, [1]);
    engine.stop().await;
}

async fn an_empty_batch_is_remembered_although_the_log_shows_nothing_of_it(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    let empty = async || engine.publish_once(&id, Vec::new(), false, once(1, 1)).await;
    assert!(!empty().await.unwrap().replayed);
    assert_eq!(
        engine.publish_once(&id, vec![plain(1)], false, once(1, 2)).await,
        Err(EngineError::KeyReused)
    );
    complete(&engine, &id).await;
    let again = empty().await.unwrap();
    assert!(again.replayed && again.answer.is_empty());
    let late = engine.publish_once(&id, Vec::new(), false, once(2, 1)).await;
    assert!(matches!(late, Err(EngineError::Rejected(_))));
    engine.stop().await;
}

async fn keys_are_forgotten_after_a_day(open: Open) {
    let (engine, clock) = engine_by_hand(open(), |_| {});
    let id = running(&engine).await;
    let create = async || engine.create_once(NewTask::default(), once(9, 1)).await.unwrap();
    let (events, task) = (publish(&engine, &id, 1).await.unwrap(), create().await);
    clock.advance(DAY - Duration::from_millis(1));
    assert_eq!(events_of(&publish(&engine, &id, 1).await.unwrap()), events_of(&events));
    assert_eq!(create().await.answer, task.answer);
    clock.advance(Duration::from_millis(1));
    assert!(!publish(&engine, &id, 1).await.unwrap().replayed);
    assert_ne!(create().await.answer.task.id, task.answer.task.id);
    assert_eq!(numbers(&engine, &id).await, [1, 1]);
    engine.stop().await;
}

/// All answers are the first one.
fn assert_same<T: PartialEq + std::fmt::Debug>(answers: &[T]) {
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

async fn many_at_once_write_once(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    let wish = vec![plain(1), plain(2)];
    let all = (0..16).map(|_| engine.publish_once(&id, wish.clone(), false, once(1, 1)));
    let answers: Vec<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert_same(&answers.iter().map(events_of).collect::<Vec<_>>());
    let all = (0..16).map(|_| engine.create_once(NewTask::default(), once(2, 1)));
    let answers: Vec<_> = join_all(all).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert_same(&answers.into_iter().map(|answer| answer.answer).collect::<Vec<_>>());
    assert_eq!(numbers(&engine, &id).await, [1, 2]);
    engine.stop().await;
}

/// How many keys are raced for.
const RACES: u64 = 150;

async fn engines_that_get_one_key_at_once_write_once(open: Open) {
    let store = open();
    let engines = two(&store);
    let id = running(&engines[0]).await;
    for n in 0..RACES {
        let noise = engines[0].publish(&id, vec![plain(1_000_000 + n)]);
        let racing = engines.iter().flat_map(|engine| [engine, engine]).map(|engine| publish(engine, &id, n));
        let (answers, noise) = tokio::join!(join_all(racing), noise);
        noise.unwrap();
        let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert_same(&answers.iter().map(events_of).collect::<Vec<_>>());
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1, "key {n}");
    }
    let mut all = numbers(&engines[1], &id).await;
    all.sort_unstable();
    assert_eq!(all, (0..RACES).chain(1_000_000..1_000_000 + RACES).collect::<Vec<_>>());
    for n in RACES..RACES + RACES / 3 {
        let racing = engines.iter().map(|engine| engine.create_once(NewTask::default(), once(n, 1)));
        let answers: Vec<_> = join_all(racing).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1, "key {n}");
        assert_same(&answers.into_iter().map(|answer| answer.answer).collect::<Vec<_>>());
    }
    join_all(engines.iter().map(Engine::stop)).await;
}

async fn engines_that_get_one_key_with_two_bodies_write_one_of_them(open: Open) {
    let store = open();
    let engines = two(&store);
    let id = running(&engines[0]).await;
    for n in 0..RACES / 3 {
        let racing = (0..2_u64).map(|own| {
            let (engine, body) = (&engines[usize::try_from(own).unwrap()], u128::from(own));
            let wish = vec![plain(n * 2 + own)];
            let id = &id;
            async move { engine.publish_once(id, wish, false, once(n, body)).await }
        });
        let answers = join_all(racing).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "key {n}");
        assert!(answers.contains(&Err(EngineError::KeyReused)), "key {n}: {answers:?}");
    }
    assert_eq!(numbers(&engines[0], &id).await.len() as u64, RACES / 3);
    join_all(engines.iter().map(Engine::stop)).await;
}

/// Repeats the key `n` on these engines until it succeeds, sometimes giving up in the middle; then once more on each.
async fn persist(engines: Vec<Engine>, id: TaskId, n: u64) {
    let mut rng = fastrand::Rng::with_seed(n);
    let mut answers = Vec::new();
    while answers.is_empty() {
        let engine = &engines[rng.usize(..engines.len())];
        let patience = rng.bool().then(|| rng.usize(..60));
        if let Some(Ok(answer)) = given_up(patience, publish(engine, &id, n)).await {
            answers.push(events_of(&answer));
        }
    }
    for engine in &engines {
        if let Ok(answer) = publish(engine, &id, n).await {
            assert!(answer.replayed);
            answers.push(events_of(&answer));
        }
    }
    assert_same(&answers);
}

async fn over_a_failing_store_every_key_writes_once(open: Open) {
    for seed in 0..4 {
        let inner = open();
        let faulty = Arc::new(FaultyStore::new(Arc::clone(&inner)));
        let engines = two(&(Arc::clone(&faulty) as _)).to_vec();
        let id = running(&engines[0]).await;
        faulty.fail_randomly(seed, 0.1);
        let all = (0..24).map(|n| tokio::spawn(persist(engines.clone(), id.clone(), n)));
        for done in all.collect::<Vec<_>>() {
            soon("a key", done).await.unwrap();
        }
        faulty.heal();
        let mut written = numbers(&engines[0], &id).await;
        written.sort_unstable();
        assert_eq!(written, (0..24).collect::<Vec<_>>(), "seed {seed}");
        join_all(engines.iter().map(Engine::stop)).await;
    }
}

async fn a_creation_is_made_once_wherever_its_store_fails(open: Open) {
    let faults = [Fault::Refuse, Fault::LoseAnswer, Fault::LoseRequest];
    let places = [Operation::Write, Operation::Swap, Operation::Read];
    for (n, (place, fault)) in
        (0..).zip(places.into_iter().flat_map(|place| faults.map(|fault| (place, fault))))
    {
        for healthy in 0..4 {
            let store = Arc::new(FaultyStore::new(open()));
            let engine = engine_over(Arc::clone(&store) as _);
            let wish = async || engine.create_once(NewTask::default(), once(n, 1)).await;
            // A fault comes at another step in each round: the first `healthy` attempts are given up there.
            given_up(Some(healthy * 2), wish()).await;
            store.fail_next(place, fault);
            let mut answer = wish().await;
            while answer.is_err() {
                answer = wish().await;
            }
            store.heal();
            let again = wish().await.unwrap();
            assert!(again.replayed && again.answer == answer.unwrap().answer, "{place:?} {fault:?}");
            let query = taskcast_actors::TaskQuery { limit: 9, ..Default::default() };
            assert_eq!(engine.list(&query).await.unwrap().tasks.len(), 1, "{place:?} {fault:?}");
            engine.stop().await;
        }
    }
}

async fn an_engine_that_dies_at_any_step_leaves_nothing_undone_or_doubled(open: Open) {
    let store = open();
    let keeper = engine_over(Arc::clone(&store));
    let id = running(&keeper).await;
    for step in 0..40_u64 {
        let dying = engine_over(Arc::clone(&store));
        let times = usize::try_from(step).unwrap();
        given_up(Some(times), publish(&dying, &id, step)).await;
        given_up(Some(times), dying.create_once(NewTask::default(), once(1000 + step, 1))).await;
        dying.stop().await;
        let events = publish(&keeper, &id, step).await.unwrap();
        let task = keeper.create_once(NewTask::default(), once(1000 + step, 1)).await.unwrap();
        let next = engine_over(Arc::clone(&store));
        let again = publish(&next, &id, step).await.unwrap();
        assert!(again.replayed && events_of(&again) == events_of(&events), "step {step}");
        let again = next.create_once(NewTask::default(), once(1000 + step, 1)).await.unwrap();
        assert!(again.replayed && again.answer == task.answer, "step {step}");
        next.stop().await;
    }
    assert_eq!(numbers(&keeper, &id).await, (0..40).collect::<Vec<_>>());
    let query = taskcast_actors::TaskQuery { limit: 99, ..Default::default() };
    assert_eq!(keeper.list(&query).await.unwrap().tasks.len(), 41);
    keeper.stop().await;
}

/// An engine with a clock of its own over the same store.
fn beside(store: &Arc<dyn TaskStore>, clock: &Arc<ManualClock>) -> Engine {
    builder_with(Arc::clone(store), |_| {}).clock(Arc::clone(clock) as _).start().unwrap()
}

/// Tries again what was begun before the clock was turned.
async fn patiently<T, F: Future<Output = Result<T, EngineError>>>(
    attempt: impl Fn() -> F,
) -> Result<T, EngineError> {
    loop {
        match attempt().await {
            Err(EngineError::Overloaded) => {}
            answer => return answer,
        }
    }
}

async fn another_body_waits_until_it_is_certain_that_the_first_wrote_nothing(open: Open) {
    let inner = open();
    let store = Arc::new(FaultyStore::new(Arc::clone(&inner)));
    let (engine, clock) = engine_by_hand(Arc::clone(&store) as _, |_| {});
    let id = running(&engine).await;
    // The receipt is in place, but its answer is lost: nobody knows of a write.
    store.fail_next(Operation::Swap, Fault::LoseAnswer);
    assert!(engine.publish_once(&id, vec![plain(1)], false, once(1, 1)).await.is_err());
    store.fail_next(Operation::Swap, Fault::LoseAnswer);
    assert!(engine.create_once(NewTask::default(), once(2, 1)).await.is_err());
    let other = beside(&inner, &clock);
    let publishing = patiently(|| other.publish_once(&id, vec![plain(2)], false, once(1, 2)));
    let creating = patiently(|| other.create_once(NewTask::default(), once(2, 2)));
    let mut waiting = pin!(async { tokio::join!(publishing, creating) });
    assert!(given_up(Some(2000), &mut waiting).await.is_none(), "the first may still be at work");
    clock.advance(Duration::from_secs(31));
    let (published, created) = soon("both", waiting).await;
    assert!(!published.unwrap().replayed && !created.unwrap().replayed);
    assert_eq!(publish(&engine, &id, 1).await, Err(EngineError::KeyReused));
    assert_eq!(engine.create_once(NewTask::default(), once(2, 1)).await, Err(EngineError::KeyReused));
    assert_eq!(numbers(&engine, &id).await, [2]);
    join_all([engine.stop(), other.stop()]).await;
}

async fn a_repeat_of_a_held_publish_waits_with_it(open: Open) {
    let engines = two(&open());
    let id = running(&engines[0]).await;
    let hold = |engine: &Engine, seq: u64| {
        let (engine, id) = (engine.clone(), id.clone());
        let wish = vec![numbered("c", seq, plain(seq))];
        tokio::spawn(async move { engine.publish_once(&id, wish, true, once(seq, 1)).await })
    };
    hold(&engines[0], 1).await.unwrap().unwrap();
    let waits = async |engine: &Engine| {
        wait_until("it is held", || async { engine.waiting() == 1 }).await;
    };
    wait_until("nothing waits", || async { engines[0].waiting() == 0 }).await;
    let first = hold(&engines[0], 3);
    waits(&engines[0]).await;
    let (beside, elsewhere) = (hold(&engines[0], 3), hold(&engines[1], 3));
    waits(&engines[1]).await;
    assert_eq!(engines[0].waiting(), 1, "a repeat takes no place of its own");
    hold(&engines[1], 2).await.unwrap().unwrap();
    let answers = [first, beside, elsewhere].map(|held| soon("a held publish", held));
    let answers: Vec<_> = join_all(answers).await.into_iter().map(|held| held.unwrap().unwrap()).collect();
    assert_same(&answers.iter().map(events_of).collect::<Vec<_>>());
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert_eq!(numbers(&engines[0], &id).await, [1, 2, 3]);
    let late = hold(&engines[1], 3).await.unwrap().unwrap();
    assert!(late.replayed, "its number is old, but its key is known");
    join_all(engines.iter().map(Engine::stop)).await;
}

engine_suite!(
    a_repeat_gets_the_first_answer_whatever_became_of_the_events,
    a_key_is_good_for_one_body_once_it_has_succeeded,
    a_repeated_creation_gets_its_first_answer_also_after_a_deletion,
    keys_of_events_are_forgotten_with_their_task,
    an_empty_batch_is_remembered_although_the_log_shows_nothing_of_it,
    keys_are_forgotten_after_a_day,
    many_at_once_write_once,
    engines_that_get_one_key_at_once_write_once,
    engines_that_get_one_key_with_two_bodies_write_one_of_them,
    over_a_failing_store_every_key_writes_once,
    a_creation_is_made_once_wherever_its_store_fails,
    an_engine_that_dies_at_any_step_leaves_nothing_undone_or_doubled,
    another_body_waits_until_it_is_certain_that_the_first_wrote_nothing,
    a_repeat_of_a_held_publish_waits_with_it,
);

//! Numbered publishes (PROTOCOL §8.5).

use std::time::Duration;

use taskcast_actors::domain::{Rejection, TaskId, TaskStatus};
use taskcast_actors::testing::model;
use taskcast_actors::{Appended, Engine, EngineError, HistoryRequest, SubscribeRequest};
use tokio::task::JoinHandle;

use crate::support::engine::*;

type Answer = Result<Appended, EngineError>;

/// Publishes number `seq` and waits for the ones before it, in a task of its own.
fn held(engine: &Engine, id: &TaskId, seq: u64) -> JoinHandle<Answer> {
    let (engine, id) = (engine.clone(), id.clone());
    tokio::spawn(async move { engine.publish_in_sequence(&id, vec![numbered("c", seq, plain(seq))]).await })
}

async fn waiting(engine: &Engine, count: usize) {
    wait_until("so many wait", || async { engine.waiting() == count }).await;
}

async fn numbers(engine: &Engine, id: &TaskId) -> Vec<u64> {
    let events = history(engine, id, HistoryRequest::default()).await;
    events.iter().filter_map(|event| number(&model::data_of(event))).collect()
}

async fn held_publishes_are_stored_in_the_order_of_their_numbers(open: Open) {
    let engine = engine_with(open(), |settings| settings.idle = Duration::ZERO);
    let id = running(&engine).await;
    engine.publish(&id, vec![numbered("c", 5, plain(5))]).await.unwrap();
    assert_eq!(engine.expected_seq(&id, "c").await, Ok(Some(6)));
    assert_eq!(engine.expected_seq(&id, "nobody").await, Ok(None));
    waiting(&engine, 0).await;
    let mut later = Vec::new();
    for (count, seq) in [9, 7, 10, 8].into_iter().enumerate() {
        later.push(held(&engine, &id, seq));
        waiting(&engine, count + 1).await;
    }
    engine.passivate_idle().await;
    engine.publish(&id, vec![numbered("c", 6, plain(6))]).await.unwrap();
    for publish in later {
        soon("a held publish", publish).await.unwrap().unwrap();
    }
    assert_eq!(numbers(&engine, &id).await, [5, 6, 7, 8, 9, 10]);
    assert_eq!(engine.expected_seq(&id, "c").await, Ok(Some(11)));
    engine.stop().await;
}

async fn stale_and_doubled_numbers_and_gaps_are_refused(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    engine.publish(&id, vec![numbered("c", 5, plain(5))]).await.unwrap();
    let try_now = async |seq| engine.publish(&id, vec![numbered("c", seq, plain(seq))]).await.unwrap_err();
    let rejected = |rejection| EngineError::Rejected(rejection);
    assert_eq!(try_now(5).await, rejected(Rejection::SeqStale { expected: 6, received: 5 }));
    assert_eq!(try_now(8).await, rejected(Rejection::SeqGap { expected: 6, received: 8 }));
    waiting(&engine, 0).await;
    let first = held(&engine, &id, 8);
    waiting(&engine, 1).await;
    let second = soon("the answer to a double", held(&engine, &id, 8)).await.unwrap();
    assert_eq!(second, Err(EngineError::SeqDuplicate { expected: 6, received: 8 }));
    assert_eq!(
        try_now(8).await,
        EngineError::SeqDuplicate { expected: 6, received: 8 },
        "also when it would not wait"
    );
    let batch = vec![numbered("c", 7, plain(7)), numbered("c", 8, plain(8))];
    let overlapping = engine.publish_in_sequence(&id, batch).await;
    assert_eq!(overlapping, Err(EngineError::SeqDuplicate { expected: 6, received: 7 }));
    engine
        .publish(&id, vec![numbered("c", 6, plain(6)), plain(100), numbered("c", 7, plain(7))])
        .await
        .unwrap();
    assert!(soon("the held one", first).await.unwrap().is_ok());
    assert_eq!(numbers(&engine, &id).await, [5, 6, 100, 7, 8]);
    engine.stop().await;
}

async fn a_held_publish_times_out_and_frees_its_place(open: Open) {
    let engine = engine_with(open(), |settings| settings.seq_hold = Duration::from_millis(30));
    let id = running(&engine).await;
    engine.publish(&id, vec![numbered("c", 1, plain(1))]).await.unwrap();
    let late = soon("a time-out", held(&engine, &id, 4)).await.unwrap();
    assert_eq!(late, Err(EngineError::SeqTimeout { expected: 2, received: 4 }));
    waiting(&engine, 0).await;
    assert_eq!(numbers(&engine, &id).await, [1]);
    engine.stop().await;
}

async fn the_end_and_the_deletion_of_a_task_answer_what_is_held(open: Open) {
    let engine = engine_over(open());
    let (ended, deleted) = (running(&engine).await, running(&engine).await);
    for id in [&ended, &deleted] {
        engine.publish(id, vec![numbered("c", 1, plain(1))]).await.unwrap();
    }
    waiting(&engine, 0).await;
    let (one, two) = (held(&engine, &ended, 3), held(&engine, &deleted, 3));
    waiting(&engine, 2).await;
    complete(&engine, &ended).await;
    engine.delete(&deleted).await.unwrap();
    let terminal = EngineError::Rejected(Rejection::Terminal(TaskStatus::Completed));
    assert_eq!(soon("an answer", one).await.unwrap(), Err(terminal));
    assert_eq!(soon("an answer", two).await.unwrap(), Err(EngineError::NotFound));
    engine.stop().await;
}

async fn a_finished_task_knows_no_numbers_before_and_after_passivation(open: Open) {
    let engine = engine_with(open(), |settings| settings.idle = Duration::ZERO);
    let id = running(&engine).await;
    engine.publish(&id, vec![numbered("c", 1, plain(1))]).await.unwrap();
    passivate(&engine).await;
    assert_eq!(engine.expected_seq(&id, "c").await, Ok(Some(2)));
    complete(&engine, &id).await;
    assert_eq!(engine.expected_seq(&id, "c").await, Ok(None));
    passivate(&engine).await;
    assert_eq!(engine.expected_seq(&id, "c").await, Ok(None));
    engine.stop().await;
}

async fn numbers_survive_that_their_event_was_superseded(open: Open) {
    let engine = engine_with(open(), |settings| settings.idle = Duration::ZERO);
    let id = running(&engine).await;
    engine.publish(&id, vec![numbered("c", 4, latest("p", 1))]).await.unwrap();
    engine.publish(&id, vec![latest("p", 2)]).await.unwrap();
    passivate(&engine).await;
    assert_eq!(engine.expected_seq(&id, "c").await, Ok(Some(5)));
    engine.stop().await;
}

async fn a_caller_that_goes_away_gives_its_held_number_back(open: Open) {
    let engine = engine_with(open(), |settings| settings.seq_hold = Duration::from_millis(400));
    let id = running(&engine).await;
    engine.publish(&id, vec![numbered("c", 1, plain(1))]).await.unwrap();
    waiting(&engine, 0).await;
    let gone = held(&engine, &id, 3);
    waiting(&engine, 1).await;
    let began = std::time::Instant::now();
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    wait_until("its timer is about to fire", || async { began.elapsed() > Duration::from_millis(250) }).await;
    let again = held(&engine, &id, 3);
    wait_until("the old timer has fired", || async { began.elapsed() > Duration::from_millis(500) }).await;
    assert!(!again.is_finished(), "it has its own time");
    engine.publish(&id, vec![numbered("c", 2, plain(2))]).await.unwrap();
    assert!(soon("the held one", again).await.unwrap().is_ok());
    assert_eq!(numbers(&engine, &id).await, [1, 2, 3]);
    engine.stop().await;
}

async fn a_stopping_engine_does_not_wait_for_numbers_that_may_never_come(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    engine.publish(&id, vec![numbered("c", 1, plain(1))]).await.unwrap();
    waiting(&engine, 0).await;
    let publish = held(&engine, &id, 3);
    waiting(&engine, 1).await;
    soon("the engine to stop", engine.stop()).await;
    assert_eq!(soon("an answer", publish).await.unwrap(), Err(EngineError::Stopping));
}

async fn an_actor_that_somebody_reads_or_waits_for_is_not_passivated(open: Open) {
    let engine = engine_with(open(), |settings| settings.idle = Duration::ZERO);
    let actors = || engine.stats().active_actors.load(std::sync::atomic::Ordering::Relaxed);
    let (read, awaited) = (running(&engine).await, running(&engine).await);
    engine.publish(&awaited, vec![numbered("c", 1, plain(1))]).await.unwrap();
    passivate(&engine).await;
    let viewer = Viewer::open(&engine, &read, SubscribeRequest::default()).await;
    waiting(&engine, 0).await;
    let publish = held(&engine, &awaited, 3);
    waiting(&engine, 1).await;
    let addresses = [engine.task(&read).await.unwrap(), engine.task(&awaited).await.unwrap()];
    for _ in 0..20 {
        engine.passivate_idle().await;
    }
    for (address, id) in addresses.iter().zip([&read, &awaited]) {
        assert!(*address == engine.task(id).await.unwrap(), "it is the same actor");
    }
    assert_eq!(actors(), 2);
    drop((viewer, addresses));
    engine.publish(&awaited, vec![numbered("c", 2, plain(2))]).await.unwrap();
    assert!(soon("the held one", publish).await.unwrap().is_ok());
    passivate(&engine).await;
    engine.stop().await;
}

async fn many_clients_that_number_and_race_are_stored_in_order(open: Open) {
    let engine = engine_over(open());
    let id = running(&engine).await;
    let viewer = Viewer::open(&engine, &id, SubscribeRequest::default()).await;
    for client in ["a", "b", "c"] {
        engine.publish(&id, vec![numbered(client, 0, plain(0))]).await.unwrap();
    }
    let mut rng = fastrand::Rng::with_seed(3);
    let mut all: Vec<_> = (1..40u64).flat_map(|seq| ["a", "b", "c"].map(|client| (client, seq))).collect();
    rng.shuffle(&mut all);
    let publishes: Vec<_> = all
        .into_iter()
        .map(|(client, seq)| {
            let (engine, id) = (engine.clone(), id.clone());
            tokio::spawn(async move {
                engine.publish_in_sequence(&id, vec![numbered(client, seq, plain(seq))]).await.unwrap()
            })
        })
        .collect();
    for publish in publishes {
        soon("a numbered publish", publish).await.unwrap();
    }
    complete(&engine, &id).await;
    assert_eq!(viewer.finish().await.0.len(), 1 + 120 + 1);
    let events = history(&engine, &id, HistoryRequest::default()).await;
    for client in ["a", "b", "c"] {
        let own = events.iter().filter_map(|event| event.client.as_deref().filter(|c| &*c.id == client));
        assert_eq!(own.map(|client| client.seq).collect::<Vec<_>>(), (0..40).collect::<Vec<_>>());
    }
    engine.stop().await;
}

engine_suite!(
    held_publishes_are_stored_in_the_order_of_their_numbers,
    stale_and_doubled_numbers_and_gaps_are_refused,
    a_held_publish_times_out_and_frees_its_place,
    the_end_and_the_deletion_of_a_task_answer_what_is_held,
    a_finished_task_knows_no_numbers_before_and_after_passivation,
    numbers_survive_that_their_event_was_superseded,
    a_caller_that_goes_away_gives_its_held_number_back,
    a_stopping_engine_does_not_wait_for_numbers_that_may_never_come,
    an_actor_that_somebody_reads_or_waits_for_is_not_passivated,
    many_clients_that_number_and_race_are_stored_in_order,
);

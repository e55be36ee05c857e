//! Of many who want to end a task exactly one does, whatever happens to its actor meanwhile.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use taskcast_actors::domain::{Rejection, TaskId, TaskStatus, Transition};
use taskcast_actors::ports::TaskStore;
use taskcast_actors::testing::{Fault, FaultyStore, Operation};
use taskcast_actors::{Engine, EngineError, HistoryRequest};

use crate::support::engine::*;

const ENDS: [TaskStatus; 4] =
    [TaskStatus::Completed, TaskStatus::Failed, TaskStatus::Cancelled, TaskStatus::Timeout];

/// Lets `racers` end the task at once; says how many won and how many were told why they did not.
async fn race(engine: &Engine, id: &TaskId, racers: usize) -> (usize, usize) {
    let ends = (0..racers).map(|n| engine.transition(id, Transition::to(ENDS[n % ENDS.len()])));
    let results = join_all(ends).await;
    let lost = |result: &&Result<_, EngineError>| {
        matches!(result, Err(EngineError::Rejected(Rejection::InvalidTransition { .. })))
    };
    (results.iter().filter(|result| result.is_ok()).count(), results.iter().filter(lost).count())
}

async fn of_twenty_concurrent_completions_one_succeeds(open: Open) {
    let store = open();
    let engine = engine_over(Arc::clone(&store));
    let id = running(&engine).await;
    assert_eq!(race(&engine, &id, 20).await, (1, 19));
    assert_eq!(terminal_events(&store, &id).await, 1);
    engine.stop().await;
}

async fn one_wins_each_of_a_thousand_rounds_while_actors_passivate(open: Open) {
    let store = open();
    let engine = engine_with(Arc::clone(&store), |settings| settings.idle = Duration::ZERO);
    for round in 0..1000 {
        let id = running(&engine).await;
        if round % 2 == 0 {
            engine.passivate_idle().await;
        }
        let (result, ()) = tokio::join!(race(&engine, &id, 4), engine.passivate_idle());
        assert_eq!(result, (1, 3), "round {round}");
        assert_eq!(terminal_events(&store, &id).await, 1, "round {round}");
    }
    engine.passivate_idle().await;
    engine.stop().await;
}

/// Rounds of races with one fault in each.
async fn rounds_with(open: Open, rounds: usize, faults: &[Fault]) {
    let inner = open();
    let faulty = Arc::new(FaultyStore::new(Arc::clone(&inner)));
    let engine = engine_with(Arc::clone(&faulty) as Arc<dyn TaskStore>, |settings| {
        settings.idle = Duration::ZERO;
        settings.sweep = Duration::from_secs(3600);
    });
    for round in 0..rounds {
        let id = running(&engine).await;
        let fault = faults[round % faults.len()];
        faulty.fail_next(Operation::Write, fault);
        if round % 3 == 0 {
            engine.passivate_idle().await;
        }
        let result = race(&engine, &id, 4).await;
        assert_eq!(result, (1, 3), "round {round}, {fault:?}");
        assert_eq!(terminal_events(&inner, &id).await, 1, "round {round}, {fault:?}");
        faulty.heal();
    }
    engine.stop().await;
}

async fn one_wins_each_round_while_actors_panic(open: Open) {
    rounds_with(open, 1000, &[Fault::PanicBefore, Fault::PanicAfter]).await;
}

async fn one_wins_each_round_while_answers_and_requests_are_lost(open: Open) {
    rounds_with(open, 1000, &[Fault::LoseAnswer, Fault::LoseRequest]).await;
}

async fn a_refused_write_changes_nothing_and_says_so(open: Open) {
    let inner = open();
    let faulty = Arc::new(FaultyStore::new(Arc::clone(&inner)));
    let engine = engine_over(Arc::clone(&faulty) as Arc<dyn TaskStore>);
    let id = running(&engine).await;
    faulty.fail_next(Operation::Write, Fault::Refuse);
    assert!(matches!(engine.publish(&id, vec![plain(1)]).await, Err(EngineError::Store(_))));
    assert_eq!(engine.publish(&id, vec![plain(2)]).await.unwrap()[0].index, 1);
    assert_eq!(history(&engine, &id, HistoryRequest::default()).await.len(), 2);
    engine.stop().await;
}

engine_suite!(
    of_twenty_concurrent_completions_one_succeeds,
    one_wins_each_of_a_thousand_rounds_while_actors_passivate,
    one_wins_each_round_while_actors_panic,
    one_wins_each_round_while_answers_and_requests_are_lost,
    a_refused_write_changes_nothing_and_says_so,
);

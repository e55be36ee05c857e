//! Moving tasks to cold storage: who may, and in which order it is asked.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use taskcast_actors::domain::{Stamp, TaskId, Timestamp};
use taskcast_actors::ports::{ColdTier, ErrorKind, ReleaseError, StoreError, TaskStore};
use taskcast_actors::{Engine, EngineError, Release, Released};

use crate::support::engine::*;

/// A cold tier that answers as it was told, and else keeps nothing but which tasks are cold.
#[derive(Default)]
struct Tier {
    cold: Mutex<Vec<TaskId>>,
    answers: Mutex<Vec<Result<bool, ReleaseError>>>,
    /// What happens to the task each time before the tier answers.
    between: Mutex<Option<(Engine, TaskId)>>,
}

#[async_trait]
impl ColdTier for Tier {
    async fn is_cold(&self, id: &TaskId) -> Result<Option<bool>, StoreError> {
        Ok(Some(self.cold.lock().contains(id)))
    }

    async fn release(&self, id: &TaskId, _: Stamp) -> Result<bool, ReleaseError> {
        let between = self.between.lock().take();
        if let Some((engine, task)) = between {
            engine.publish(&task, vec![plain(9)]).await.unwrap();
        }
        let answer = self.answers.lock().pop();
        answer.unwrap_or_else(|| {
            self.cold.lock().push(id.clone());
            Ok(true)
        })
    }
}

struct Bench {
    engine: Engine,
    tier: Arc<Tier>,
    id: TaskId,
}

impl Bench {
    async fn new(store: Arc<dyn TaskStore>) -> Self {
        let tier = Arc::new(Tier::default());
        let engine = Engine::builder(store).cold_tier(Arc::clone(&tier) as _).start().unwrap();
        let id = running(&engine).await;
        Self { engine, tier, id }
    }

    async fn release(&self, expected_last: i64, inactive_since: Timestamp) -> Result<Released, EngineError> {
        self.engine.release(&self.id, Release { expected_last, inactive_since }).await
    }

    fn later(&self) -> Timestamp {
        Timestamp(self.engine.now().0 + 1000)
    }

    async fn refused(&self, expected_last: i64, inactive_since: Timestamp) {
        let answer = self.release(expected_last, inactive_since).await;
        assert!(matches!(answer, Err(EngineError::ReleasePrecondition(_))), "{answer:?}");
    }
}

async fn without_a_cold_tier_it_is_refused_once_the_task_is_found(open: Open) {
    let engine = engine_over(open());
    let id = pending(&engine).await;
    let wish = Release { expected_last: 7, inactive_since: Timestamp(0) };
    assert_eq!(engine.release(&id, wish).await, Err(EngineError::ReleaseUnsupported));
    let none = TaskId::parse("none").unwrap();
    assert_eq!(engine.release(&none, wish).await, Err(EngineError::NotFound));
    engine.stop().await;
}

async fn a_task_is_released_once_and_then_the_conditions_are_not_asked(open: Open) {
    let bench = Bench::new(open()).await;
    let later = bench.later();
    assert_eq!(bench.release(0, later).await, Ok(Released { watermark: 0, released: true }));
    assert_eq!(bench.release(55, Timestamp(0)).await, Ok(Released { watermark: 0, released: false }));
    bench.engine.stop().await;
}

async fn a_task_that_is_elsewhere_or_was_active_is_not_released(open: Open) {
    let bench = Bench::new(open()).await;
    let head = bench.engine.get(&bench.id).await.unwrap();
    let updated = head.task.updated_at;
    bench.refused(-1, bench.later()).await;
    bench.refused(1, bench.later()).await;
    bench.refused(0, Timestamp(updated.0 - 1)).await;
    let event = bench.engine.publish(&bench.id, vec![plain(1)]).await.unwrap()[0].timestamp;
    bench.refused(1, Timestamp(event.0 - 1)).await;
    assert_eq!(bench.release(1, event).await, Ok(Released { watermark: 1, released: true }));
    bench.engine.stop().await;
}

async fn a_task_that_moves_meanwhile_is_looked_at_again(open: Open) {
    let bench = Bench::new(open()).await;
    let later = Timestamp(bench.engine.now().0 + 60_000);
    bench.tier.answers.lock().push(Err(ReleaseError::Moved));
    assert_eq!(bench.release(0, later).await, Ok(Released { watermark: 0, released: true }));
    bench.tier.cold.lock().clear();
    *bench.tier.between.lock() = Some((bench.engine.clone(), bench.id.clone()));
    bench.tier.answers.lock().push(Err(ReleaseError::Moved));
    bench.refused(0, later).await;
    bench.engine.stop().await;
}

async fn what_the_tier_says_is_told(open: Open) {
    let bench = Bench::new(open()).await;
    let down = || StoreError::Unavailable {
        dependency: "postgres",
        kind: ErrorKind::Timeout,
        detail: String::new(),
    };
    let cases = [
        (vec![ReleaseError::Busy], EngineError::ReleaseBusy),
        (vec![ReleaseError::Moved, ReleaseError::Moved], EngineError::ReleaseBusy),
        (vec![ReleaseError::Integrity("a hole".into())], EngineError::ReleaseIntegrity("a hole".into())),
        (vec![ReleaseError::Store(down())], EngineError::ReleaseUnavailable(down())),
    ];
    for (answers, wanted) in cases {
        bench.tier.answers.lock().extend(answers.into_iter().map(Err));
        assert_eq!(bench.release(0, bench.later()).await, Err(wanted));
    }
    bench.engine.stop().await;
}

engine_suite!(
    without_a_cold_tier_it_is_refused_once_the_task_is_found,
    a_task_is_released_once_and_then_the_conditions_are_not_asked,
    a_task_that_is_elsewhere_or_was_active_is_not_released,
    a_task_that_moves_meanwhile_is_looked_at_again,
    what_the_tier_says_is_told,
);

//! The sweeper: asks the store what is due and sends the ordinary command to each task.
//!
//! Several instances may sweep at once; of two that fire the same timer one commits. A task that cannot be handled
//! is tried again by the next sweep and holds up no other.

use std::sync::Arc;

use actix::fut::WrapFuture;
use actix::{Actor, AsyncContext, Context};
use futures_util::StreamExt as _;
use futures_util::stream::iter;

use crate::domain::{Head, Rejection, TaskId, TaskStatus, retention};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{StoreError, TaskQuery};

/// Due tasks read at once.
const PAGE: usize = 256;
/// Due tasks worked on at the same time.
const AT_ONCE: usize = 32;

/// See the module.
pub(crate) struct SweepActor {
    /// How tasks are reached.
    engine: Engine,
}

impl SweepActor {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

impl Actor for SweepActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let engine = self.engine.clone();
        let reschedule = self.engine.clone();
        ctx.spawn(async move { reschedule_finished(&reschedule).await }.into_actor(self));
        ctx.spawn(async move { sweep_for_ever(&engine).await }.into_actor(self));
    }
}

async fn sweep_for_ever(engine: &Engine) {
    let mut failing = false;
    loop {
        match sweep_once(engine).await {
            Ok(_) => failing = false,
            Err(error) => {
                if !failing {
                    tracing::error!(%error, "timers cannot be read from the store");
                }
                failing = true;
            }
        }
        tokio::time::sleep(engine.shared().settings.sweep).await;
    }
}

/// Does everything that is due now. Says for how many tasks.
pub(crate) async fn sweep_once(engine: &Engine) -> Result<usize, StoreError> {
    let now = engine.shared().now();
    let mut after = None;
    let mut handled = 0;
    loop {
        let page = engine.shared().store.due(now, after.as_ref(), PAGE).await?;
        let full = page.len() == PAGE;
        handled += page.len();
        after = page.last().cloned();
        iter(page).for_each_concurrent(AT_ONCE, |due| async move { fire(engine, &due.task_id).await }).await;
        if !full {
            return Ok(handled);
        }
    }
}

/// Does what is due on one task until nothing is.
async fn fire(engine: &Engine, id: &TaskId) {
    loop {
        match engine.fire_due(id).await {
            Ok(()) => {}
            Err(EngineError::NotFound | EngineError::Rejected(Rejection::NothingDue)) => return,
            Err(error) => {
                tracing::warn!(task = %id, %error, "a due timer could not be handled: trying again later");
                return;
            }
        }
    }
}

/// Rules for all tasks may have changed while finished tasks were waiting for theirs.
async fn reschedule_finished(engine: &Engine) {
    let terminal = TaskStatus::ALL.into_iter().filter(|status| status.is_terminal()).collect();
    let mut query = TaskQuery { status: Some(terminal), limit: PAGE, ..TaskQuery::default() };
    loop {
        let page = match engine.list(&query).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "cleanup rules could not be compared with finished tasks");
                return;
            }
        };
        for head in &page.tasks {
            if is_stale(engine, head) {
                fire(engine, &head.task.id).await;
            }
        }
        match page.tasks.last().filter(|_| page.more) {
            Some(last) => query.after = Some((last.task.created_at, last.task.id.clone())),
            None => return,
        }
    }
}

fn is_stale(engine: &Engine, head: &Arc<Head>) -> bool {
    retention::next_due(head, &engine.shared().settings.cleanup) != head.cleanup_at
}

//! Which events of all tasks a reader may see: those of tasks that the credential permits and whose own rules do
//! (PROTOCOL §4.5).
//!
//! Rules are read from the task when its first event comes, and again now and then: they change only when a task is
//! replaced. Events wait for that in order. A task that is gone by then has no rules that could permit anything.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use futures_util::stream;
use taskcast_actors::domain::TaskId;
use taskcast_actors::{EngineError, SharedEvent};

use crate::auth::{Principal, Scope};
use crate::http::Service;

/// For how long it is remembered whether a task permits. A task that is replaced by one with other rules is noticed at
/// once where its indexes start anew, and otherwise after this.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Of how many tasks it is remembered.
const MOST_TASKS: usize = 10_000;
/// How many tasks are read at once.
const READS: usize = 32;

type Looked = Result<Vec<(TaskId, bool)>, EngineError>;

/// See the module.
pub(super) struct Permitted {
    principal: Principal,
    service: Arc<Service>,
    /// In the order they came.
    waiting: Vec<Arc<SharedEvent>>,
    known: HashMap<TaskId, Verdict>,
    /// Under way for tasks of waiting events, with the newest index of each.
    looking: Option<LocalBoxFuture<'static, Looked>>,
    newest: HashMap<TaskId, u64>,
}

/// Whether a task permits.
struct Verdict {
    permits: bool,
    /// When that was found out.
    since: Instant,
    /// The newest event it was used for.
    index: u64,
}

impl Permitted {
    pub(super) fn new(principal: Principal, service: Arc<Service>) -> Self {
        Self {
            principal,
            service,
            waiting: Vec::new(),
            known: HashMap::new(),
            looking: None,
            newest: HashMap::new(),
        }
    }

    /// Whether events wait to be given by [`Permitted::poll_next`].
    pub(super) fn has_some(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes more events, when none wait.
    pub(super) fn take(&mut self, events: impl Iterator<Item = Arc<SharedEvent>>) {
        self.forget();
        for event in events {
            let (id, index) = (&event.event().task_id, event.event().index);
            if self.principal.require_task(Some(id.as_str())).is_err() {
                continue;
            }
            match self.known.get_mut(id) {
                Some(verdict) if verdict.since.elapsed() < REMEMBERED && index > verdict.index => {
                    verdict.index = index;
                }
                _ => {
                    self.newest.insert(id.clone(), index);
                }
            }
            self.waiting.push(event);
        }
        if !self.newest.is_empty() {
            let tasks = self.newest.keys().cloned().collect();
            self.looking = Some(Box::pin(look(Arc::clone(&self.service), self.principal.clone(), tasks)));
        }
    }

    /// Makes room when too many tasks are remembered.
    fn forget(&mut self) {
        if self.known.len() > MOST_TASKS {
            self.known.retain(|_, verdict| verdict.since.elapsed() < REMEMBERED);
        }
        if self.known.len() > MOST_TASKS {
            self.known.clear();
        }
    }

    /// The events that wait and may be seen.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Vec<Arc<SharedEvent>>, EngineError>> {
        if let Some(looking) = &mut self.looking {
            let looked = ready!(looking.as_mut().poll(cx));
            self.looking = None;
            let since = Instant::now();
            for (id, permits) in looked? {
                let index = self.newest.remove(&id).unwrap_or_default();
                self.known.insert(id, Verdict { permits, since, index });
            }
            self.newest.clear();
        }
        let mut events = std::mem::take(&mut self.waiting);
        events.retain(|event| self.known.get(&event.event().task_id).is_some_and(|verdict| verdict.permits));
        Poll::Ready(Ok(events))
    }
}

/// Reads the rules of these tasks.
async fn look(service: Arc<Service>, principal: Principal, tasks: Vec<TaskId>) -> Looked {
    let look_at = async |id: TaskId| match service.engine.get(&id).await {
        Ok(head) => {
            let rules = head.task.auth_config.as_ref();
            Ok((id, principal.require_rules(rules, Scope::EventSubscribe).is_ok()))
        }
        Err(EngineError::NotFound) => Ok((id, false)),
        Err(error) => Err(error),
    };
    let looked = stream::iter(tasks).map(look_at).buffer_unordered(READS).collect::<Vec<_>>().await;
    looked.into_iter().collect()
}

//! Telling hooks: a bounded queue and a thread of its own, so that nobody waits for what embedders do in them.
//!
//! A hook may block (it may well write to a socket), and what it is told comes from the write path, from arbiters and
//! from HTTP workers, which must not. So whoever has something to tell leaves it here and goes on.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::domain::{NewEvent, Task, TaskId};
use crate::ports::TaskHooks;

/// Notices that may wait, and what they may hold together.
const MOST: usize = 1024;
const MOST_BYTES: usize = 16 << 20;
/// What comes often may take only this part of the room, so that it cannot keep out what is rare.
const ROUTINE_PART: usize = 2;
/// What a notice holds beside its texts, about.
const OVERHEAD: usize = 256;

/// One call of a hook.
type Notice = Box<dyn FnOnce(&dyn TaskHooks) + Send>;

/// How often something is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rate {
    /// As often as requests come.
    Routine,
    /// When something goes wrong.
    Rare,
}

#[derive(Default)]
struct Waiting {
    notices: VecDeque<(usize, Notice)>,
    bytes: usize,
    /// Whether the thread was started.
    started: bool,
    /// Whether a hook is being called.
    calling: bool,
    /// Whether nothing can come any more.
    closed: bool,
}

struct Line {
    hooks: Arc<dyn TaskHooks>,
    waiting: Mutex<Waiting>,
    /// Signalled when there is something to do for the thread.
    work: Condvar,
    dropped: AtomicU64,
}

/// Tells [`TaskHooks`] later, in order, on a thread of its own. It is one itself, whose methods return at once.
///
/// Clones are the same queue; the thread ends when the last one is gone and everything was told. The default tells
/// nobody and costs nothing.
#[derive(Clone, Default)]
pub struct Hooks(Option<Arc<Sender>>);

struct Sender {
    line: Arc<Line>,
    wants_publishes: bool,
}

impl<H: TaskHooks> From<Arc<H>> for Hooks {
    fn from(hooks: Arc<H>) -> Self {
        Self::from(hooks as Arc<dyn TaskHooks>)
    }
}

impl From<Arc<dyn TaskHooks>> for Hooks {
    fn from(hooks: Arc<dyn TaskHooks>) -> Self {
        let wants_publishes = catch_unwind(AssertUnwindSafe(|| hooks.wants_publishes())).unwrap_or(false);
        let (waiting, work) = (Mutex::default(), Condvar::new());
        let line = Arc::new(Line { hooks, waiting, work, dropped: AtomicU64::new(0) });
        Self(Some(Arc::new(Sender { line, wants_publishes })))
    }
}

impl Hooks {
    /// Whether there is nobody to tell.
    pub fn is_nobody(&self) -> bool {
        self.0.is_none()
    }

    /// Notices that were left out since the start, because too much was waiting.
    pub fn dropped(&self) -> u64 {
        self.0.as_ref().map_or(0, |sender| sender.line.dropped.load(Relaxed))
    }

    /// Whether everything has been told.
    pub fn is_idle(&self) -> bool {
        let Some(sender) = &self.0 else { return true };
        let waiting = sender.line.waiting.lock();
        waiting.notices.is_empty() && !waiting.calling
    }

    fn tell(&self, rate: Rate, bytes: usize, notice: impl FnOnce(&dyn TaskHooks) + Send + 'static) {
        let Some(sender) = &self.0 else { return };
        sender.line.push(rate, bytes + OVERHEAD, Box::new(notice));
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.line.waiting.lock().closed = true;
        self.line.work.notify_one();
    }
}

impl Line {
    fn push(self: &Arc<Self>, rate: Rate, bytes: usize, notice: Notice) {
        let part = if rate == Rate::Routine { ROUTINE_PART } else { 1 };
        let mut waiting = self.waiting.lock();
        let fits = waiting.notices.len() < MOST / part && waiting.bytes + bytes <= MOST_BYTES / part;
        if !(fits || waiting.notices.is_empty()) || !self.is_served(&mut waiting) {
            drop(waiting);
            if self.dropped.fetch_add(1, Relaxed) == 0 {
                tracing::warn!("hooks are too slow: some are not told everything");
            }
            return;
        }
        waiting.bytes += bytes;
        waiting.notices.push_back((bytes, notice));
        drop(waiting);
        self.work.notify_one();
    }

    /// Whether there is a thread, which is started with the first notice.
    fn is_served(self: &Arc<Self>, waiting: &mut Waiting) -> bool {
        if !waiting.started {
            let line = Arc::clone(self);
            let thread = std::thread::Builder::new().name("taskcast-hooks".into());
            waiting.started = thread.spawn(move || line.run()).is_ok();
        }
        waiting.started
    }

    /// Tells everything until nothing can come any more.
    fn run(&self) {
        let mut panicked = false;
        while let Some(notice) = self.next() {
            if catch_unwind(AssertUnwindSafe(|| notice(&*self.hooks))).is_err() && !panicked {
                panicked = true;
                tracing::error!("a hook panicked; further ones of this process are not logged");
            }
        }
    }

    fn next(&self) -> Option<Notice> {
        let mut waiting = self.waiting.lock();
        waiting.calling = false;
        loop {
            if let Some((bytes, notice)) = waiting.notices.pop_front() {
                waiting.bytes -= bytes;
                waiting.calling = true;
                return Some(notice);
            }
            if waiting.closed {
                return None;
            }
            self.work.wait(&mut waiting);
        }
    }
}

/// Bytes that a task holds, about.
fn weight(task: &Task) -> usize {
    let details = task.error.as_deref().and_then(|error| error.details.as_ref());
    let json = [task.params.as_ref(), task.metadata.as_ref(), task.result.as_ref(), details];
    let message = task.error.as_deref().map_or(0, |error| error.message.len());
    json.into_iter().flatten().map(|json| json.as_str().len()).sum::<usize>() + message
}

impl TaskHooks for Hooks {
    fn on_task_failed(&self, task: &Task) {
        if !self.is_nobody() {
            let task = task.clone();
            self.tell(Rate::Rare, weight(&task), move |hooks| hooks.on_task_failed(&task));
        }
    }

    fn on_task_timeout(&self, task: &Task) {
        if !self.is_nobody() {
            let task = task.clone();
            self.tell(Rate::Rare, weight(&task), move |hooks| hooks.on_task_timeout(&task));
        }
    }

    fn on_unhandled_error(&self, operation: &str, task_id: Option<&TaskId>, error: &str) {
        let (operation, id, error) = (operation.to_owned(), task_id.cloned(), error.to_owned());
        self.tell(Rate::Rare, error.len(), move |hooks| {
            hooks.on_unhandled_error(&operation, id.as_ref(), &error);
        });
    }

    fn on_event_dropped(&self, task_id: &TaskId, event: &NewEvent, reason: &str) {
        let (id, event, reason) = (task_id.clone(), event.clone(), reason.to_owned());
        self.tell(Rate::Rare, event.data.as_str().len(), move |hooks| {
            hooks.on_event_dropped(&id, &event, &reason);
        });
    }

    fn on_webhook_failed(&self, task_id: &TaskId, host: &str, error: &str) {
        let (id, host, error) = (task_id.clone(), host.to_owned(), error.to_owned());
        self.tell(Rate::Rare, error.len(), move |hooks| hooks.on_webhook_failed(&id, &host, &error));
    }

    fn on_storage_error(&self, operation: &str, task_id: Option<&TaskId>, error: &str) {
        let (operation, id, error) = (operation.to_owned(), task_id.cloned(), error.to_owned());
        self.tell(Rate::Rare, error.len(), move |hooks| {
            hooks.on_storage_error(&operation, id.as_ref(), &error);
        });
    }

    fn on_broadcast_error(&self, task_id: Option<&TaskId>, error: &str) {
        let (id, error) = (task_id.cloned(), error.to_owned());
        self.tell(Rate::Rare, error.len(), move |hooks| hooks.on_broadcast_error(id.as_ref(), &error));
    }

    fn on_sse_connect(&self, task_id: Option<&TaskId>) {
        let id = task_id.cloned();
        self.tell(Rate::Routine, 0, move |hooks| hooks.on_sse_connect(id.as_ref()));
    }

    fn on_sse_disconnect(&self, task_id: Option<&TaskId>, open_for: Duration) {
        let id = task_id.cloned();
        self.tell(Rate::Routine, 0, move |hooks| hooks.on_sse_disconnect(id.as_ref(), open_for));
    }

    fn on_publish(&self, task_id: &TaskId, events: usize, took: Duration) {
        let id = task_id.clone();
        self.tell(Rate::Routine, 0, move |hooks| hooks.on_publish(&id, events, took));
    }

    fn wants_publishes(&self) -> bool {
        self.0.as_ref().is_some_and(|sender| sender.wants_publishes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::domain::{Json, NewTask, TaskStatus, Timestamp};

    /// Passes on what it is told; a closed gate blocks it.
    struct Slow {
        told: mpsc::Sender<String>,
        gate: Arc<Mutex<()>>,
    }

    impl TaskHooks for Slow {
        fn on_unhandled_error(&self, operation: &str, _: Option<&TaskId>, _: &str) {
            if operation == "panic" {
                panic!("a hook panics on purpose");
            }
            drop(self.gate.lock());
            let _end_of_test = self.told.send(operation.to_owned());
        }

        fn on_sse_connect(&self, _: Option<&TaskId>) {
            let _end_of_test = self.told.send("connect".to_owned());
        }

        fn on_task_failed(&self, task: &Task) {
            let _end_of_test = self.told.send(task.id.to_string());
        }
    }

    fn slow() -> (Hooks, Arc<Mutex<()>>, mpsc::Receiver<String>) {
        let (told, heard) = mpsc::channel();
        let gate = Arc::<Mutex<()>>::default();
        (Hooks::from(Arc::new(Slow { told, gate: Arc::clone(&gate) })), gate, heard)
    }

    fn failed(id: &str, params: usize) -> Task {
        let params = Json::parse(&format!("\"{}\"", "x".repeat(params))).unwrap();
        let new = NewTask { params: Some(params), ..NewTask::default() };
        let task = new.into_head(TaskId::parse(id).unwrap(), Timestamp(0)).task;
        Task { status: TaskStatus::Failed, ..task }
    }

    #[test]
    fn what_is_told_comes_in_order_and_the_rest_after_the_last_handle_is_gone() {
        let (hooks, gate, heard) = slow();
        let closed = gate.lock();
        (0..100).for_each(|n| hooks.on_unhandled_error(&n.to_string(), None, ""));
        drop(hooks);
        drop(closed);
        let all: Vec<_> = heard.iter().collect();
        assert_eq!(all, (0..100).map(|n| n.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn a_blocked_hook_holds_nobody_up_and_what_does_not_fit_is_counted() {
        let (hooks, gate, heard) = slow();
        let closed = gate.lock();
        (0..3 * MOST).for_each(|_| hooks.on_unhandled_error("x", None, ""));
        assert!(hooks.dropped() as usize >= 2 * MOST - 1 && !hooks.is_idle());
        drop(closed);
        let lost = hooks.dropped() as usize;
        drop(hooks);
        assert_eq!(heard.iter().count() + lost, 3 * MOST);
    }

    #[test]
    fn what_comes_often_leaves_room_for_what_is_rare() {
        let (hooks, gate, heard) = slow();
        let closed = gate.lock();
        hooks.on_unhandled_error("first", None, "");
        (0..2 * MOST).for_each(|_| hooks.on_sse_connect(None));
        let lost = hooks.dropped();
        assert!(lost as usize >= 3 * MOST / 2 - 1, "{lost}");
        hooks.on_unhandled_error("second", None, "");
        assert_eq!(hooks.dropped(), lost);
        drop(closed);
        drop(hooks);
        assert_eq!(heard.iter().last().as_deref(), Some("second"));
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_and_a_large_one_is_told_alone() {
        let (hooks, gate, heard) = slow();
        let closed = gate.lock();
        hooks.on_unhandled_error("first", None, "");
        (0..20).for_each(|_| hooks.on_task_failed(&failed("large", 1 << 20)));
        assert!((4..=5).contains(&hooks.dropped()), "{}", hooks.dropped());
        drop(closed);
        while !hooks.is_idle() {
            std::thread::yield_now();
        }
        hooks.on_task_failed(&failed("huge", 2 * MOST_BYTES));
        drop(hooks);
        assert_eq!(heard.iter().last().as_deref(), Some("huge"));
    }

    #[test]
    fn a_panic_in_a_hook_harms_nobody() {
        let (hooks, _, heard) = slow();
        hooks.on_unhandled_error("panic", None, "");
        hooks.on_unhandled_error("next", None, "");
        assert_eq!(heard.recv().as_deref(), Ok("next"));
    }

    #[test]
    fn nobody_is_told_nothing() {
        let hooks = Hooks::default();
        hooks.on_task_failed(&failed("t", 1));
        assert!(hooks.is_nobody() && hooks.is_idle() && !hooks.wants_publishes());
        assert_eq!(hooks.dropped(), 0);
    }
}

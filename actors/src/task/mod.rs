//! The task actor: the only writer of its task in this instance.
//!
//! Guarantees: commands are decided one after the other in the order of the mailbox; whatever arrives while a
//! commit is on its way shares the next one; an answer goes out after the commit; a command that is tried again
//! after the actor died is recognised by the ids of the events it wrote. Deliberately absent: rules (in
//! [`crate::domain`]), storage (behind [`crate::ports`]), readers' positions (each reader keeps its own).

mod appended;
mod cleanup;
mod delete;
mod flush;
mod hold;
mod order;
mod outbox;
mod publish;
mod queue;
mod recover;
mod remote;
mod repeat;
mod retire;
mod subscribe;
mod transition;
mod write;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use actix::{Actor, Context};

pub use appended::Appended;
pub use delete::Delete;
pub(crate) use hold::ExpectedSeq;
pub(crate) use order::{Attempt, Bound, Order, draw_entropy};
pub use outbox::TakenOutbox;
pub(crate) use outbox::{Rank, Tend};
pub use publish::{Publish, Published};
pub(crate) use remote::Committed;
pub(crate) use retire::{CatchUp, Retire};
pub(crate) use subscribe::{Joined, Subscribe};
pub(crate) use transition::Due;
pub use transition::{Moved, Transition};

use self::hold::Held;
use self::queue::Queue;
use crate::domain::{State, TaskId};
use crate::live::{Live, LiveEnd};
use crate::ports::TaskHooks as _;
use crate::shared::Shared;

/// See the module. [`crate::Engine::task`] gives the address of one.
pub struct TaskActor {
    /// Whose log this is.
    id: TaskId,
    /// Store, clock, counters.
    shared: Arc<Shared>,
    /// The committed state; absent before it was read, while a step works on it, and after a failed commit.
    state: Option<State>,
    /// Which log the readers follow; another one under the same id ends them, and so does one that lost its end.
    incarnation: Option<u64>,
    /// What came in and is not done.
    queue: Queue,
    /// Numbered publishes that wait for the numbers before them.
    held: Vec<Held>,
    /// What this actor is about.
    phase: Phase,
    /// What readers of this task share.
    live: Arc<Live>,
    /// Counted by readers who want running values with live events.
    running_wanted: Arc<()>,
}

/// What an actor is about.
#[derive(Default)]
struct Phase {
    /// Whether a step is under way or about to be.
    working: bool,
    /// Whether to stop once nothing waits.
    retiring: bool,
}

impl TaskActor {
    pub(crate) fn new(id: TaskId, shared: Arc<Shared>, live: Arc<Live>) -> Self {
        Self {
            id,
            shared,
            state: None,
            incarnation: None,
            queue: Queue::default(),
            held: Vec::new(),
            phase: Phase::default(),
            live,
            running_wanted: Arc::default(),
        }
    }
}

impl Actor for TaskActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(0);
        self.shared.stats.active_actors.fetch_add(1, Relaxed);
    }
}

impl Drop for TaskActor {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.unseen("an actor panicked");
            self.shared.hooks.on_unhandled_error("task", Some(&self.id), "the task's actor panicked");
        }
        self.live.end(LiveEnd::Detached);
        self.shared.stats.active_actors.fetch_sub(1, Relaxed);
    }
}

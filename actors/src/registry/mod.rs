//! The registry actor: finds or starts task actors, spreads them over arbiters, forgets idle and dead ones.
//!
//! It alone writes the [`Directory`]. Deliberately absent: any message to a task on behalf of somebody else.

mod directory;

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, ArbiterHandle, AsyncContext, Context, Handler, Message};

pub(crate) use directory::{Directory, TaskHandle};

use crate::broadcast::{BroadcastActor, Listen, Unlisten};
use crate::domain::{TaskId, Timestamp};
use crate::live::Live;
use crate::shared::Shared;
use crate::task::{Retire, TaskActor};

/// See the module.
pub(crate) struct RegistryActor {
    /// What the actors share.
    shared: Arc<Shared>,
    /// Where actors live unless the caller offers its own thread.
    arbiters: Vec<ArbiterHandle>,
    /// Told about new actors when there are other instances.
    broadcast: Option<Addr<BroadcastActor>>,
    /// Actors started so far.
    started: u64,
}

impl RegistryActor {
    pub(crate) fn new(
        shared: Arc<Shared>,
        arbiters: Vec<ArbiterHandle>,
        broadcast: Option<Addr<BroadcastActor>>,
    ) -> Self {
        Self { shared, arbiters, broadcast, started: 0 }
    }

    fn start_actor(&self, id: &TaskId, home: Option<ArbiterHandle>) -> TaskHandle {
        let live: Arc<Live> = Arc::new(Live::new(self.shared.settings.ring));
        let (task_id, shared, window) = (id.clone(), Arc::clone(&self.shared), Arc::clone(&live));
        let place = || self.arbiters[self.shared.directory.spread(id, self.arbiters.len())].clone();
        let arbiter = home.unwrap_or_else(place);
        let addr = TaskActor::start_in_arbiter(&arbiter, |_| TaskActor::new(task_id, shared, window));
        TaskHandle { serial: self.started, addr, inbox: self.shared.new_inbox(), live }
    }

    fn forget_idle(&self) {
        let idle = i64::try_from(self.shared.settings.idle.as_millis()).unwrap_or(i64::MAX);
        let then = Timestamp(self.shared.now().0.saturating_sub(idle));
        let unused = |handle: &TaskHandle| handle.inbox.is_idle_since(then) && handle.live.readers() == 0;
        let gone = |handle: &TaskHandle| !handle.addr.connected() || unused(handle);
        for (id, handle) in self.shared.directory.take_out(gone) {
            handle.addr.do_send(Retire);
            if let Some(broadcast) = &self.broadcast {
                broadcast.do_send(Unlisten(id));
            }
        }
    }

    fn forget_interval(&self) -> Duration {
        (self.shared.settings.idle / 4).clamp(Duration::from_millis(50), Duration::from_secs(5))
    }
}

impl Actor for RegistryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(0);
        ctx.run_interval(self.forget_interval(), |registry, _| registry.forget_idle());
    }
}

/// Make sure that the directory has a living actor for the task.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct FindOrStart {
    pub(crate) id: TaskId,
    /// The caller's own arbiter, if actors may live there.
    pub(crate) home: Option<ArbiterHandle>,
    /// The actor that ended before it answered the caller.
    pub(crate) died: Option<u64>,
}

impl Handler<FindOrStart> for RegistryActor {
    type Result = ();

    fn handle(&mut self, wish: FindOrStart, _: &mut Self::Context) {
        self.started += 1;
        let start = || self.start_actor(&wish.id, wish.home);
        let started = self.shared.directory.find_or_start(&wish.id, wish.died, start);
        if let Some(broadcast) = self.broadcast.as_ref().filter(|_| started) {
            broadcast.do_send(Listen(wish.id));
        }
    }
}

/// Passivate every idle actor now.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ForgetIdle;

impl Handler<ForgetIdle> for RegistryActor {
    type Result = ();

    fn handle(&mut self, _: ForgetIdle, _: &mut Self::Context) {
        self.forget_idle();
    }
}

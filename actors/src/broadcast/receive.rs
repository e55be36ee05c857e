//! What comes in from other instances, and what the slow poll finds.

use std::sync::Arc;

use actix::fut::{ActorFutureExt, WrapFuture};
use actix::{AsyncContext, Context, Handler, Message};

use super::BroadcastActor;
use super::announce::Announcement;
use crate::domain::TaskId;
use crate::ports::Interest;
use crate::task::{CatchUp, Committed};

/// A task actor was started: listen for its task.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Listen(pub(crate) TaskId);

impl Handler<Listen> for BroadcastActor {
    type Result = ();

    fn handle(&mut self, Listen(task_id): Listen, ctx: &mut Self::Context) {
        if self.listening.insert(task_id.clone()) {
            let bus = Arc::clone(&self.bus);
            let interest = Interest::Task(task_id.clone());
            let listen = async move { bus.subscribe(&interest).await.map_err(|error| (task_id, error)) };
            ctx.spawn(listen.into_actor(self).map(|listened, actor, _| {
                if let Err((task_id, error)) = listened {
                    actor.listening.remove(&task_id);
                    actor.shared.hooks.on_broadcast_error(Some(&task_id), &error.to_string());
                }
            }));
        }
    }
}

impl BroadcastActor {
    /// Hands an announcement to the task's actor, if there is one. The one that announced it ignores it.
    pub(super) fn receive(&self, task_id: &TaskId, message: &[u8]) {
        let Ok(fact) = serde_json::from_slice::<Announcement>(message) else {
            tracing::warn!(task = %task_id, "an announcement could not be read");
            return;
        };
        self.shared.directory.with(task_id, |handle| {
            handle.addr.do_send(Committed {
                before: fact.before,
                after: fact.after,
                head_changed: fact.head_changed,
                events: fact.events.into_iter().map(|record| record.into_event(task_id)).collect(),
            });
        });
    }

    /// Listens for the tasks that have actors and for no others.
    pub(super) fn follow_directory(&mut self, ctx: &mut Context<Self>) {
        let present: std::collections::HashSet<_> =
            self.shared.directory.all().into_iter().map(|(id, _)| id).collect();
        let gone: Vec<_> = self.listening.difference(&present).cloned().collect();
        for id in present.difference(&self.listening).cloned().collect::<Vec<_>>() {
            ctx.notify(Listen(id));
        }
        for id in gone {
            self.listening.remove(&id);
            let bus = Arc::clone(&self.bus);
            let interest = Interest::Task(id);
            ctx.spawn(async move { bus.unsubscribe(&interest).await.unwrap_or_default() }.into_actor(self));
        }
    }

    /// Asks the store where the tasks are that somebody reads or waits for, and tells their actors.
    pub(super) fn compare_with_store(&self, ctx: &mut Context<Self>) {
        let followed = |(id, handle): (TaskId, crate::registry::TaskHandle)| {
            (handle.live.readers() > 0 || handle.inbox.is_busy()).then_some(id)
        };
        let ids: Vec<_> = self.shared.directory.all().into_iter().filter_map(followed).collect();
        if ids.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let compare = async move {
            let stamps = match shared.store.stamps(&ids).await {
                Ok(stamps) => stamps,
                Err(error) => return shared.hooks.on_storage_error("compare", None, &error.to_string()),
            };
            for (id, to) in ids.iter().zip(stamps) {
                shared.directory.with(id, |handle| handle.addr.do_send(CatchUp { to }));
            }
        };
        ctx.spawn(compare.into_actor(self));
    }
}

//! What comes in from other instances: to the task's actor, and to who follows all tasks.

use std::sync::Arc;

use actix::fut::WrapFuture;
use actix::{AsyncContext, Context};

use super::BroadcastActor;
use super::announce::{Announcement, Origin};
use crate::domain::{TaskEvent, TaskId};
use crate::firehose::{Announced, Reading};
use crate::ports::{Range, Slot, TaskHooks as _};
use crate::shared::Shared;
use crate::shared_event::SharedEvent;
use crate::task::Committed;

impl BroadcastActor {
    /// Hands an announcement on. This instance knows what it announced itself.
    pub(super) fn receive(&mut self, task_id: &TaskId, message: &[u8], ctx: &mut Context<Self>) {
        let read = Origin::read(message);
        if read.is_some_and(|(origin, _)| origin.instance == self.shared.announcer.instance()) {
            return;
        }
        let read = read.and_then(|(origin, text)| Some((origin, serde_json::from_slice(text).ok()?)));
        let Some((origin, fact)) = read else {
            tracing::warn!(task = %task_id, "an announcement could not be read");
            self.shared.hooks.on_broadcast_error(Some(task_id), "an announcement could not be read");
            return;
        };
        let Announcement { before, after, head_changed, events } = fact;
        let events: Vec<_> = events.into_iter().map(|record| record.into_event(task_id)).collect();
        if self.shared.firehose.is_open() {
            let shown: Vec<_> = events.iter().map(shown).collect();
            let Origin { instance, number } = origin;
            let announced = Announced { instance, number, task_id, before, after, events: &shown };
            if let Some(reading) = self.shared.firehose.announced(&announced) {
                self.read_for_followers(reading, ctx);
            }
        }
        self.shared.directory.with(task_id, |handle| {
            handle.addr.do_send(Committed { before, after, head_changed, events });
        });
    }

    /// Reads events that were too large for the bus, or did not come.
    pub(super) fn read_for_followers(&self, reading: Reading, ctx: &mut Context<Self>) {
        let (shared, turn) = (Arc::clone(&self.shared), Arc::clone(&self.following.reading));
        let read = async move {
            let _turn = turn.acquire().await;
            if read(&shared, &reading).await.is_none() {
                shared.firehose.unreadable(&reading);
            }
        };
        ctx.spawn(read.into_actor(self));
    }
}

fn shown(event: &Arc<TaskEvent>) -> Arc<SharedEvent> {
    Arc::new(SharedEvent::new(Arc::clone(event), None))
}

/// Reads a part of a log for the followers of all tasks; `None` if it is not all there.
async fn read(shared: &Shared, reading: &Reading) -> Option<()> {
    let mut from = reading.part.start;
    while from < reading.part.end {
        let range = Range { incarnation: Some(reading.incarnation), ..Range::new(from, reading.part.end) };
        let page = shared.store.events(&reading.task_id, range).await.ok()?;
        let event = |slot: &Slot| match slot {
            Slot::Visible(event) | Slot::Hidden(event) => Some(shown(event)),
            Slot::Gone { .. } => None,
        };
        let events: Vec<_> = page.slots.iter().map(event).collect::<Option<_>>()?;
        if events.is_empty() {
            return None;
        }
        from = page.next;
        shared.firehose.read(reading, &events, from >= reading.part.end);
    }
    Some(())
}

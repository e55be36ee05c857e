//! A bus within one process: what engines that share a [`super::MemoryStore`] use.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::domain::TaskId;
use crate::ports::{Bus, BusError, BusEvent, BusSender};

struct Member {
    sender: BusSender,
    subscribed: HashSet<TaskId>,
    overflowed: bool,
}

impl Member {
    fn deliver(&mut self, task: &TaskId, message: &Bytes) {
        if !self.subscribed.contains(task) {
            return;
        }
        let event =
            if self.overflowed { BusEvent::Gap } else { BusEvent::Message(task.clone(), message.clone()) };
        self.overflowed = self.sender.try_send(event).is_err();
    }
}

type Hub = Arc<Mutex<Vec<Member>>>;

/// One engine's access to a bus that lives in this process.
pub struct MemoryBus {
    hub: Hub,
    place: Mutex<Option<usize>>,
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryBus {
    /// A bus nobody else is on.
    pub fn new() -> Self {
        Self { hub: Hub::default(), place: Mutex::new(None) }
    }

    /// Access to the same bus for another engine.
    pub fn join(&self) -> Self {
        Self { hub: Arc::clone(&self.hub), place: Mutex::new(None) }
    }

    fn with_member(&self, act: impl FnOnce(&mut Member)) {
        let Some(place) = *self.place.lock() else { return };
        if let Some(member) = self.hub.lock().get_mut(place) {
            act(member);
        }
    }
}

#[async_trait]
impl Bus for MemoryBus {
    fn provider(&self) -> &'static str {
        "memory"
    }

    fn connect(&self, sender: BusSender) {
        let mut hub = self.hub.lock();
        *self.place.lock() = Some(hub.len());
        hub.push(Member { sender, subscribed: HashSet::new(), overflowed: false });
    }

    async fn publish(&self, task: &TaskId, message: Bytes) -> Result<(), BusError> {
        self.hub.lock().iter_mut().for_each(|member| member.deliver(task, &message));
        Ok(())
    }

    async fn subscribe(&self, task: &TaskId) -> Result<(), BusError> {
        self.with_member(|member| {
            member.subscribed.insert(task.clone());
        });
        Ok(())
    }

    async fn unsubscribe(&self, task: &TaskId) -> Result<(), BusError> {
        self.with_member(|member| {
            member.subscribed.remove(task);
        });
        Ok(())
    }

    async fn health(&self) -> Result<(), BusError> {
        Ok(())
    }
}

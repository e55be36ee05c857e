//! A bus within one process: what engines that share a [`super::MemoryStore`] use.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::ports::{Bus, BusError, BusEvent, BusSender, Interest, Topic};

struct Member {
    sender: BusSender,
    interests: HashSet<Interest>,
    overflowed: bool,
}

impl Member {
    fn wants(&self, topic: &Topic) -> bool {
        match topic {
            Topic::Instances => self.interests.contains(&Interest::Instances),
            Topic::Task(id) => {
                self.interests.contains(&Interest::AllTasks)
                    || self.interests.contains(&Interest::Task(id.clone()))
            }
        }
    }

    fn deliver(&mut self, topic: &Topic, message: &Bytes) {
        if !self.wants(topic) {
            return;
        }
        let message = || BusEvent::Message(topic.clone(), message.clone());
        let event = if self.overflowed { BusEvent::Gap } else { message() };
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
        hub.push(Member { sender, interests: HashSet::new(), overflowed: false });
    }

    async fn publish(&self, topic: &Topic, message: Bytes) -> Result<(), BusError> {
        self.hub.lock().iter_mut().for_each(|member| member.deliver(topic, &message));
        Ok(())
    }

    async fn subscribe(&self, interest: &Interest) -> Result<(), BusError> {
        self.with_member(|member| {
            member.interests.insert(interest.clone());
        });
        Ok(())
    }

    async fn unsubscribe(&self, interest: &Interest) -> Result<(), BusError> {
        self.with_member(|member| {
            member.interests.remove(interest);
        });
        Ok(())
    }

    async fn health(&self) -> Result<(), BusError> {
        Ok(())
    }
}

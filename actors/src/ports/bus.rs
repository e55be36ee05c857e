//! The bus between instances: a hint, never the truth. It may lose, double and reorder.

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::TaskId;

/// The bus could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bus unavailable: {0}")]
pub struct BusError(pub String);

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// What happened to one task.
    Task(TaskId),
    /// What an instance tells the others about itself.
    Instances,
}

/// What a member wants to receive.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// [`Topic::Task`] of one task.
    Task(TaskId),
    /// [`Topic::Task`] of every task. Together with an interest in one task its messages may come twice.
    AllTasks,
    /// [`Topic::Instances`].
    Instances,
}

impl Interest {
    /// Whether a message about `topic` is wanted.
    pub fn covers(&self, topic: &Topic) -> bool {
        match (self, topic) {
            (Self::Task(wanted), Topic::Task(task)) => wanted == task,
            (Self::AllTasks, Topic::Task(_)) | (Self::Instances, Topic::Instances) => true,
            _ => false,
        }
    }
}

/// What comes in from the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusEvent {
    /// A message of another instance (or of this one: it comes back).
    Message(Topic, Bytes),
    /// Messages may have been lost: whoever listens should look into the store.
    Gap,
}

/// Where a bus puts what comes in. It is bounded: when it is full, send [`BusEvent::Gap`] as soon as there is room.
#[cfg(feature = "engine")]
pub type BusSender = tokio::sync::mpsc::Sender<BusEvent>;

/// Where a bus puts what comes in.
#[cfg(not(feature = "engine"))]
pub struct BusSender;

/// Carries announcements between instances that share a store.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// The provider's name in PROTOCOL §16.1.
    fn provider(&self) -> &'static str;

    /// From now on, what comes in and is of interest goes to `sender`. Called once, before anything else.
    fn connect(&self, sender: BusSender);

    /// Sends `message` to all who are interested in `topic`.
    async fn publish(&self, topic: &Topic, message: Bytes) -> Result<(), BusError>;

    /// Begins to receive what `interest` covers. Done again, it does nothing.
    async fn subscribe(&self, interest: &Interest) -> Result<(), BusError>;

    /// Stops receiving what only `interest` covers.
    async fn unsubscribe(&self, interest: &Interest) -> Result<(), BusError>;

    /// Whether the bus works at present.
    async fn health(&self) -> Result<(), BusError>;
}

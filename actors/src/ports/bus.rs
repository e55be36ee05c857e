//! The bus between instances: a hint, never the truth. It may lose, double and reorder.

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::TaskId;

/// The bus could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bus unavailable: {0}")]
pub struct BusError(pub String);

/// What comes in from the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusEvent {
    /// An announcement of another instance (or of this one: it comes back).
    Message(TaskId, Bytes),
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

    /// From now on, what comes in for subscribed tasks goes to `sender`. Called once, before anything else.
    fn connect(&self, sender: BusSender);

    /// Announces `message` to all who subscribed to `task`.
    async fn publish(&self, task: &TaskId, message: Bytes) -> Result<(), BusError>;

    /// Begins to receive what is announced for `task`.
    async fn subscribe(&self, task: &TaskId) -> Result<(), BusError>;

    /// Stops receiving what is announced for `task`.
    async fn unsubscribe(&self, task: &TaskId) -> Result<(), BusError>;

    /// Whether the bus works at present.
    async fn health(&self) -> Result<(), BusError>;
}

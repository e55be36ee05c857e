//! A bus that loses, doubles and reorders, by a seed that reproduces.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::domain::TaskId;
use crate::ports::{Bus, BusError, BusSender};

/// See the module.
pub struct FaultyBus {
    inner: Arc<dyn Bus>,
    rng: Mutex<fastrand::Rng>,
    /// A message kept back to be sent after a later one.
    kept: Mutex<Option<(TaskId, Bytes)>>,
}

impl FaultyBus {
    /// Of four messages about one is lost, one doubled, one late, and one arrives as it should.
    pub fn new(inner: Arc<dyn Bus>, seed: u64) -> Self {
        Self { inner, rng: Mutex::new(fastrand::Rng::with_seed(seed)), kept: Mutex::new(None) }
    }
}

#[async_trait]
impl Bus for FaultyBus {
    fn provider(&self) -> &'static str {
        self.inner.provider()
    }

    fn connect(&self, sender: BusSender) {
        self.inner.connect(sender);
    }

    async fn publish(&self, task: &TaskId, message: Bytes) -> Result<(), BusError> {
        let fate = self.rng.lock().u8(..4);
        let late = self.kept.lock().take();
        match fate {
            0 => return Err(BusError("lost on purpose".into())),
            1 => {
                self.inner.publish(task, message.clone()).await?;
                self.inner.publish(task, message).await?;
            }
            2 => *self.kept.lock() = Some((task.clone(), message)),
            _ => self.inner.publish(task, message).await?,
        }
        match late {
            Some((task, message)) => self.inner.publish(&task, message).await,
            None => Ok(()),
        }
    }

    async fn subscribe(&self, task: &TaskId) -> Result<(), BusError> {
        self.inner.subscribe(task).await
    }

    async fn unsubscribe(&self, task: &TaskId) -> Result<(), BusError> {
        self.inner.unsubscribe(task).await
    }

    async fn health(&self) -> Result<(), BusError> {
        self.inner.health().await
    }
}

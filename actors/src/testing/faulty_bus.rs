//! A bus that loses, doubles and reorders, by a seed that reproduces.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::ports::{Bus, BusError, BusSender, Interest, Topic};

/// See the module.
pub struct FaultyBus {
    inner: Arc<dyn Bus>,
    rng: Mutex<fastrand::Rng>,
    /// A message kept back to be sent after a later one.
    kept: Mutex<Option<(Topic, Bytes)>>,
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

    async fn publish(&self, topic: &Topic, message: Bytes) -> Result<(), BusError> {
        let fate = self.rng.lock().u8(..4);
        let late = self.kept.lock().take();
        match fate {
            0 => return Err(BusError("lost on purpose".into())),
            1 => {
                self.inner.publish(topic, message.clone()).await?;
                self.inner.publish(topic, message).await?;
            }
            2 => *self.kept.lock() = Some((topic.clone(), message)),
            _ => self.inner.publish(topic, message).await?,
        }
        match late {
            Some((topic, message)) => self.inner.publish(&topic, message).await,
            None => Ok(()),
        }
    }

    async fn subscribe(&self, interest: &Interest) -> Result<(), BusError> {
        self.inner.subscribe(interest).await
    }

    async fn unsubscribe(&self, interest: &Interest) -> Result<(), BusError> {
        self.inner.unsubscribe(interest).await
    }

    async fn health(&self) -> Result<(), BusError> {
        self.inner.health().await
    }
}

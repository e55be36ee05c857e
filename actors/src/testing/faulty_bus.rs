//! A bus that loses, doubles and reorders: by a seed that reproduces, or when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::ports::{Bus, BusError, BusEvent, BusSender, Interest, Topic};

/// See the module.
pub struct FaultyBus {
    inner: Arc<dyn Bus>,
    /// Draws what happens to messages; without it they arrive.
    rng: Mutex<Option<fastrand::Rng>>,
    /// A message kept back to be sent after a later one.
    kept: Mutex<Option<(Topic, Bytes)>>,
    /// So many messages about tasks are lost next.
    losing: AtomicUsize,
    /// Whether nothing can be subscribed to.
    deaf: AtomicBool,
    /// Where this member's messages go.
    sender: Mutex<Option<BusSender>>,
}

fn on_purpose() -> BusError {
    BusError("lost on purpose".into())
}

impl FaultyBus {
    /// Of four messages about one is lost, one doubled, one late, and one arrives as it should.
    pub fn new(inner: Arc<dyn Bus>, seed: u64) -> Self {
        let bus = Self::by_hand(inner);
        *bus.rng.lock() = Some(fastrand::Rng::with_seed(seed));
        bus
    }

    /// Fails nothing until told to.
    pub fn by_hand(inner: Arc<dyn Bus>) -> Self {
        let (rng, kept, sender) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { inner, rng, kept, losing: AtomicUsize::new(0), deaf: AtomicBool::new(false), sender }
    }

    /// The next messages about tasks are lost, and nobody notices.
    pub fn lose_next(&self, messages: usize) {
        self.losing.fetch_add(messages, SeqCst);
    }

    /// From now on nothing more can be subscribed to, or it can again.
    pub fn be_deaf(&self, deaf: bool) {
        self.deaf.store(deaf, SeqCst);
    }

    /// From now on every message arrives.
    pub fn heal(&self) {
        *self.rng.lock() = None;
    }

    /// Tells this member that messages may have been lost.
    pub fn gap(&self) {
        if let Some(sender) = &*self.sender.lock()
            && sender.try_send(BusEvent::Gap).is_err()
        {
            tracing::debug!("a gap was not told: the member has no room or is gone");
        }
    }

    fn is_lost(&self, topic: &Topic) -> bool {
        let one_less = |losing: usize| losing.checked_sub(1);
        matches!(topic, Topic::Task(_)) && self.losing.fetch_update(SeqCst, SeqCst, one_less).is_ok()
    }
}

#[async_trait]
impl Bus for FaultyBus {
    fn provider(&self) -> &'static str {
        self.inner.provider()
    }

    fn connect(&self, sender: BusSender) {
        *self.sender.lock() = Some(sender.clone());
        self.inner.connect(sender);
    }

    async fn publish(&self, topic: &Topic, message: Bytes) -> Result<(), BusError> {
        if self.is_lost(topic) {
            return Ok(());
        }
        let fate = self.rng.lock().as_mut().map(|rng| rng.u8(..4));
        let late = self.kept.lock().take();
        match fate {
            Some(0) => return Err(on_purpose()),
            Some(1) => {
                self.inner.publish(topic, message.clone()).await?;
                self.inner.publish(topic, message).await?;
            }
            Some(2) => *self.kept.lock() = Some((topic.clone(), message)),
            _ => self.inner.publish(topic, message).await?,
        }
        match late {
            Some((topic, message)) => self.inner.publish(&topic, message).await,
            None => Ok(()),
        }
    }

    async fn subscribe(&self, interest: &Interest) -> Result<(), BusError> {
        match self.deaf.load(SeqCst) {
            true => Err(on_purpose()),
            false => self.inner.subscribe(interest).await,
        }
    }

    async fn unsubscribe(&self, interest: &Interest) -> Result<(), BusError> {
        self.inner.unsubscribe(interest).await
    }

    async fn health(&self) -> Result<(), BusError> {
        self.inner.health().await
    }
}

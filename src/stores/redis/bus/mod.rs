//! The bus between instances, over messages of Redis.
//!
//! One connection hears for all subscriptions, another one speaks. What was subscribed to is remembered here, so that a
//! connection that was lost takes it up again and tells of the gap; whatever the server had to say in between is lost.
//!
//! - `channels`: how topics are named
//! - `subscriptions`: the task that owns what was subscribed to
//! - `pump`: the task that hands messages on

mod channels;
mod pump;
mod subscriptions;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use fred::interfaces::EventInterface as _;
use fred::types::Message;
use parking_lot::Mutex;
use taskcast_actors::ports::{Bus, BusError, BusSender, Interest, StoreError, Topic};
use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast};

use self::channels::Channels;
use self::subscriptions::Subscriptions;
use super::error::{COMMANDS, ConnectError, Failure, PUBSUB};
use super::keys::Keys;
use super::link::{Link, Owned};
use super::settings::RedisSettings;
use super::{EVENTS, RedisStore, address};
use crate::stores::link::LinkState;

/// Messages that may wait inside the client. Whoever falls behind farther is told of a gap.
const MESSAGES: usize = 8192;

/// Carries announcements over Redis.
pub struct RedisBus {
    commands: Arc<Link>,
    messages: Arc<Link>,
    channels: Arc<Channels>,
    subscriptions: Subscriptions,
    /// Told when messages may have been lost.
    gap: Arc<Notify>,
    /// What comes in, until somebody wants it.
    incoming: Mutex<Option<broadcast::Receiver<Message>>>,
    pump: Mutex<Option<Owned<()>>>,
    /// Where this bus lives, whichever runtime it is called from.
    runtime: Handle,
}

impl RedisBus {
    /// Connects to the server of `settings`, once to speak and once to hear.
    ///
    /// # Errors
    /// When the settings make no sense, or the server cannot be reached, refuses us or is too old.
    pub async fn connect(settings: &RedisSettings) -> Result<Self, ConnectError> {
        let commands = Link::connect(address::config(settings)?, settings, COMMANDS, EVENTS).await?;
        Self::over(Arc::new(commands), settings).await
    }

    /// A bus on the server of `store`, which speaks over the connection of the store.
    ///
    /// # Errors
    /// As [`RedisBus::connect`].
    pub async fn beside(store: &RedisStore) -> Result<Self, ConnectError> {
        Self::over(Arc::clone(&store.link), &store.settings).await
    }

    async fn over(commands: Arc<Link>, settings: &RedisSettings) -> Result<Self, ConnectError> {
        let keys = Keys::new(&settings.prefix)?;
        let channels = Arc::new(Channels::new(&keys));
        let config = address::pubsub_config(settings)?;
        let messages = Arc::new(Link::connect(config, settings, PUBSUB, MESSAGES).await?);
        let incoming = messages.client().message_rx();
        let gap = Arc::new(Notify::new());
        let subscriptions =
            Subscriptions::start(Arc::clone(&messages), Arc::clone(&channels), Arc::clone(&gap));
        Ok(Self {
            commands,
            messages,
            channels,
            subscriptions,
            gap,
            incoming: Mutex::new(Some(incoming)),
            pump: Mutex::new(None),
            runtime: Handle::current(),
        })
    }

    /// How the connection fares that messages come in on.
    pub fn link(&self) -> Arc<LinkState> {
        self.messages.state()
    }

    /// How the connection fares that messages go out on.
    pub fn command_link(&self) -> Arc<LinkState> {
        self.commands.state()
    }

    /// Whether messages can be sent.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn command_health(&self) -> Result<(), StoreError> {
        Ok(self.commands.ping().await?)
    }
}

#[async_trait]
impl Bus for RedisBus {
    fn provider(&self) -> &'static str {
        "redis"
    }

    fn connect(&self, sender: BusSender) {
        let Some(incoming) = self.incoming.lock().take() else { return };
        let work = pump::run(incoming, Arc::clone(&self.channels), Arc::clone(&self.gap), sender);
        *self.pump.lock() = Some(Owned::spawn_on(&self.runtime, work));
    }

    async fn publish(&self, topic: &Topic, message: Bytes) -> Result<(), BusError> {
        let channel = self.channels.of(topic);
        self.commands.publish(channel, message).await.map_err(|failure| unavailable(&failure))
    }

    async fn subscribe(&self, interest: &Interest) -> Result<(), BusError> {
        self.subscriptions.change(interest, true).await
    }

    async fn unsubscribe(&self, interest: &Interest) -> Result<(), BusError> {
        self.subscriptions.change(interest, false).await
    }

    async fn health(&self) -> Result<(), BusError> {
        self.messages.ping().await.map_err(|failure| unavailable(&failure))
    }
}

fn unavailable(failure: &Failure) -> BusError {
    BusError(failure.error.to_string())
}

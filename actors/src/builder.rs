//! Describing an engine before it runs.

use std::sync::Arc;

use crate::domain::outbox::GlobalHook;
use crate::engine::Engine;
use crate::hooks::Hooks;
use crate::ports::{Bus, Clock, ColdTier, SystemClock, TaskStore};
use crate::runtime::StartError;
use crate::settings::Settings;

/// What an engine is made of.
pub struct EngineBuilder {
    pub(crate) store: Arc<dyn TaskStore>,
    pub(crate) bus: Option<Arc<dyn Bus>>,
    pub(crate) cold: Option<Arc<dyn ColdTier>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hooks: Hooks,
    pub(crate) settings: Settings,
    pub(crate) at_home: bool,
    pub(crate) hooks_for_all: Option<Vec<GlobalHook>>,
}

impl EngineBuilder {
    /// An engine over `store`, alone, with the system's clock and default settings.
    pub fn new(store: Arc<dyn TaskStore>) -> Self {
        Self {
            store,
            bus: None,
            cold: None,
            clock: Arc::new(SystemClock),
            hooks: Hooks::default(),
            settings: Settings::default(),
            at_home: false,
            hooks_for_all: None,
        }
    }

    /// Shares the store with other engines that are on the same bus.
    pub fn bus(mut self, bus: Arc<dyn Bus>) -> Self {
        self.bus = Some(bus);
        self
    }

    /// Lets tasks be moved to cold storage; without it [`Engine::release`] is refused.
    pub fn cold_tier(mut self, cold: Arc<dyn ColdTier>) -> Self {
        self.cold = Some(cold);
        self
    }

    /// Another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Somebody who wants to be told: [`crate::ports::TaskHooks`] in an `Arc`, or [`Hooks`] that others use too.
    pub fn hooks(mut self, hooks: impl Into<Hooks>) -> Self {
        self.hooks = hooks.into();
        self
    }

    /// Other settings.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Lets task actors live on the thread of the actix arbiter that first sends to them, for instance a worker of
    /// an actix-web server: a message then needs no thread wake. Tasks first reached from elsewhere live on the
    /// engine's own arbiters.
    pub fn actors_at_home(mut self, at_home: bool) -> Self {
        self.at_home = at_home;
        self
    }

    /// Remembers with every event which webhooks it is owed to: the tasks' own and `global`, which get events of every
    /// task. Somebody has to deliver then, see [`Engine::next_outbox`].
    pub fn webhooks(mut self, global: Vec<GlobalHook>) -> Self {
        self.hooks_for_all = Some(global);
        self
    }

    /// Starts the engine's threads.
    ///
    /// # Errors
    /// When they cannot be started.
    pub fn start(self) -> Result<Engine, StartError> {
        Engine::start(self)
    }
}

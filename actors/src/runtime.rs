//! The engine's own threads: a System for registry, broadcast and sweeper, and arbiters for task actors.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use actix::{Actor, Addr, Arbiter, ArbiterHandle, System};
use tokio::sync::mpsc as async_mpsc;

use crate::broadcast::{BroadcastActor, Outgoing};
use crate::engine::Engine;
use crate::ports::Bus;
use crate::registry::RegistryActor;
use crate::shared::Shared;
use crate::sweep::SweepActor;

/// The engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No thread could be started.
    #[error("the engine's thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
    /// The thread ended before it was ready.
    #[error("the engine's thread ended before it was ready")]
    Died,
}

/// A bus and what waits for it.
pub(crate) type Bridge = (Arc<dyn Bus>, async_mpsc::Receiver<Outgoing>);

/// The threads of one engine, and how to reach what runs on them.
pub(crate) type Started = (Runtime, Addr<RegistryActor>, Option<Addr<BroadcastActor>>);

/// The threads of one engine.
pub(crate) struct Runtime {
    system: System,
    arbiters: Vec<ArbiterHandle>,
    thread: Option<JoinHandle<()>>,
    sweeper: ArbiterHandle,
}

impl Runtime {
    /// Starts the threads and the registry.
    pub(crate) fn start(shared: &Arc<Shared>, bridge: Option<Bridge>) -> Result<Started, StartError> {
        let (ready, wait) = mpsc::sync_channel(1);
        let shared = Arc::clone(shared);
        let thread = std::thread::Builder::new().name("taskcast-engine".into()).spawn(move || {
            let runner = System::new();
            let arbiters: Vec<_> =
                (0..shared.settings.arbiters.max(1)).map(|_| Arbiter::new().handle()).collect();
            let pool = arbiters.clone();
            let actors = runner.block_on(async move {
                let broadcast = bridge
                    .map(|(bus, outgoing)| BroadcastActor::new(Arc::clone(&shared), bus, outgoing).start());
                (RegistryActor::new(shared, pool, broadcast.clone()).start(), broadcast)
            });
            let started = (System::current(), arbiters, Arbiter::current(), actors);
            if ready.send(started).is_ok() && runner.run().is_err() {
                tracing::error!("the engine's system ended with an error");
            }
        })?;
        let (system, arbiters, sweeper, (registry, broadcast)) = wait.recv().map_err(|_| StartError::Died)?;
        Ok((Self { system, arbiters, thread: Some(thread), sweeper }, registry, broadcast))
    }

    /// Starts the sweeper, which needs the engine.
    pub(crate) fn start_sweeper(&self, engine: Engine) {
        SweepActor::start_in_arbiter(&self.sweeper, |_| SweepActor::new(engine));
    }

    /// Ends the threads. Whatever they still worked on is dropped.
    pub(crate) fn stop(&mut self) {
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
        self.system.stop();
        let elsewhere = |thread: &JoinHandle<()>| thread.thread().id() != std::thread::current().id();
        let ended = self.thread.take().filter(elsewhere).map(JoinHandle::join);
        if matches!(ended, Some(Err(_))) {
            tracing::error!("the engine's thread panicked");
        }
    }
}

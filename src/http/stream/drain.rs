//! Ending open streams when the server stops: spread over a window, so that clients do not come back all at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Tells open streams to end.
#[derive(Debug)]
pub struct Drain {
    token: CancellationToken,
    started: AtomicBool,
    window: Duration,
}

impl Drain {
    /// Streams will end within `window` once told to.
    pub fn new(window: Duration) -> Self {
        Self { token: CancellationToken::new(), started: AtomicBool::new(false), window }
    }

    /// Tells all open streams to end; new ones are refused from now on.
    pub fn start(&self) {
        self.started.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Whether streams have been told to end.
    pub fn has_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    /// Completes when streams are told to end.
    pub fn wait(&self) -> WaitForCancellationFutureOwned {
        self.token.clone().cancelled_owned()
    }

    /// The time within which streams end.
    pub fn window(&self) -> Duration {
        self.window
    }

    /// How long one stream waits before it ends, so that all of them end evenly over most of the window.
    pub fn delay(&self) -> Duration {
        self.window.mul_f64(fastrand::f64() * 0.8)
    }
}

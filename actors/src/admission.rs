//! Admission control: how much may wait, per task and in all. Mailboxes do not push back, so this does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};

use crate::domain::Timestamp;

/// Commands and bytes that wait, with the most that may.
#[derive(Debug)]
pub(crate) struct Gauge {
    commands: AtomicUsize,
    bytes: AtomicUsize,
    max_commands: usize,
    max_bytes: usize,
}

impl Gauge {
    pub(crate) fn new(max_commands: usize, max_bytes: usize) -> Self {
        Self { commands: AtomicUsize::new(0), bytes: AtomicUsize::new(0), max_commands, max_bytes }
    }

    /// A command may come in while less than the most waits, however large it is itself.
    fn enter(&self, bytes: usize) -> bool {
        let commands = self.commands.fetch_add(1, Relaxed);
        let before = self.bytes.fetch_add(bytes, Relaxed);
        let fits = commands < self.max_commands && before < self.max_bytes;
        if !fits {
            self.leave(bytes);
        }
        fits
    }

    fn leave(&self, bytes: usize) {
        self.commands.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(bytes, Relaxed);
    }

    pub(crate) fn commands(&self) -> usize {
        self.commands.load(Relaxed)
    }
}

/// What waits for one task actor, and when somebody last sent it anything.
#[derive(Debug)]
pub(crate) struct Inbox {
    own: Gauge,
    all: Arc<Gauge>,
    last_used: AtomicI64,
}

impl Inbox {
    pub(crate) fn new(own: Gauge, all: Arc<Gauge>) -> Self {
        Self { own, all, last_used: AtomicI64::new(0) }
    }

    /// Lets a message of `bytes` in, or `None` when too much waits.
    pub(crate) fn admit(self: &Arc<Self>, bytes: usize, now: Timestamp) -> Option<Permit> {
        if !self.all.enter(bytes) {
            return None;
        }
        if !self.own.enter(bytes) {
            self.all.leave(bytes);
            return None;
        }
        self.last_used.store(now.0, Relaxed);
        Some(Permit { inbox: Arc::clone(self), bytes })
    }

    /// Whether anything waits.
    pub(crate) fn is_busy(&self) -> bool {
        self.own.commands() > 0
    }

    /// Whether nothing waits and nobody sent anything since `then`.
    pub(crate) fn is_idle_since(&self, then: Timestamp) -> bool {
        !self.is_busy() && self.last_used.load(Relaxed) <= then.0
    }
}

/// One message on its way through an actor; it counts until it is answered or lost.
#[derive(Debug)]
pub(crate) struct Permit {
    inbox: Arc<Inbox>,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.inbox.own.leave(self.bytes);
        self.inbox.all.leave(self.bytes);
    }
}

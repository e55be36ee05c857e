//! A command on its way: with what makes it recognisable when it is tried again, and where its answer goes.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use actix::dev::{MessageResponse, OneshotSender};
use actix::{Actor, Message};

use crate::admission::Permit;
use crate::domain::{Command, Entropy, Timestamp};

/// One wish and its identity. Trying it again with the same entropy lets the task recognise what was already written.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) command: Arc<Command>,
    pub(crate) entropy: Entropy,
    /// When the first attempt was made; what it wrote is not older.
    pub(crate) since: Timestamp,
    /// Whether an earlier attempt may have been written.
    pub(crate) again: bool,
    /// Where to look for what was written under the same key, if there is one.
    pub(crate) bound: Option<Bound>,
}

/// What limits a command under a key: other engines may have been given the same one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// The log it is meant for.
    pub(crate) incarnation: u64,
    /// The first index at which its events may be.
    pub(crate) version: u64,
    /// Later than this it is not written any more.
    pub(crate) deadline: Timestamp,
}

impl Attempt {
    pub(crate) fn new(command: Command, now: Timestamp) -> Self {
        let command = Arc::new(command);
        Self { command, entropy: draw_entropy(), since: now, again: false, bound: None }
    }

    /// An attempt of what may have been tried before, here or elsewhere.
    pub(crate) fn keyed(command: Arc<Command>, entropy: Entropy, bound: Bound) -> Self {
        Self { command, entropy, since: Timestamp::default(), again: false, bound: Some(bound) }
    }
}

/// Fresh random bits for a command.
pub(crate) fn draw_entropy() -> Entropy {
    Entropy::new(fastrand::u64(..))
}

/// What the messages that change a task carry.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) attempt: Attempt,
    /// Held until the order is answered or lost. Orders sent straight to an address have none.
    pub(crate) _permit: Option<Permit>,
    /// Whether a numbered publish waits for the numbers before it rather than being refused (PROTOCOL §8.5).
    pub(crate) hold: bool,
}

impl Order {
    /// An order for an address, outside admission control.
    pub(crate) fn direct(command: Command) -> Self {
        let attempt = Attempt::new(command, Timestamp::default());
        Self { attempt, _permit: None, hold: false }
    }
}

/// The place where an answer goes once it is known: a response that does not hold up the mailbox.
pub struct Later<T>(Rc<Cell<Option<OneshotSender<T>>>>);

impl<T> Clone for Later<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Default for Later<T> {
    fn default() -> Self {
        Self(Rc::default())
    }
}

impl<T> Later<T> {
    /// Answers. A caller that has gone away is no error.
    pub(crate) fn answer(&self, value: T) {
        if let Some(sender) = self.0.take() {
            let _gone = sender.send(value);
        }
    }

    /// Whether the caller has gone away.
    pub(crate) fn is_abandoned(&self) -> bool {
        let sender = self.0.take();
        let abandoned = sender.as_ref().is_some_and(OneshotSender::is_closed);
        self.0.set(sender);
        abandoned
    }
}

impl<A, M, T> MessageResponse<A, M> for Later<T>
where
    A: Actor,
    M: Message<Result = T>,
    T: 'static,
{
    fn handle(self, _: &mut A::Context, sender: Option<OneshotSender<T>>) {
        self.0.set(sender);
    }
}

//! `Publish`: append events, all or none.

use actix::{Handler, Message};

use super::TaskActor;
use super::appended::Appended;
use super::order::{Later, Order};
use super::queue::{Reply, Work};
use crate::domain::{Command, NewEvent};
use crate::error::EngineError;

/// What a publish answers: the events as they were stored, in the order of the request.
pub type Published = Result<Appended, EngineError>;

/// Append these events to the task's log: all of them with consecutive indexes, or none.
#[derive(Debug, Message)]
#[rtype(result = "Published")]
pub struct Publish(pub(crate) Order);

impl Publish {
    /// A publish to send to a task's address. [`crate::Engine::publish`] adds admission control and survives the
    /// actor's end.
    pub fn new(events: Vec<NewEvent>) -> Self {
        Self(Order::direct(Command::Publish(events)))
    }
}

impl Handler<Publish> for TaskActor {
    type Result = Later<Published>;

    fn handle(&mut self, Publish(order): Publish, ctx: &mut Self::Context) -> Self::Result {
        let later = Later::default();
        self.enqueue(Work::Write { order, reply: Reply::Events(later.clone()) }, ctx);
        later
    }
}

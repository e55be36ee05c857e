//! `Transition`, `Resolve` and `Due`: the messages that move a task to another status.

use std::sync::Arc;

use actix::{Handler, Message};

use super::TaskActor;
use super::order::{Later, Order};
use super::queue::{Reply, Work};
use crate::domain::{self, Command, Head, Json};
use crate::error::EngineError;

/// What a transition answers: the task as it is afterwards.
pub type Moved = Result<Arc<Head>, EngineError>;

/// Move the task to another status.
#[derive(Debug, Message)]
#[rtype(result = "Moved")]
pub struct Transition(pub(crate) Order);

impl Transition {
    /// A transition to send to a task's address.
    pub fn new(wish: domain::Transition) -> Self {
        Self(Order::direct(Command::Transition(wish)))
    }

    /// Answers the request of a blocked task and lets it run.
    pub fn resolve(data: Option<Json>) -> Self {
        Self(Order::direct(Command::Resolve { data }))
    }
}

impl Handler<Transition> for TaskActor {
    type Result = Later<Moved>;

    fn handle(&mut self, Transition(order): Transition, ctx: &mut Self::Context) -> Self::Result {
        let later = Later::default();
        self.enqueue(Work::Write { order, reply: Reply::Task(later.clone()) }, ctx);
        later
    }
}

/// Do what a timer of the task asks for, if one is due: expire, resume, or clean up.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), EngineError>")]
pub(crate) struct Due(pub(crate) Order);

impl Handler<Due> for TaskActor {
    type Result = Later<Result<(), EngineError>>;

    fn handle(&mut self, Due(order): Due, ctx: &mut Self::Context) -> Self::Result {
        let later = Later::default();
        self.enqueue(Work::Due { order, reply: later.clone() }, ctx);
        later
    }
}

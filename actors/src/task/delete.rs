//! `Delete`: remove the task with everything that belongs to it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix::{Handler, Message};

use super::TaskActor;
use super::order::Later;
use super::queue::Work;
use crate::admission::Permit;
use crate::error::EngineError;

/// Remove the task, in any status, with its log. Its streams end.
#[derive(Debug, Default, Message)]
#[rtype(result = "Result<(), EngineError>")]
pub struct Delete {
    pub(crate) _permit: Option<Permit>,
    /// Set when the store is told: a later attempt that finds nothing has succeeded.
    pub(crate) attempted: Arc<AtomicBool>,
}

impl Handler<Delete> for TaskActor {
    type Result = Later<Result<(), EngineError>>;

    fn handle(&mut self, message: Delete, ctx: &mut Self::Context) -> Self::Result {
        let later = Later::default();
        self.enqueue(Work::Delete { message, reply: later.clone() }, ctx);
        later
    }
}

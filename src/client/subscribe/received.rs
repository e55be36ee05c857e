//! What comes out of a subscription.

use taskcast_actors::domain::TaskStatus;

use crate::client::answer::read;
use crate::client::{ClientError, Event};

/// What comes out of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// An event.
    Event(Box<Event>),
    /// The task is over. Nothing follows.
    Done(Ending),
    /// Only of all tasks: the connection was lost, and what happened until it was back is missing.
    Gap,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With this status.
    Finished(TaskStatus),
    /// It was deleted.
    Deleted,
}

/// What a subscription is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Its first connection is coming about.
    Connecting,
    /// It is connected.
    Open,
    /// Its connection was lost, and it tries to get another.
    Retrying,
    /// It is over.
    Closed,
}

impl Ending {
    /// Reads the data of the frame that says so (PROTOCOL §9.1).
    pub(super) fn read(data: &str) -> Result<Self, ClientError> {
        #[derive(serde::Deserialize)]
        struct Done {
            reason: String,
        }
        let Done { reason } = read(data.as_bytes())?;
        match TaskStatus::parse(&reason) {
            Some(status) => Ok(Self::Finished(status)),
            None if reason == "deleted" => Ok(Self::Deleted),
            None => Err(ClientError::InvalidAnswer(format!("the stream ended because of {reason:?}"))),
        }
    }
}

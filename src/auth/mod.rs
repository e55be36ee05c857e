//! Who asks, and what they may. Mode `none` is the only one so far: everybody may do everything.

mod scope;

pub use scope::Scope;

use taskcast_actors::domain::TaskId;

/// Whoever sent a request.
#[derive(Clone, Copy, Debug)]
pub enum Principal {
    /// Mode `none`: all scopes, all tasks.
    Anybody,
}

/// The request is not permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Forbidden")]
pub struct Forbidden;

impl Principal {
    /// Who it is, if a token says so.
    pub fn sub(&self) -> Option<&str> {
        match self {
            Self::Anybody => None,
        }
    }

    /// Checks that the principal has `scope`, and for `task` if one is named (PROTOCOL §4.4).
    ///
    /// # Errors
    /// [`Forbidden`] when it does not.
    pub fn require(self, scope: Scope, task: Option<&TaskId>) -> Result<(), Forbidden> {
        match (self, scope, task) {
            (Self::Anybody, _, _) => Ok(()),
        }
    }
}

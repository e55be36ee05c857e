//! Whoever sent a request, and what they may do.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use taskcast_actors::domain::Json;

use super::rules;
use super::{Forbidden, Scope, Scopes};

/// Whoever sent a request. Cloning is cheap.
#[derive(Clone, Debug)]
pub enum Principal {
    /// Mode `none`, and no key: all scopes, all tasks, no rules.
    Anybody,
    /// The bearer of a token, or a trusted service.
    Known(Arc<Identity>),
}

/// What a credential says of who holds it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The subject of the token, or `svc:` and the name of the service.
    pub sub: Option<String>,
    /// What they may do.
    pub scopes: Scopes,
    /// The only tasks they may touch; `None` for all.
    pub tasks: Option<BTreeSet<String>>,
    /// The only worker they may be.
    pub worker_id: Option<String>,
    /// Everything the token says, for the rules of tasks; a service says nothing.
    pub claims: Option<Json>,
    /// When all this stops being true, in milliseconds since 1970.
    pub valid_until: Option<u64>,
}

impl fmt::Debug for Identity {
    /// Claims are somebody's personal data and are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("sub", &self.sub)
            .field("scopes", &self.scopes)
            .field("valid_until", &self.valid_until)
            .finish_non_exhaustive()
    }
}

impl Principal {
    fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Anybody => None,
            Self::Known(identity) => Some(identity),
        }
    }

    /// Whether this is somebody in particular, so that the rules of tasks apply.
    pub fn is_known(&self) -> bool {
        self.identity().is_some()
    }

    /// Who this is, if they say so.
    pub fn sub(&self) -> Option<&str> {
        self.identity()?.sub.as_deref()
    }

    /// The only worker this may be, if there is one.
    pub fn worker_id(&self) -> Option<&str> {
        self.identity()?.worker_id.as_deref()
    }

    /// The only tasks this may touch; `None` for all.
    pub fn tasks(&self) -> Option<&BTreeSet<String>> {
        self.identity()?.tasks.as_ref()
    }

    /// How long this stays true after `now_ms`; `None` is for ever.
    pub fn expires_in(&self, now_ms: u64) -> Option<Duration> {
        let until = self.identity()?.valid_until?;
        Some(Duration::from_millis(until.saturating_sub(now_ms)))
    }

    /// Checks that this has `scope` (PROTOCOL §4.4).
    ///
    /// # Errors
    /// [`Forbidden`] when it does not.
    pub fn require(&self, scope: Scope) -> Result<(), Forbidden> {
        permitted(self.identity().is_none_or(|identity| identity.scopes.allow(scope)))
    }

    /// Checks that this may touch the task with this id; one that is not known yet is touched by those only who may
    /// touch all (PROTOCOL §4.4).
    ///
    /// # Errors
    /// [`Forbidden`] when it may not.
    pub fn require_task(&self, id: Option<&str>) -> Result<(), Forbidden> {
        permitted(self.tasks().is_none_or(|tasks| id.is_some_and(|id| tasks.contains(id))))
    }

    /// Checks the rules of a task for what needs `scope` (PROTOCOL §4.5).
    ///
    /// # Errors
    /// [`Forbidden`] when one of them does not hold.
    pub fn require_rules(&self, auth_config: Option<&Json>, scope: Scope) -> Result<(), Forbidden> {
        let (Some(identity), Some(auth_config)) = (self.identity(), auth_config) else { return Ok(()) };
        permitted(rules::hold(auth_config, scope, identity.sub.as_deref(), identity.claims.as_ref()))
    }
}

fn permitted(is: bool) -> Result<(), Forbidden> {
    if is { Ok(()) } else { Err(Forbidden) }
}

//! The keys of trusted services.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Identity, Scopes};
use crate::config::TrustedService;

/// The digest of a secret. Digests have one length, so comparing them says nothing about that of the secret.
#[derive(Clone, Copy)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Whether both are digests of the same secret, in a time that does not depend on where they differ.
    pub(super) fn is(&self, other: &Self) -> subtle::Choice {
        self.0.ct_eq(&other.0)
    }
}

/// All services, by the digests of their keys.
pub(super) struct ServiceKeys(Vec<(Digest, Arc<Identity>)>);

impl ServiceKeys {
    pub(super) fn new(services: &[TrustedService]) -> Self {
        let known = |service: &TrustedService| {
            let identity = Identity {
                sub: Some(format!("svc:{}", service.name)),
                scopes: Scopes::named(service.scope.iter().map(String::as_str)),
                tasks: service.task_ids.clone().map(|ids| ids.into_iter().collect()),
                ..Identity::default()
            };
            (Digest::of(service.key.0.as_bytes()), Arc::new(identity))
        };
        Self(services.iter().map(known).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The service with this key. All keys are looked at, wherever the right one stands.
    pub(super) fn find(&self, key: &[u8]) -> Option<Arc<Identity>> {
        let presented = Digest::of(key);
        let mut found = None;
        for (digest, identity) in &self.0 {
            if bool::from(digest.is(&presented)) {
                found = Some(identity);
            }
        }
        found.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Principal, Scope};
    use crate::config::Secret;

    fn service(name: &str, key: &str, task_ids: Option<Vec<String>>) -> TrustedService {
        let scope = vec!["task:create".to_owned()];
        TrustedService { name: name.into(), key: Secret(key.into()), task_ids, scope }
    }

    #[test]
    fn a_service_is_found_by_its_whole_key_only() {
        let keys = ServiceKeys::new(&[service("a", "first", None), service("b", "second", None)]);
        let name = |key: &str| keys.find(key.as_bytes()).and_then(|identity| identity.sub.clone());
        assert_eq!(name("first").as_deref(), Some("svc:a"));
        assert_eq!(name("second").as_deref(), Some("svc:b"));
        for wrong in ["", "firs", "first ", "FIRST", "firstsecond", "third"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
        assert!(ServiceKeys::new(&[]).find(b"first").is_none());
    }

    #[test]
    fn a_service_may_do_what_its_entry_says() {
        let keys = ServiceKeys::new(&[service("a", "k", Some(vec!["t".into()]))]);
        let principal = Principal::Known(keys.find(b"k").unwrap());
        assert!(
            principal.require(Scope::TaskCreate).is_ok() && principal.require(Scope::TaskManage).is_err()
        );
        assert!(principal.require_task(Some("t")).is_ok());
        assert!(principal.require_task(Some("u")).is_err() && principal.require_task(None).is_err());
        assert_eq!(principal.expires_in(0), None);
    }
}

//! A set of public keys behind a URL (RFC 7517): fetched when it is needed, kept for as long as nothing newer comes.

mod document;
mod fetch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::{Algorithm, DecodingKey};
use parking_lot::Mutex;
use taskcast_actors::ports::ErrorKind;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;

use self::document::Keys;
use self::fetch::Source;
use super::{AuthError, AuthSetupError};
use crate::config::JwksConfig;

/// While there are no keys at all, the time between two attempts to get some.
const RETRY: Duration = Duration::from_secs(1);

/// The keys of a set, and the rules when it is fetched: at first use; when a key is missed, at most once in `refetch`;
/// and when it is older than `max_age`. Keys go on working when a fetch fails.
pub(super) struct KeySet {
    shared: Arc<Shared>,
    refetch: Duration,
    max_age: Duration,
}

struct Shared {
    source: Source,
    algorithm: Algorithm,
    known: Mutex<Known>,
    /// Held by whoever fetches, so that there is one fetch at a time.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

/// What is known of the set.
#[derive(Clone, Default)]
struct Known {
    keys: Option<Arc<Keys>>,
    /// When the last fetch was over, whatever came of it.
    fetched: Option<Instant>,
    /// What went wrong then.
    failure: Option<ErrorKind>,
}

impl Known {
    /// Whether it was fetched less than `time` before `now`, or since.
    fn is_fresh(&self, now: Instant, time: Duration) -> bool {
        self.fetched.is_some_and(|fetched| now.saturating_duration_since(fetched) < time)
    }
}

impl KeySet {
    pub(super) fn new(config: &JwksConfig, algorithm: Algorithm) -> Result<Self, AuthSetupError> {
        let shared = Shared {
            source: Source::new(&config.url)?,
            algorithm,
            known: Mutex::default(),
            fetching: Arc::default(),
        };
        Ok(Self { shared: Arc::new(shared), refetch: config.refetch, max_age: config.max_age })
    }

    /// The key with this id; without an id the only key there is.
    ///
    /// # Errors
    /// When no keys were ever obtained.
    pub(super) async fn find(&self, id: Option<&str>) -> Result<Option<Arc<DecodingKey>>, AuthError> {
        let known = self.shared.known.lock().clone();
        let found = known.keys.as_ref().and_then(|keys| keys.find(id));
        if found.is_some() {
            self.renew(&known);
            return Ok(found);
        }
        let known = self.look_again(id).await;
        match known.keys {
            Some(keys) => Ok(keys.find(id)),
            None => Err(AuthError::Unavailable(known.failure.unwrap_or(ErrorKind::Unavailable))),
        }
    }

    /// Begins to fetch the set if it is old, unless that is under way already. Nobody waits for it.
    fn renew(&self, known: &Known) {
        if known.is_fresh(Instant::now(), self.max_age) {
            return;
        }
        if let Ok(turn) = Arc::clone(&self.shared.fetching).try_lock_owned() {
            self.fetch(turn);
        }
    }

    /// Fetches the set because the key is missed, unless it was fetched lately or by somebody else meanwhile.
    async fn look_again(&self, id: Option<&str>) -> Known {
        let since = Instant::now();
        let turn = Arc::clone(&self.shared.fetching).lock_owned().await;
        let known = self.shared.known.lock().clone();
        let pause = if known.keys.is_some() { self.refetch } else { RETRY.min(self.refetch) };
        if known.is_fresh(since, pause) || known.keys.as_ref().is_some_and(|keys| keys.find(id).is_some()) {
            return known;
        }
        if self.fetch(turn).await.is_err() {
            tracing::error!("fetching the key set was broken off");
        }
        self.shared.known.lock().clone()
    }

    /// Fetches the set. This goes on when who asked goes away, or callers who hang up could keep new keys out; the
    /// source bounds its time.
    fn fetch(&self, turn: OwnedMutexGuard<()>) -> JoinHandle<()> {
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            let fetched = shared.source.get().await;
            let read =
                fetched.and_then(|text| Keys::read(&text, shared.algorithm).ok_or(ErrorKind::Unavailable));
            shared.settle(read);
            drop(turn);
        })
    }
}

impl Shared {
    fn settle(&self, fetched: Result<Keys, ErrorKind>) {
        let mut known = self.known.lock();
        known.fetched = Some(Instant::now());
        match fetched {
            Ok(keys) => {
                tracing::debug!(keys = keys.len(), "the key set was fetched");
                if keys.len() == 0 {
                    tracing::warn!(algorithm = ?self.algorithm, "the key set has no key for the algorithm");
                }
                known.keys = Some(Arc::new(keys));
                known.failure = None;
            }
            Err(kind) => {
                let has_keys = known.keys.is_some();
                tracing::warn!(kind = kind.as_str(), has_keys, "the key set cannot be fetched");
                known.failure = Some(kind);
            }
        }
    }
}

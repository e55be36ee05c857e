//! Tokens that were verified lately, so that whoever sends the same one again does not pay for its signature each time:
//! verifying takes up to a hundred times as long as looking it up.

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use parking_lot::Mutex;

use super::Identity;

/// Tokens of one generation. There are two: when the newer one is full the older one is forgotten, and a token that is
/// used again moves to the newer one.
const TOKENS: usize = 1024;
/// The longest token that is remembered, in bytes; so both generations take a few MiB at most.
const MOST_BYTES: usize = 4096;

/// What was found out about a token.
#[derive(Clone)]
pub(super) struct Verified {
    /// Who holds it.
    pub(super) identity: Arc<Identity>,
    /// The key that it was signed with, which has to be one still.
    pub(super) key: Arc<DecodingKey>,
    /// The id by which the token names its key.
    pub(super) key_id: Option<String>,
}

/// Tokens that were verified lately.
#[derive(Default)]
pub(super) struct Cache(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    newer: HashMap<String, Verified>,
    older: HashMap<String, Verified>,
}

impl Cache {
    pub(super) fn get(&self, token: &str) -> Option<Verified> {
        let mut generations = self.0.lock();
        if let Some(found) = generations.newer.get(token) {
            return Some(found.clone());
        }
        let (token, found) = generations.older.remove_entry(token)?;
        generations.insert(token, found.clone());
        Some(found)
    }

    pub(super) fn insert(&self, token: &str, verified: Verified) {
        if token.len() <= MOST_BYTES {
            self.0.lock().insert(token.to_owned(), verified);
        }
    }

    pub(super) fn remove(&self, token: &str) {
        let mut generations = self.0.lock();
        generations.newer.remove(token);
        generations.older.remove(token);
    }
}

impl Generations {
    fn insert(&mut self, token: String, verified: Verified) {
        if self.newer.len() >= TOKENS {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(token, verified);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(sub: &str) -> Verified {
        let identity = Identity { sub: Some(sub.into()), ..Identity::default() };
        let key = DecodingKey::from_secret(b"secret").unwrap();
        Verified { identity: Arc::new(identity), key: Arc::new(key), key_id: None }
    }

    #[test]
    fn a_token_is_found_by_all_of_it_until_it_is_removed() {
        let cache = Cache::default();
        cache.insert("a.b.c", verified("ann"));
        let sub = |token| cache.get(token).and_then(|found| found.identity.sub.clone());
        assert_eq!(sub("a.b.c").as_deref(), Some("ann"));
        for other in ["a.b", "a.b.d", "a.b.c ", ""] {
            assert_eq!(sub(other), None, "{other}");
        }
        cache.remove("a.b.c");
        assert_eq!(sub("a.b.c"), None);
    }

    #[test]
    fn tokens_in_use_stay_while_others_come_and_go() {
        let cache = Cache::default();
        cache.insert("used", verified("ann"));
        for number in 0..10 * TOKENS {
            cache.insert(&number.to_string(), verified("bob"));
            if number % (TOKENS / 2) == 0 {
                assert!(cache.get("used").is_some(), "{number}");
            }
        }
        let generations = cache.0.lock();
        assert!(generations.newer.len() <= TOKENS && generations.older.len() <= TOKENS);
        assert!(!generations.newer.contains_key("0") && !generations.older.contains_key("0"));
    }

    #[test]
    fn long_tokens_are_not_remembered() {
        let cache = Cache::default();
        for (bytes, remembered) in [(MOST_BYTES, true), (MOST_BYTES + 1, false)] {
            let token = "x".repeat(bytes);
            cache.insert(&token, verified("ann"));
            assert_eq!(cache.get(&token).is_some(), remembered, "{bytes}");
        }
    }
}

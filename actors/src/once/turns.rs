//! Turns: requests under one key in this process, one after the other.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use ahash::RandomState;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use crate::ports::ReceiptKey;

type Places = Mutex<HashMap<ReceiptKey, Weak<tokio::sync::Mutex<()>>, RandomState>>;

/// The keys under which something is going on. There are never more than there are requests.
#[derive(Default)]
pub(crate) struct Turns(Arc<Places>);

/// Somebody's turn. The next one has it when this is dropped.
pub(crate) struct Turn {
    // In this order: the place is left before somebody looks whether anybody else is in it.
    _guard: OwnedMutexGuard<()>,
    _entry: Entry,
}

/// Removes the key when nobody has or awaits a turn any more.
struct Entry {
    places: Arc<Places>,
    key: ReceiptKey,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        if places.get(&self.key).is_some_and(|place| place.strong_count() == 0) {
            places.remove(&self.key);
        }
    }
}

impl Turns {
    /// Waits until everybody who came before has had their turn.
    pub(crate) async fn wait(&self, key: ReceiptKey) -> Turn {
        let entry = Entry { places: Arc::clone(&self.0), key };
        let place = self.place(key);
        Turn { _guard: place.lock_owned().await, _entry: entry }
    }

    fn place(&self, key: ReceiptKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut places = self.0.lock();
        if let Some(place) = places.get(&key).and_then(Weak::upgrade) {
            return place;
        }
        let place = Arc::default();
        places.insert(key, Arc::downgrade(&place));
        place
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;

    use super::*;

    fn key(n: u8) -> ReceiptKey {
        ReceiptKey([n; 32])
    }

    #[tokio::test]
    async fn turns_come_one_after_the_other_and_leave_nothing_behind() {
        let turns = Turns::default();
        let first = turns.wait(key(1)).await;
        let _other = turns.wait(key(2)).await;
        let (mut second, mut third) = (pin!(turns.wait(key(1))), pin!(turns.wait(key(1))));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.as_mut().now_or_never().is_none(), "whoever came first has the first turn");
        drop(second.await);
        drop(third.await);
        assert_eq!(turns.0.lock().len(), 1);
    }

    #[tokio::test]
    async fn whoever_stops_waiting_is_forgotten() {
        let turns = Turns::default();
        let first = turns.wait(key(1)).await;
        {
            let waiting = pin!(turns.wait(key(1)));
            assert!(waiting.now_or_never().is_none());
            drop(first);
        }
        assert!(turns.0.lock().is_empty());
        drop(turns.wait(key(1)).await);
        assert!(turns.0.lock().is_empty());
    }
}

//! How far the webhooks of one task are while it is in work: what is to be settled next.

use std::mem::take;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use taskcast_actors::OutboxWork;
use taskcast_actors::domain::outbox::{Cursor, Failure, Outbox, Then};

/// A lease is renewed after this time, whatever happens: well before the fifteen seconds it is given for.
const RENEW: Duration = Duration::from_secs(5);
/// Without a renewal work stops after this time, before somebody else may take over.
const LAST_RENEWAL: Duration = Duration::from_secs(12);

#[derive(Default)]
struct News {
    cursors: Vec<Cursor>,
    failed: Vec<Failure>,
    delivered: Vec<String>,
    is_new: bool,
}

/// See the module.
pub(super) struct Progress {
    news: Mutex<News>,
    renewed: Mutex<Instant>,
}

impl Progress {
    pub(super) fn new(cursors: Vec<Cursor>) -> Self {
        Self { news: Mutex::new(News { cursors, ..News::default() }), renewed: Mutex::new(Instant::now()) }
    }

    /// The cursor of the webhook at this place.
    pub(super) fn cursor(&self, place: usize) -> Cursor {
        self.news.lock().cursors[place].clone()
    }

    /// Moves the cursor of the webhook at this place.
    pub(super) fn advance<T>(&self, place: usize, change: impl FnOnce(&mut Cursor) -> T) -> T {
        let mut news = self.news.lock();
        news.is_new = true;
        change(&mut news.cursors[place])
    }

    /// An event could not be delivered.
    pub(super) fn failed(&self, failure: Failure) {
        let mut news = self.news.lock();
        news.is_new = true;
        news.failed.push(failure);
    }

    /// An event that could not be delivered was, after all.
    pub(super) fn delivered(&self, id: String) {
        let mut news = self.news.lock();
        news.is_new = true;
        news.delivered.push(id);
    }

    /// Whether there is something to settle, or the lease has to be renewed.
    pub(super) fn is_due(&self) -> bool {
        self.news.lock().is_new || self.renewed.lock().elapsed() > RENEW
    }

    /// Whether somebody else may be about to take over.
    pub(super) fn is_overdue(&self) -> bool {
        self.renewed.lock().elapsed() > LAST_RENEWAL
    }

    /// What to settle now.
    pub(super) fn take(&self, then: Then) -> OutboxWork {
        let mut news = self.news.lock();
        news.is_new = false;
        OutboxWork {
            cursors: news.cursors.clone(),
            failed: take(&mut news.failed),
            delivered: take(&mut news.delivered),
            then,
        }
    }

    /// It was settled by a commit that began at `began`.
    pub(super) fn settled(&self, began: Instant) {
        *self.renewed.lock() = began;
    }

    /// It could not be settled: it goes with what comes next.
    pub(super) fn put_back(&self, work: OutboxWork) {
        let mut news = self.news.lock();
        news.is_new = true;
        news.failed.splice(0..0, work.failed);
        news.delivered.splice(0..0, work.delivered);
    }

    /// Failures to deliver again, as the store has them; what is settled with the next commit is left out.
    pub(super) fn to_repeat(&self, outbox: &Outbox) -> Vec<Failure> {
        let news = self.news.lock();
        let is_open = |failure: &&Failure| failure.again && !news.delivered.contains(&failure.id());
        outbox.failures.iter().filter(is_open).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use taskcast_actors::domain::outbox::HookId;

    use super::*;

    #[test]
    fn what_could_not_be_settled_is_settled_with_the_next_commit() {
        let progress = Progress::new(vec![Cursor::at(HookId::Own(0), 3)]);
        assert!(!progress.is_due());
        progress.delivered("a".into());
        let work = progress.take(Then::GoOn);
        assert!(!progress.is_due());
        progress.delivered("b".into());
        progress.put_back(work);
        progress.advance(0, |cursor| cursor.pass(3));
        assert!(progress.is_due());
        let work = progress.take(Then::Leave);
        assert_eq!(work.delivered, ["a", "b"]);
        assert_eq!(work.cursors, [Cursor::at(HookId::Own(0), 4)]);
    }
}

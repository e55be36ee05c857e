//! One webhook of one task: its events in order, each until it has succeeded or finally failed.

use std::sync::Arc;
use std::time::Instant;

use taskcast_actors::domain::outbox::Failure;
use taskcast_actors::domain::{Stamp, TaskEvent, TaskId};
use taskcast_actors::{EngineError, OutboxPage};

use super::courier::Courier;
use super::deliver::{Outcome, Parcel, Trouble};
use super::endpoint::Endpoint;
use super::progress::Progress;

/// Bytes of an event's type that a failure remembers.
const MOST_TYPE: usize = 256;

/// Whether a webhook can go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// With the next event.
    GoesOn,
    /// Not now: it waits for its time, it is stopped, or the service stops.
    Rests,
}

/// One webhook of a task in work.
pub(super) struct Lane<'a> {
    pub(super) courier: &'a Courier,
    pub(super) id: &'a TaskId,
    /// Which log.
    pub(super) stamp: Stamp,
    pub(super) endpoint: &'a Endpoint,
    pub(super) progress: &'a Progress,
    /// The place of this webhook in `progress`.
    pub(super) place: usize,
    /// From then on the task makes room if others wait.
    pub(super) turn_ends: Instant,
}

impl Lane<'_> {
    /// Delivers until nothing is left, or the webhook has to wait for longer. A store that does not answer is one more
    /// reason to stop: the task comes again.
    pub(super) async fn run(&self) {
        if let Err(error) = self.deliver_all().await
            && error != EngineError::NotFound
        {
            tracing::warn!(task = %self.id, %error, "events for a webhook cannot be read: trying again later");
        }
    }

    async fn deliver_all(&self) -> Result<(), EngineError> {
        let mut rank = None;
        loop {
            let cursor = self.progress.cursor(self.place);
            if cursor.stopped || !self.is_time().await {
                return Ok(());
            }
            let page = self.courier.engine.outbox_page(self.id, self.stamp, cursor.next).await?;
            if page.events.is_empty() {
                return Ok(());
            }
            let first = match rank {
                Some(rank) => rank,
                None => self.rank(cursor.next).await?,
            };
            match self.deliver_page(&page, first).await {
                Some(next) if !page.ended && !self.has_to_make_room() => rank = Some(next),
                _ => return Ok(()),
            }
        }
    }

    fn has_to_make_room(&self) -> bool {
        self.courier.is_stopping() || self.courier.is_crowded() && Instant::now() > self.turn_ends
    }

    /// The rank of the event at `index`; without envelopes nobody asks for it.
    async fn rank(&self, index: u64) -> Result<u64, EngineError> {
        if !self.endpoint.wrap {
            return Ok(0);
        }
        self.courier.engine.rank(self.id, self.endpoint.filter.clone(), index).await
    }

    /// Delivers what is wanted of a page whose first wanted event has this rank. The rank behind the page, if all of
    /// it is done.
    async fn deliver_page(&self, page: &OutboxPage, mut rank: u64) -> Option<u64> {
        for place in &page.events {
            if self.endpoint.filter.wants(&place.event_type, place.level) {
                if let Some(event) = &place.event
                    && self.deliver(event, rank).await == Next::Rests
                {
                    return None;
                }
                rank += 1;
            }
            self.progress.advance(self.place, |cursor| cursor.pass(place.index));
        }
        Some(rank)
    }

    /// Tries until the event has succeeded or finally failed.
    async fn deliver(&self, event: &Arc<TaskEvent>, rank: u64) -> Next {
        let parcel = Parcel::new(Arc::clone(event), self.endpoint, rank);
        loop {
            if self.courier.is_stopping() {
                return Next::Rests;
            }
            let turn = match self.courier.hosts.enter(&self.endpoint.authority()).await {
                Ok(turn) => turn,
                Err(absence_ms) => {
                    self.put_off(absence_ms);
                    return Next::Rests;
                }
            };
            let now = self.courier.engine.now();
            let first_at = self.progress.advance(self.place, |cursor| *cursor.first_at.get_or_insert(now));
            let outcome = self.courier.deliverer.attempt(self.endpoint, &parcel, (first_at, now)).await;
            drop(turn);
            match outcome {
                Outcome::Delivered => {
                    self.courier.count("success");
                    return Next::GoesOn;
                }
                Outcome::Gone(trouble) => {
                    self.fail(event, &trouble);
                    self.progress.advance(self.place, |cursor| cursor.stopped = true);
                    return Next::Rests;
                }
                Outcome::Failed(trouble) if !self.wants_retry(&trouble) => {
                    self.fail(event, &trouble);
                    return Next::GoesOn;
                }
                Outcome::Failed(_) => {
                    self.courier.count("retry");
                    if !self.is_time().await {
                        return Next::Rests;
                    }
                }
            }
        }
    }

    fn put_off(&self, by_ms: u64) {
        let at = self.courier.engine.now().plus_millis(by_ms);
        self.progress.advance(self.place, |cursor| cursor.not_before = Some(at));
    }

    /// Whether the next event may be tried now, after a short wait if need be.
    async fn is_time(&self) -> bool {
        match self.progress.cursor(self.place).not_before {
            None => true,
            Some(at) => self.courier.wait_until(at).await,
        }
    }

    /// Counts a failed attempt, and says when the next one is, if there is one.
    fn wants_retry(&self, trouble: &Trouble) -> bool {
        let attempts = self.progress.advance(self.place, |cursor| {
            cursor.attempts = cursor.attempts.saturating_add(1);
            cursor.attempts
        });
        let asked = trouble.retry_after;
        let delay = self.endpoint.retry.delay_ms(u64::from(attempts), fastrand::f64(), asked);
        match delay.filter(|_| !trouble.for_good) {
            Some(delay) => {
                self.put_off(delay);
                true
            }
            None => false,
        }
    }

    fn fail(&self, event: &TaskEvent, trouble: &Trouble) {
        let cursor = self.progress.cursor(self.place);
        let now = self.courier.engine.now();
        let failure = Failure {
            hook: self.endpoint.hook,
            host: self.endpoint.host.clone(),
            index: event.index,
            event_id: event.id.clone(),
            event_type: beginning(&event.event_type, MOST_TYPE).into(),
            attempts: cursor.attempts.max(1),
            status: trouble.status,
            error: trouble.error.to_owned(),
            first_at: cursor.first_at.unwrap_or(now),
            failed_at: now,
            again: false,
        };
        report(self.courier, self.id, &failure);
        self.progress.failed(failure);
    }
}

/// Counts and logs a final failure.
pub(super) fn report(courier: &Courier, id: &TaskId, failure: &Failure) {
    courier.count("failed");
    tracing::warn!(
        task = %id,
        host = %failure.host,
        index = failure.index,
        attempts = failure.attempts,
        status = failure.status,
        error = %failure.error,
        "an event could not be delivered to a webhook"
    );
}

/// At most `most` bytes of `text`, whole characters.
fn beginning(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

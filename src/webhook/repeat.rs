//! Delivering again what had failed, when somebody asks for it: one attempt each, out of line.

use std::sync::Arc;

use taskcast_actors::domain::outbox::Failure;
use taskcast_actors::domain::{Stamp, TaskEvent, TaskId};

use super::courier::Courier;
use super::deliver::{Outcome, Parcel, Trouble};
use super::endpoint::Endpoint;
use super::lane::report;
use super::progress::Progress;

/// The failures of one task that are to be delivered again.
pub(super) struct Repeat<'a> {
    pub(super) courier: &'a Courier,
    pub(super) id: &'a TaskId,
    /// Which log.
    pub(super) stamp: Stamp,
    pub(super) endpoints: &'a [Arc<Endpoint>],
    pub(super) progress: &'a Progress,
}

impl Repeat<'_> {
    /// Tries each once. Those that cannot be tried now stay as they are.
    pub(super) async fn run(&self, failures: Vec<Failure>) {
        for failure in failures {
            if self.courier.is_stopping() {
                return;
            }
            if let Some(outcome) = self.attempt(&failure).await {
                self.settle(failure, outcome);
            }
        }
    }

    async fn attempt(&self, failure: &Failure) -> Option<Outcome> {
        let nowhere = |error| Some(Outcome::Failed(Trouble::for_good(error)));
        let Some(endpoint) = self.endpoints.iter().find(|endpoint| endpoint.hook == failure.hook) else {
            return nowhere("the webhook is not configured any more");
        };
        let engine = &self.courier.engine;
        let page = engine.outbox_page(self.id, self.stamp, failure.index).await.ok()?;
        let event = page.events.into_iter().next().filter(|place| place.index == failure.index)?.event;
        let Some(event) = event else { return nowhere("the event was superseded or cleaned up") };
        let parcel = self.parcel(event, endpoint).await?;
        let _turn = self.courier.hosts.enter(&endpoint.authority()).await.ok()?;
        let times = (failure.first_at, engine.now());
        Some(self.courier.deliverer.attempt(endpoint, &parcel, times).await)
    }

    async fn parcel(&self, event: Arc<TaskEvent>, endpoint: &Endpoint) -> Option<Parcel> {
        let rank = match endpoint.wrap {
            true => self.courier.engine.rank(self.id, endpoint.filter.clone(), event.index).await.ok()?,
            false => 0,
        };
        Some(Parcel::new(event, endpoint, rank))
    }

    fn settle(&self, failure: Failure, outcome: Outcome) {
        match outcome {
            Outcome::Delivered => {
                self.courier.count("success");
                self.progress.delivered(failure.id());
            }
            Outcome::Gone(trouble) | Outcome::Failed(trouble) => {
                let failure = Failure {
                    attempts: failure.attempts.saturating_add(1),
                    status: trouble.status,
                    error: trouble.error.to_owned(),
                    failed_at: self.courier.engine.now(),
                    again: false,
                    ..failure
                };
                report(self.courier, self.id, &failure);
                self.progress.failed(failure);
            }
        }
    }
}

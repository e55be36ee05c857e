//! Publishing under a key.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::receipt::{Publishing, Receipt, Write};
use super::swaps::Held;
use super::{Answered, Once, corrupt};
use crate::domain::{Command, NewEvent, TaskId};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{StoreError, TaskHooks as _};
use crate::task::{Appended, Attempt, Bound, Order, Publish, draw_entropy};
use crate::written::{self, Place, Written};

/// A publish under a key.
struct Keyed<'a> {
    id: &'a TaskId,
    command: Arc<Command>,
    /// Whether it waits for the numbers before its own.
    hold: bool,
    once: Once,
}

impl Keyed<'_> {
    fn events(&self) -> &[NewEvent] {
        match &*self.command {
            Command::Publish(events) => events,
            _ => &[],
        }
    }

    /// The answer to what left its events at `places`.
    fn replayed(&self, places: &[Place]) -> Result<Answered<Appended>, EngineError> {
        let events = written::rebuilt(self.id, self.events(), places);
        let events = events.ok_or_else(|| corrupt("the log has other events than were published"))?;
        Ok(Answered { answer: Appended::replayed(self.id, events), replayed: true })
    }
}

impl Engine {
    /// Appends `events` once, however often this is called with the same `once` within 24 hours, on any engine over the
    /// same store: the first success is answered each time, whatever has happened to the events since. When the task is
    /// deleted the key is forgotten. With `hold`, numbered events wait for the numbers before them, as in
    /// [`Engine::publish_in_sequence`].
    ///
    /// Only what succeeds is remembered. While one call is at work, others with the same key wait for it.
    ///
    /// # Errors
    /// [`EngineError::KeyReused`] when the key was used with another [`Once::body`], and those of [`Engine::publish`].
    pub async fn publish_once(
        &self,
        id: &TaskId,
        events: Vec<NewEvent>,
        hold: bool,
        once: Once,
    ) -> Result<Answered<Appended>, EngineError> {
        self.refuse_when_stopping()?;
        let _turn = self.shared().turns.wait(once.key).await;
        let keyed = Keyed { id, command: Arc::new(Command::Publish(events)), hold, once };
        let started = self.hooks().wants_publishes().then(Instant::now);
        loop {
            let Some(answered) = self.try_publish(&keyed).await? else { continue };
            if let Some(started) = started.filter(|_| !answered.replayed) {
                self.hooks().on_publish(id, answered.answer.len(), started.elapsed());
            }
            return Ok(answered);
        }
    }

    /// Publishes or finds what was published; `None` when something came in between.
    async fn try_publish(&self, keyed: &Keyed<'_>) -> Result<Option<Answered<Appended>>, EngineError> {
        let tell = |error: &EngineError| self.shared().not_done(keyed.id, &keyed.command, error);
        let fresh = self.fresh(keyed).await.inspect_err(tell)?;
        let reserved = self.reserve(&keyed.once.key, &fresh).await.map_err(EngineError::from);
        let Some(held) = reserved.inspect_err(tell)? else {
            return self.publish_under(keyed, fresh).await;
        };
        let Some(found) = self.find_publishing(keyed.id, &held.receipt, &fresh).await? else {
            return self.replace_and_publish(keyed, held, fresh).await;
        };
        match (held.receipt.is_of(&keyed.once), found) {
            (true, Written::At(places)) => keyed.replayed(&places).map(Some),
            (false, Written::At(_)) => Err(EngineError::KeyReused),
            (true, Written::NotBelow(version)) => {
                let renewed = held.receipt.behind(version).until(fresh.until);
                self.replace_and_publish(keyed, held, renewed).await
            }
            (false, Written::NotBelow(_)) if held.receipt.until > self.now() => {
                Self::pause().await;
                Ok(None)
            }
            (false, Written::NotBelow(_)) => self.replace_and_publish(keyed, held, fresh).await,
        }
    }

    /// A receipt for a publish that has not been tried.
    async fn fresh(&self, keyed: &Keyed<'_>) -> Result<Receipt, EngineError> {
        let stamps = self.shared().store.stamps(std::slice::from_ref(keyed.id)).await?;
        let stamp = stamps.first().copied().flatten().ok_or(EngineError::NotFound)?;
        let waits = keyed.hold && keyed.events().iter().any(|event| event.client.is_some());
        let until = self.lease(if waits { self.shared().settings.seq_hold } else { Duration::ZERO });
        let publishing = Publishing {
            incarnation: stamp.incarnation,
            version: stamp.version,
            entropy: draw_entropy(),
            left_nothing: false,
        };
        Ok(Receipt::new(&keyed.once, until, Write::Publish(publishing)))
    }

    /// Where the events of `receipt` are, if it is of the same log as `fresh`.
    async fn find_publishing(
        &self,
        id: &TaskId,
        receipt: &Receipt,
        fresh: &Receipt,
    ) -> Result<Option<Written>, EngineError> {
        let (publishing, now) = (receipt.publishing()?, fresh.publishing()?);
        if publishing.incarnation != now.incarnation {
            return Ok(None);
        }
        self.find_written(id, publishing).await
    }

    /// Where the events of `publishing` are; `None` if its log is gone.
    async fn find_written(
        &self,
        id: &TaskId,
        publishing: Publishing,
    ) -> Result<Option<Written>, EngineError> {
        if publishing.left_nothing {
            return Ok(Some(Written::At(Vec::new())));
        }
        let Publishing { incarnation, version, entropy, .. } = publishing;
        match written::find(&*self.shared().store, (id, incarnation), version, entropy).await {
            Ok(found) => Ok(Some(found)),
            Err(StoreError::Gone) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the events of `publishing` were written, to a log that is still there.
    pub(super) async fn was_published(
        &self,
        id: &TaskId,
        publishing: Publishing,
    ) -> Result<bool, EngineError> {
        let stamps = self.shared().store.stamps(std::slice::from_ref(id)).await?;
        let same =
            stamps.first().copied().flatten().is_some_and(|now| now.incarnation == publishing.incarnation);
        Ok(same && matches!(self.find_written(id, publishing).await?, Some(Written::At(_))))
    }

    async fn replace_and_publish(
        &self,
        keyed: &Keyed<'_>,
        held: Held,
        receipt: Receipt,
    ) -> Result<Option<Answered<Appended>>, EngineError> {
        if !self.replace(&keyed.once.key, held, &receipt).await? {
            return Ok(None);
        }
        self.publish_under(keyed, receipt).await
    }

    /// Publishes under `receipt`, which is in place.
    async fn publish_under(
        &self,
        keyed: &Keyed<'_>,
        receipt: Receipt,
    ) -> Result<Option<Answered<Appended>>, EngineError> {
        let publishing = receipt.publishing()?;
        let bound = Bound {
            incarnation: publishing.incarnation,
            version: publishing.version,
            deadline: Self::deadline(receipt.until),
        };
        let attempt = Attempt::keyed(Arc::clone(&keyed.command), publishing.entropy, bound);
        let wrap = |order| Publish(Order { hold: keyed.hold, ..order });
        match self.order_attempt(keyed.id, attempt, wrap).await {
            Ok(answer) => {
                if answer.is_empty() {
                    self.note_done(&keyed.once.key, receipt.clone(), &receipt.done()).await?;
                }
                let replayed = answer.is_replayed();
                Ok(Some(Answered { answer, replayed }))
            }
            // The log was replaced since the receipt was made.
            Err(EngineError::Store(StoreError::Gone)) => Ok(None),
            Err(error) => {
                self.give_up(&keyed.once.key, &receipt, &error).await;
                Err(error)
            }
        }
    }
}

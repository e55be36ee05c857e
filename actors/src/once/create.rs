//! Creating under a key.

use std::sync::Arc;
use std::time::Duration;

use super::receipt::{Creating, Receipt, Write};
use super::{Answered, Once};
use crate::domain::{Head, NewTask, TaskId};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::ports::{NewLog, StoreError};

type Created = Answered<Arc<Head>>;

impl Creating {
    fn head(&self, task: &NewTask) -> Arc<Head> {
        Arc::new(task.clone().into_head(self.id.clone(), self.at))
    }
}

impl Engine {
    /// Creates a pending task once, however often this is called with the same `once` within 24 hours, on any engine over
    /// the same store: the first success is answered each time, with the same id, also if the task was deleted since.
    ///
    /// Only what succeeds is remembered. While one call is at work, others with the same key wait for it.
    ///
    /// # Errors
    /// [`EngineError::KeyReused`] when the key was used with another [`Once::body`], [`EngineError::Exists`] when the id
    /// was taken by somebody else.
    pub async fn create_once(&self, task: NewTask, once: Once) -> Result<Created, EngineError> {
        self.refuse_when_stopping()?;
        let _turn = self.shared().turns.wait(once.key).await;
        loop {
            if let Some(answer) = self.try_create(&task, once).await? {
                return Ok(answer);
            }
        }
    }

    /// Creates the task or finds that it was created; `None` when something came in between.
    async fn try_create(&self, task: &NewTask, once: Once) -> Result<Option<Created>, EngineError> {
        let fresh = self.fresh_creation(task, once);
        let Some(held) = self.reserve(&once.key, &fresh).await? else {
            return self.create_under(task, once, &fresh, true).await.map(Some);
        };
        let same = held.receipt.is_of(&once);
        let creating = held.receipt.creating()?;
        if same && creating.done {
            return Ok(Some(Answered { answer: creating.head(task), replayed: true }));
        }
        if !same && self.was_created(creating).await? {
            return Err(EngineError::KeyReused);
        }
        if !same && held.receipt.until > self.now() {
            Self::pause().await;
            return Ok(None);
        }
        let next = if same { held.receipt.clone().until(fresh.until) } else { fresh };
        if !self.replace(&once.key, held, &next).await? {
            return Ok(None);
        }
        self.create_under(task, once, &next, !same).await.map(Some)
    }

    /// A receipt for a creation that has not been tried.
    fn fresh_creation(&self, task: &NewTask, once: Once) -> Receipt {
        let at = self.now();
        let id = task.id.clone().unwrap_or_else(|| TaskId::generate(at, fastrand::u128(..)));
        let creating = Creating { id, at, incarnation: fastrand::u64(..), done: false };
        Receipt::new(&once, self.lease(Duration::ZERO), Write::Create(creating))
    }

    /// Whether the task of `creating` was created, as far as receipt and store show.
    pub(super) async fn was_created(&self, creating: &Creating) -> Result<bool, StoreError> {
        if creating.done {
            return Ok(true);
        }
        let found = self.shared().store.head(&creating.id).await?;
        Ok(found.is_some_and(|(_, stamp)| stamp.incarnation == creating.incarnation))
    }

    /// Creates the task under `receipt`, which is in place; `first` when that has certainly never been tried.
    async fn create_under(
        &self,
        task: &NewTask,
        once: Once,
        receipt: &Receipt,
        first: bool,
    ) -> Result<Created, EngineError> {
        let creating = receipt.creating()?;
        let head = creating.head(task);
        let log = NewLog {
            head: Arc::clone(&head),
            incarnation: creating.incarnation,
            events: Vec::new(),
            hidden: Vec::new(),
            replace: false,
            fresh: first && task.id.is_none(),
        };
        let created = if self.now() > Self::deadline(receipt.until) {
            Err(EngineError::Overloaded)
        } else {
            self.create_unless_there(log, creating).await
        };
        match created {
            Ok(created) => {
                self.note_done(&once.key, receipt.clone(), &receipt.done()).await?;
                Ok(Answered { answer: head, replayed: !created })
            }
            Err(error) => {
                self.give_up(&once.key, receipt, &error).await;
                Err(error)
            }
        }
    }

    /// Creates `log`; says whether that had to be done.
    async fn create_unless_there(&self, log: NewLog, creating: &Creating) -> Result<bool, EngineError> {
        match self.create_log(log).await {
            Ok(_) => {
                self.count_created();
                Ok(true)
            }
            Err(EngineError::Exists) => match self.was_created(creating).await {
                Ok(true) => Ok(false),
                Ok(false) => Err(EngineError::Exists),
                Err(error) => Err(EngineError::Unknown(error)),
            },
            Err(error) => Err(error),
        }
    }
}

//! A store that fails on purpose: on order, or by a seed that reproduces.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::domain::{Change, Head, Stamp, TaskId, Timestamp};
use crate::ports::{
    CommitError, CreateError, Created, Due, ErrorKind, Listing, Loaded, NewLog, Page, Range, ReceiptKey,
    Receipts, Seek, StoreError, Swap, Swapped, TaskQuery, TaskStore,
};

/// What a call to the store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Create, commit or delete.
    Write,
    /// A receipt put in place of another.
    Swap,
    /// Anything else.
    Read,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and the store says so.
    Refuse,
    /// It is done, and the answer is lost.
    LoseAnswer,
    /// It is not done, and the answer is lost.
    LoseRequest,
    /// Panics before anything is done.
    PanicBefore,
    /// Panics once it is done.
    PanicAfter,
}

/// The last two are for calls that actors make: nobody else survives a panic.
const RANDOM_FAULTS: [Fault; 5] =
    [Fault::Refuse, Fault::LoseAnswer, Fault::LoseRequest, Fault::PanicBefore, Fault::PanicAfter];

#[derive(Default)]
struct Plan {
    ordered: Vec<(Operation, Fault)>,
    random: Option<(fastrand::Rng, f64)>,
}

/// See the module.
pub struct FaultyStore {
    inner: Arc<dyn TaskStore>,
    plan: Mutex<Plan>,
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        dependency: "memory",
        kind: ErrorKind::ConnectionReset,
        detail: "on purpose".into(),
    }
}

impl FaultyStore {
    /// Fails nothing until told to.
    pub fn new(inner: Arc<dyn TaskStore>) -> Self {
        Self { inner, plan: Mutex::default() }
    }

    /// The next call of this kind that is not spoken for fails like this.
    pub fn fail_next(&self, operation: Operation, fault: Fault) {
        self.plan.lock().ordered.push((operation, fault));
    }

    /// From now on a call fails with this probability, in a way that depends on `seed` and the order of calls. Reads
    /// and swaps do not panic at random, since they are made on the threads of readers and callers.
    pub fn fail_randomly(&self, seed: u64, probability: f64) {
        self.plan.lock().random = Some((fastrand::Rng::with_seed(seed), probability));
    }

    /// From now on nothing fails.
    pub fn heal(&self) {
        *self.plan.lock() = Plan::default();
    }

    fn draw(&self, operation: Operation) -> Option<Fault> {
        let mut plan = self.plan.lock();
        if let Some(place) = plan.ordered.iter().position(|(wanted, _)| *wanted == operation) {
            return Some(plan.ordered.remove(place).1);
        }
        let (rng, probability) = plan.random.as_mut()?;
        let probability = *probability;
        if rng.f64() >= probability {
            return None;
        }
        Some(match operation {
            Operation::Write => RANDOM_FAULTS[rng.usize(..RANDOM_FAULTS.len())],
            Operation::Swap => RANDOM_FAULTS[rng.usize(..3)],
            Operation::Read => Fault::Refuse,
        })
    }

    /// Fails a read, if it is to fail.
    fn read(&self) -> Result<(), StoreError> {
        match self.draw(Operation::Read) {
            None => Ok(()),
            Some(Fault::PanicBefore | Fault::PanicAfter) => panic!("a read panics on purpose"),
            Some(_) => Err(unavailable()),
        }
    }

    /// Lets a write happen or not, and says what its caller is told.
    async fn write<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send,
        refused: fn(StoreError) -> E,
        lost: fn(StoreError) -> E,
    ) -> Result<T, E> {
        Self::make(self.draw(Operation::Write), call, refused, lost).await
    }

    async fn make<T, E>(
        fault: Option<Fault>,
        call: impl Future<Output = Result<T, E>> + Send,
        refused: fn(StoreError) -> E,
        lost: fn(StoreError) -> E,
    ) -> Result<T, E> {
        match fault {
            None => call.await,
            Some(Fault::Refuse) => Err(refused(unavailable())),
            Some(Fault::LoseRequest) => Err(lost(unavailable())),
            Some(Fault::LoseAnswer) => call.await.and_then(|_| Err(lost(unavailable()))),
            Some(Fault::PanicBefore) => panic!("a write panics on purpose before it is made"),
            Some(Fault::PanicAfter) => {
                let _made = call.await;
                panic!("a write panics on purpose after it was made");
            }
        }
    }
}

#[async_trait]
impl TaskStore for FaultyStore {
    fn provider(&self) -> &'static str {
        self.inner.provider()
    }

    async fn create(&self, log: NewLog) -> Result<Created, CreateError> {
        self.write(self.inner.create(log), CreateError::NotWritten, CreateError::Unknown).await
    }

    async fn commit(&self, change: Arc<Change>) -> Result<(), CommitError> {
        self.write(self.inner.commit(change), CommitError::NotWritten, CommitError::Unknown).await
    }

    async fn load(&self, id: &TaskId) -> Result<Option<Loaded>, StoreError> {
        self.read()?;
        self.inner.load(id).await
    }

    async fn head(&self, id: &TaskId) -> Result<Option<(Arc<Head>, Stamp)>, StoreError> {
        self.read()?;
        self.inner.head(id).await
    }

    async fn stamps(&self, ids: &[TaskId]) -> Result<Vec<Option<Stamp>>, StoreError> {
        self.read()?;
        self.inner.stamps(ids).await
    }

    async fn events(&self, id: &TaskId, range: Range) -> Result<Page, StoreError> {
        self.read()?;
        self.inner.events(id, range).await
    }

    async fn seek(&self, id: &TaskId, seek: Seek) -> Result<Option<u64>, StoreError> {
        self.read()?;
        self.inner.seek(id, seek).await
    }

    async fn list(&self, query: &TaskQuery) -> Result<Listing, StoreError> {
        self.read()?;
        self.inner.list(query).await
    }

    async fn delete(&self, id: &TaskId, incarnation: u64) -> Result<bool, CommitError> {
        self.write(self.inner.delete(id, incarnation), CommitError::NotWritten, CommitError::Unknown).await
    }

    async fn due(&self, now: Timestamp, after: Option<&Due>, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.inner.due(now, after, limit).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.inner.health().await
    }

    fn receipts(&self) -> &dyn Receipts {
        self
    }
}

#[async_trait]
impl Receipts for FaultyStore {
    async fn find(&self, key: &ReceiptKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        self.read()?;
        self.inner.receipts().find(key, now).await
    }

    async fn swap(&self, key: &ReceiptKey, swap: Swap) -> Result<Swapped, StoreError> {
        let same = std::convert::identity;
        Self::make(self.draw(Operation::Swap), self.inner.receipts().swap(key, swap), same, same).await
    }
}

//! The one task that writes, over a connection of its own: what queued up while a transaction was under way shares the
//! next one.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use taskcast_actors::ports::{ErrorKind, StoreError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::connect::Connector;
use super::error::{of_postgres, timed_out, unavailable};
use super::flight::{self, Failed, Manner, Statements};
use super::job::{Job, Outcome, Work, WriteError};

/// Most jobs, and most bytes, in one transaction: what a caller that comes later may have to wait for.
const GROUP_JOBS: usize = 512;
const GROUP_BYTES: usize = 8 << 20;

/// How long the next group waits for those who were in the last one, a fraction of what a transaction costs: whoever has
/// just been answered is likely to write again, and a group of half the size costs nearly as much.
const COMPANY: Duration = Duration::from_micros(200);

/// How much longer than a statement an answer may take.
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// Gives work to the writer. When it is dropped, what is queued is still written.
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    wait: Duration,
}

impl Writer {
    pub(super) fn start(connector: Connector, failing: Arc<AtomicBool>) -> Self {
        let (queue, jobs) = mpsc::channel(connector.settings.queue.max(1));
        let wait = connector.settings.wait_timeout;
        let state = State { connector, jobs, held: VecDeque::new(), session: None, last_group: 0, failing };
        tokio::spawn(state.run());
        Self { queue, wait }
    }

    /// Has `work` done. Once it is queued it is done, even if this future is dropped.
    pub(super) async fn run(&self, work: Arc<Work>) -> Result<Outcome, WriteError> {
        let gone = || unavailable(ErrorKind::Unavailable, "the writer has stopped");
        let (reply, answer) = oneshot::channel();
        match tokio::time::timeout(self.wait, self.queue.send(Job { work, reply })).await {
            Ok(Ok(())) => answer.await.unwrap_or_else(|_| Err(WriteError::Unknown(gone()))),
            Ok(Err(_)) => Err(WriteError::NotWritten(gone())),
            Err(_) => Err(WriteError::NotWritten(timed_out("waiting for a place in the queue"))),
        }
    }
}

/// A connection that writes. It ends with this.
struct Session {
    client: Client,
    statements: Statements,
    driver: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

struct State {
    connector: Connector,
    jobs: mpsc::Receiver<Job>,
    /// Jobs for tasks of which there was one in the group already, oldest first.
    held: VecDeque<Job>,
    session: Option<Session>,
    /// Jobs of the last group.
    last_group: usize,
    /// Whether the last write failed for a reason that concerns all writes.
    failing: Arc<AtomicBool>,
}

impl State {
    async fn run(mut self) {
        loop {
            let first = match self.held.pop_front() {
                Some(job) => Some(job),
                None => self.jobs.recv().await,
            };
            let Some(first) = first else { return };
            let group = self.gather(first).await;
            self.write(group).await;
        }
    }

    /// The first job, what waits behind it, and what comes at once if the last group was larger; one for each task.
    async fn gather(&mut self, first: Job) -> Vec<Job> {
        let started = Instant::now();
        let mut group = Group::default();
        let mut waiting = std::mem::take(&mut self.held);
        waiting.push_front(first);
        while !group.is_full() {
            let next = match waiting.pop_front() {
                Some(job) => Ok(job),
                None if self.held.len() < GROUP_JOBS => self.jobs.try_recv(),
                None => break,
            };
            match next {
                Ok(job) => self.held.extend(group.take(job)),
                Err(mpsc::error::TryRecvError::Disconnected) => break,
                Err(_) if group.jobs.len() < self.last_group && started.elapsed() < COMPANY => {
                    tokio::task::yield_now().await;
                }
                Err(_) => break,
            }
        }
        self.held.append(&mut waiting);
        self.last_group = group.jobs.len();
        group.jobs.sort_by(|a, b| a.work.id().cmp(b.work.id()));
        group.jobs
    }

    /// Writes `group` in one transaction and answers everybody. If the server refuses it, halves are tried, so that in
    /// the end nobody fails for what somebody else wanted.
    async fn write(&mut self, group: Vec<Job>) {
        let mut parts = vec![group];
        while let Some(mut jobs) = parts.pop() {
            let works: Vec<_> = jobs.iter().map(|job| Arc::clone(&job.work)).collect();
            match self.attempt(&works).await {
                Ok(outcomes) => {
                    self.failing.store(false, Ordering::Relaxed);
                    self.connector.link.connected();
                    jobs.into_iter().zip(outcomes).for_each(|(job, outcome)| answer(job, Ok(outcome)));
                }
                Err(Failed::Working(_)) if jobs.len() > 1 => {
                    parts.push(jobs.split_off(jobs.len() / 2));
                    parts.push(jobs);
                }
                Err(failed) => {
                    self.note(&failed);
                    let error = failed.into_error();
                    jobs.into_iter().for_each(|job| answer(job, Err(error.clone())));
                }
            }
        }
    }

    async fn attempt(&mut self, works: &[Arc<Work>]) -> Result<Vec<Outcome>, Failed> {
        let limit = self.connector.settings.statement_timeout + GRACE;
        let unconnected = |error| Failed::Connection(WriteError::NotWritten(error));
        let session = self.session().await.map_err(unconnected)?;
        flight::fly(&session.client, &session.statements, works, Manner { waiting: false, limit }).await
    }

    /// The connection, a new one if the last one is lost.
    async fn session(&mut self) -> Result<&Session, StoreError> {
        if self.session.as_ref().is_some_and(|session| session.client.is_closed()) {
            self.session = None;
        }
        match &mut self.session {
            Some(session) => Ok(session),
            empty @ None => {
                let (client, driver) = self.connector.connect_in_time().await?;
                let prepared = tokio::time::timeout(
                    self.connector.settings.connect_timeout,
                    Statements::prepare(&client),
                );
                let statements = prepared.await.map_err(|_| timed_out("preparing statements"))?;
                let statements = statements.map_err(|error| of_postgres(&error))?;
                Ok(empty.insert(Session { client, statements, driver }))
            }
        }
    }

    fn note(&mut self, failed: &Failed) {
        self.failing.store(true, Ordering::Relaxed);
        if let Failed::Connection(WriteError::NotWritten(error) | WriteError::Unknown(error)) = failed {
            self.session = None;
            if let StoreError::Unavailable { kind, .. } = error {
                self.connector.link.failed(*kind);
            }
        }
    }
}

/// Whoever does not wait any more has gone away of their own accord.
fn answer(job: Job, answer: Result<Outcome, WriteError>) {
    let _ = job.reply.send(answer);
}

/// Jobs for one transaction.
#[derive(Default)]
struct Group {
    jobs: Vec<Job>,
    ids: HashSet<String>,
    bytes: usize,
}

impl Group {
    fn is_full(&self) -> bool {
        self.jobs.len() >= GROUP_JOBS || self.bytes >= GROUP_BYTES
    }

    /// Takes `job` in, or gives it back if there is one for the same task.
    fn take(&mut self, job: Job) -> Option<Job> {
        if !self.ids.insert(job.work.id().to_owned()) {
            return Some(job);
        }
        self.bytes += job.work.weight();
        self.jobs.push(job);
        None
    }
}

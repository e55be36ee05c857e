//! The one thread that writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::error::{OpenError, unavailable};
use super::job::{Job, Outcome, Work, WriteError};
use super::settings::SqliteSettings;
use super::{group, orphans};

/// Most jobs, and most bytes, in one transaction: what a caller that comes later may have to wait for.
const GROUP_JOBS: usize = 512;
const GROUP_BYTES: usize = 8 << 20;

/// How long the next group waits for those who were in the last one, a little less than an fsync takes: whoever has
/// just been answered is likely to write again, and a group of half the size costs the same fsync.
const COMPANY: Duration = Duration::from_micros(100);

/// Groups between two pieces of sweeping while there is always something to write.
const SWEEP_EVERY: usize = 4;

/// Gives work to the writing thread. Dropping it waits until everything queued has been written.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which owns `connection` from now on.
    pub(super) fn start(
        connection: Connection,
        settings: &SqliteSettings,
        failing: Arc<AtomicBool>,
    ) -> Result<Self, OpenError> {
        let (queue, jobs) = mpsc::channel(settings.queue.max(1));
        let (next_log, sweeping) = (next_log(&connection)?, orphans::remain(&connection)?);
        let state = State { connection, jobs, next_log, last_group: 0, sweeping, unswept: 0, failing };
        let thread = std::thread::Builder::new().name("sqlite-writer".into());
        let thread = thread.spawn(move || state.run()).map_err(OpenError::Thread)?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Has `work` done. Once it is queued it is done, even if this future is dropped.
    pub(super) async fn run(&self, work: Work) -> Result<Outcome, WriteError> {
        let gone = || unavailable("the writer has stopped".into());
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().expect("the queue is there until the writer is dropped");
        if queue.send(Job { work, reply }).await.is_err() {
            return Err(WriteError::NotWritten(gone()));
        }
        answer.await.unwrap_or_else(|_| Err(WriteError::Unknown(gone())))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writing thread of the SQLite store had panicked");
        }
    }
}

/// One more than the number of any log of which something is left: every event belongs to a task or an orphan.
fn next_log(connection: &Connection) -> rusqlite::Result<i64> {
    let sql = "SELECT 1 + max(coalesce((SELECT max(log) FROM tasks), 0),
                              coalesce((SELECT max(log) FROM orphans), 0))";
    connection.query_row(sql, [], |row| row.get(0))
}

struct State {
    connection: Connection,
    jobs: mpsc::Receiver<Job>,
    next_log: i64,
    /// Jobs of the last group.
    last_group: usize,
    /// Whether deleted logs may have left events.
    sweeping: bool,
    /// Groups written since the last piece was swept.
    unswept: usize,
    failing: Arc<AtomicBool>,
}

impl State {
    fn run(mut self) {
        loop {
            match self.jobs.try_recv() {
                Ok(first) => self.write(first),
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) if self.sweeping => self.sweep(),
                Err(TryRecvError::Empty) => match self.jobs.blocking_recv() {
                    Some(first) => self.write(first),
                    None => return,
                },
            }
        }
    }

    fn write(&mut self, first: Job) {
        let group = self.gather(first);
        let deletes = group.iter().any(|job| job.work.may_delete());
        let works = group::write_all(&mut self.connection, group, &mut self.next_log);
        let failed = self.failing.swap(!works, Ordering::Relaxed);
        self.sweeping |= deletes || (works && failed);
        self.unswept += 1;
        if self.sweeping && self.unswept >= SWEEP_EVERY {
            self.sweep();
        }
    }

    /// The first job, what waits behind it, and what comes at once if the last group was larger.
    fn gather(&mut self, first: Job) -> Vec<Job> {
        let started = Instant::now();
        let mut bytes = first.work.weight();
        let mut group = vec![first];
        while group.len() < GROUP_JOBS && bytes < GROUP_BYTES {
            match self.jobs.try_recv() {
                Ok(job) => {
                    bytes += job.work.weight();
                    group.push(job);
                }
                Err(_) if group.len() < self.last_group && started.elapsed() < COMPANY => {
                    std::thread::yield_now();
                }
                Err(_) => break,
            }
        }
        self.last_group = group.len();
        group
    }

    /// Removes a piece of what deleted logs left. When that fails, it goes on once writing works again.
    fn sweep(&mut self) {
        self.unswept = 0;
        self.sweeping = orphans::sweep(&mut self.connection).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot remove the events of deleted tasks for the time being");
            self.failing.store(true, Ordering::Relaxed);
            false
        });
    }
}

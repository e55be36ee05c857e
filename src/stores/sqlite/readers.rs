//! The threads that read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use rusqlite::Connection;
use taskcast_actors::ports::StoreError;
use tokio::sync::{mpsc, oneshot};

use super::connection;
use super::error::{OpenError, ReadError, unavailable};
use super::settings::SqliteSettings;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A few threads, each with its own connection, and the queue they share.
pub(super) struct Readers {
    queue: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts as many threads as `settings` asks for.
    pub(super) fn start(path: &Path, settings: &SqliteSettings) -> Result<Self, OpenError> {
        let (queue, jobs) = mpsc::channel(settings.queue.max(1));
        let jobs = Arc::new(Mutex::new(jobs));
        let mut readers = Self { queue: Some(queue), threads: Vec::new() };
        for number in 0..settings.readers.max(1) {
            let (connection, jobs) = (connection::reading(path)?, Arc::clone(&jobs));
            let thread = std::thread::Builder::new().name(format!("sqlite-reader-{number}"));
            let thread = thread.spawn(move || run(connection, &jobs)).map_err(OpenError::Thread)?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// What `read` finds, on one of the threads.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            if !reply.is_closed() {
                let _ = reply.send(read(connection));
            }
        });
        let queue = self.queue.as_ref().expect("the queue is there until the readers are dropped");
        queue.send(job).await.map_err(|_| unavailable("the readers have stopped".into()))?;
        Ok(answer.await.map_err(|_| unavailable("a read panicked".into()))??)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reading thread of the SQLite store had panicked");
            }
        }
    }
}

/// A job that panics leaves its caller without an answer, which is an error there, and the thread as it was.
fn run(mut connection: Connection, jobs: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = jobs.lock().blocking_recv();
        let Some(job) = job else { return };
        let _ = catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_read_that_panics_is_an_error_and_harms_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = connection::prepare_file(&dir.path().join("t.db")).unwrap();
        let settings = SqliteSettings { readers: 1, ..SqliteSettings::default() };
        let _writing = connection::writing(&path, &settings).unwrap();
        let readers = Readers::start(&path, &settings).unwrap();
        for _ in 0..3 {
            let panicked = readers.run::<()>(|_| panic!("on purpose")).await;
            assert!(matches!(panicked, Err(StoreError::Unavailable { .. })));
            let answer =
                readers.run(|connection| Ok(connection.query_row("SELECT 7", [], |row| row.get(0))?));
            assert_eq!(answer.await, Ok(7));
        }
    }
}

//! One transaction for many callers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::error::{of_sqlite, unavailable};
use super::job::{Job, Outcome, WriteError};
use super::write;

/// Why a transaction was not committed.
enum Failed {
    /// While its statements ran: it may be the fault of one piece of work.
    Working(WriteError),
    /// While it was begun or committed: nobody's fault.
    Together(WriteError),
}

/// Writes `jobs` in one transaction and answers everybody. Says whether writing works.
///
/// When a statement fails, each job is tried by itself, so that nobody fails for what somebody else wanted.
pub(super) fn write_all(connection: &mut Connection, jobs: Vec<Job>, next_log: &mut i64) -> bool {
    match attempt(connection, &jobs, next_log) {
        Ok(outcomes) => {
            for (job, outcome) in jobs.into_iter().zip(outcomes) {
                answer(job, Ok(outcome));
            }
            true
        }
        Err(Failed::Working(_)) if jobs.len() > 1 => {
            let each = jobs.into_iter().map(|job| write_all(connection, vec![job], next_log));
            each.filter(|works| !works).count() == 0
        }
        Err(Failed::Working(error) | Failed::Together(error)) => {
            jobs.into_iter().for_each(|job| answer(job, Err(error.clone())));
            false
        }
    }
}

/// Whoever does not wait any more has gone away of their own accord.
fn answer(job: Job, answer: Result<Outcome, WriteError>) {
    let _ = job.reply.send(answer);
}

fn attempt(connection: &mut Connection, jobs: &[Job], next_log: &mut i64) -> Result<Vec<Outcome>, Failed> {
    let not_written = |error: rusqlite::Error| WriteError::NotWritten(of_sqlite(&error));
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| Failed::Together(not_written(error)))?;
    let work = || perform_all(&transaction, jobs, next_log);
    let outcomes = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(outcomes) => outcomes.map_err(|error| Failed::Working(not_written(error)))?,
        Err(_) => {
            return Err(Failed::Working(WriteError::NotWritten(unavailable("the writer panicked".into()))));
        }
    };
    transaction.commit().map_err(|error| Failed::Together(after_commit(&error)))?;
    Ok(outcomes)
}

fn perform_all(
    transaction: &Transaction<'_>,
    jobs: &[Job],
    next_log: &mut i64,
) -> rusqlite::Result<Vec<Outcome>> {
    jobs.iter().map(|job| write::perform(transaction, &job.work, next_log)).collect()
}

/// What a failed commit means. Without space the last frame of the transaction never reached the file; after any
/// other failure of the disk it may be there, and be found after a crash.
fn after_commit(error: &rusqlite::Error) -> WriteError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            WriteError::NotWritten(of_sqlite(error))
        }
        _ => WriteError::Unknown(of_sqlite(error)),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_commit_is_in_doubt_unless_its_last_frame_cannot_be_there() {
        let failed = |code| after_commit(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY] {
            assert!(matches!(failed(code), WriteError::NotWritten(_)));
        }
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR] {
            assert!(matches!(failed(code), WriteError::Unknown(_)));
        }
    }
}

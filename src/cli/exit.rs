//! What exit codes mean, in one place.

use std::io;
use std::process::ExitCode;

use anstream::eprintln;
use anstyle::{AnsiColor, Style};

use crate::client::{ClientError, Ending, TaskStatus};

/// For whoever reads `--help`.
pub(super) const HELP: &str = "\
Exit codes: 0 done; 1 something else went wrong; 2 wrong arguments; 3 no answer from the server; 4 not allowed (401, \
403); 5 not found (404); 6 in conflict with what is there (409); 10 the task failed; 11 it timed out; 12 it was \
cancelled; 13 it was deleted. `run` ends with the code of its command, or 128 and the number of the signal it died of.";

/// How a command that worked ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exit(u8);

impl Exit {
    /// What was asked for is done.
    pub(super) const DONE: Self = Self(0);
    /// Something that was asked about is not well.
    pub(super) const NOT_WELL: Self = Self(1);

    /// The exit of a command that gives nothing.
    pub(super) fn done((): ()) -> Self {
        Self::DONE
    }

    /// A code of another program.
    pub(super) fn code(code: u8) -> Self {
        Self(code)
    }

    /// The exit of a command that followed a task to its end.
    pub(super) fn of_ending(ending: Ending) -> Self {
        match ending {
            Ending::Finished(TaskStatus::Failed) => Self(10),
            Ending::Finished(TaskStatus::Timeout) => Self(11),
            Ending::Finished(TaskStatus::Cancelled) => Self(12),
            Ending::Finished(_) => Self::DONE,
            Ending::Deleted => Self(13),
        }
    }

    fn of_error(error: &anyhow::Error) -> Self {
        let broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        };
        // Whoever read has seen enough: that is how `| head` ends.
        if error.chain().any(broken_pipe) {
            return Self::DONE;
        }
        let Some(error) = error.chain().find_map(|cause| cause.downcast_ref::<ClientError>()) else {
            return Self(1);
        };
        match (error.status(), error.code()) {
            (Some(401 | 403), _) => Self(4),
            (Some(404), _) => Self(5),
            (Some(409), _) => Self(6),
            (_, "connection_failed" | "timeout") => Self(3),
            (None, "invalid_request") => Self(2),
            _ => Self(1),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.0.into()
    }
}

/// Says what went wrong and what to do about it.
pub(super) fn explain(error: &anyhow::Error) -> ExitCode {
    let exit = Exit::of_error(error);
    if exit != Exit::DONE {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        eprintln!("{red}taskcast:{red:#} {error:#}");
        if let Some(advice) = advice(error) {
            eprintln!("{advice}");
        }
    }
    exit.into()
}

/// What a user can do about an error of the server or on the way to it.
fn advice(error: &anyhow::Error) -> Option<&'static str> {
    let error = error.chain().find_map(|cause| cause.downcast_ref::<ClientError>())?;
    match (error.status(), error.code()) {
        (None, "connection_failed") => Some(
            "Is the server running? Start one with `taskcast start`, or name another with --url or --node.",
        ),
        (None, "timeout") => Some("Ask what is wrong with `taskcast doctor`."),
        (Some(401), _) => Some("Set TASKCAST_TOKEN, or keep a token with `taskcast node add`."),
        (Some(403), _) => Some("The token lacks a scope, or is for other tasks."),
        _ => None,
    }
}

//! How a command ended, and what the task is told of it.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::output::{dim, remark};
use crate::client::{Client, ClientError, Json, TaskError};

/// The codes of a shell whose command is not there, or is there and cannot be run
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_08_02>).
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// Who had the command end before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// Its task was over.
    Task,
    /// A signal to this program.
    Signal,
}

/// How a command ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It ended by itself or was stopped.
    Ended(ExitStatus, Option<Stopped>),
    /// It never began.
    NotStarted { text: String, code: u8 },
}

impl Outcome {
    pub(super) fn of(status: ExitStatus, stopped: Option<Stopped>) -> Self {
        Self::Ended(status, stopped)
    }

    pub(super) fn not_started(error: &io::Error) -> Self {
        let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE };
        Self::NotStarted { text: format!("the command cannot be run: {error}"), code }
    }

    /// The exit code of this program.
    pub(super) fn code(&self) -> u8 {
        let code = match self {
            Self::NotStarted { code, .. } => return *code,
            Self::Ended(status, _) => status.code().or_else(|| Some(128 + status.signal()?)),
        };
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
    }

    /// Ends the task as the command ended, after `took`; `lines` are the last it wrote. A task that is over already is
    /// left as it is.
    pub(super) async fn tell(
        &self,
        client: &Client,
        id: &str,
        (took, lines): (Duration, Vec<String>),
    ) -> anyhow::Result<()> {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let told = match self {
            Self::Ended(_, Some(Stopped::Task)) => return Ok(()),
            Self::Ended(status, _) if status.success() => {
                client.complete(id, json!({"exitCode": 0, "durationMs": took_ms})).await
            }
            Self::Ended(_, Some(Stopped::Signal)) => client.cancel(id).await,
            Self::Ended(..) | Self::NotStarted { .. } => {
                let mut details = self.details();
                details["durationMs"] = took_ms.into();
                details["lastLines"] = lines.into();
                client.fail(id, self.error(&details)).await
            }
        };
        match told {
            Ok(_) => Ok(()),
            Err(error) if is_over(&error) => {
                remark(&dim("taskcast: the task was ended by somebody else before"));
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn error(&self, details: &Value) -> TaskError {
        let (message, code) = match self {
            Self::NotStarted { text, code } => (text.clone(), format!("exit_{code}")),
            Self::Ended(status, _) => match (status.code(), status.signal()) {
                (Some(code), _) => (format!("the command exited with code {code}"), format!("exit_{code}")),
                (None, Some(signal)) => {
                    (format!("the command died of signal {signal}"), format!("signal_{signal}"))
                }
                (None, None) => ("the command ended".to_owned(), "unknown".to_owned()),
            },
        };
        TaskError { message, code: Some(code), details: Some(Json::of(details)) }
    }

    fn details(&self) -> Value {
        match self {
            Self::NotStarted { code, .. } => json!({"exitCode": code}),
            Self::Ended(status, _) => match status.signal() {
                Some(signal) => json!({"signal": signal}),
                None => json!({"exitCode": status.code()}),
            },
        }
    }
}

/// Whether the task cannot be ended because it is over or gone.
fn is_over(error: &ClientError) -> bool {
    matches!(error.code(), "invalid_transition" | "task_not_found")
}

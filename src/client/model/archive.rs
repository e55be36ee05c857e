//! Whole tasks as one document (PROTOCOL §14, §15).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use taskcast_actors::domain::Task;

use super::Event;
use crate::client::ClientError;

/// A task with its whole history, as text that comes back byte for byte.
///
/// ```
/// # taskcast::example::with_client(|client| async move {
/// let task = client.create_task(Default::default()).await?;
/// let archive = client.archive(&task.id).await?;
/// client.delete_task(&task.id).await?;
/// assert_eq!(client.import(&archive, false).await?.event_count, archive.events()?.len());
/// # Ok(()) });
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Archive(Box<RawValue>);

#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    task: &'a RawValue,
    #[serde(borrow)]
    events: &'a RawValue,
}

impl Archive {
    /// An archive that was kept as text.
    ///
    /// ```
    /// # use taskcast::client::{Archive, NewTask};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let text = client.archive(&task.id).await?.as_json().to_owned();
    /// client.delete_task(&task.id).await?;
    /// client.import(&Archive::from_json(&text)?, false).await?;
    /// assert_eq!(client.get_task(&task.id).await?.task, task.task);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// When it is no JSON. Whether it is an archive, the server says.
    pub fn from_json(text: &str) -> Result<Self, ClientError> {
        let raw = serde_json::from_str(text);
        raw.map(Self).map_err(|error| ClientError::InvalidRequest(format!("this is no archive: {error}")))
    }

    /// The text.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// The task in it.
    ///
    /// # Errors
    /// When this is no archive.
    pub fn task(&self) -> Result<Task, ClientError> {
        read(self.parts()?.task)
    }

    /// The events in it, in order.
    ///
    /// # Errors
    /// When this is no archive.
    pub fn events(&self) -> Result<Vec<Event>, ClientError> {
        read(self.parts()?.events)
    }

    fn parts(&self) -> Result<Parts<'_>, ClientError> {
        serde_json::from_str(self.0.get()).map_err(|error| no_archive(&error))
    }
}

fn read<'a, T: Deserialize<'a>>(part: &'a RawValue) -> Result<T, ClientError> {
    serde_json::from_str(part.get()).map_err(|error| no_archive(&error))
}

fn no_archive(error: &serde_json::Error) -> ClientError {
    ClientError::InvalidAnswer(format!("this is no archive: {error}"))
}

/// What came of an import.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// The task.
    pub task_id: String,
    /// How many events it has.
    pub event_count: usize,
    /// Whether it replaced another.
    pub overwritten: bool,
}

/// Where a task is after its release.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Released {
    /// The task.
    pub task_id: String,
    /// The index of its last event; -1 without any.
    pub archive_watermark: i64,
    /// Whether this call moved it; it was cold already otherwise.
    pub released: bool,
}

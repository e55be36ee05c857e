//! Whole tasks: take them out, put them in, move them to cold storage.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use taskcast_actors::domain::Timestamp;

use super::{Archive, Client, ClientError, Imported, Released};

/// Whole tasks may be hundreds of megabytes.
const PATIENCE: Duration = Duration::from_secs(300);

/// # Whole tasks
impl Client {
    /// A task with its whole history (PROTOCOL §14).
    ///
    /// ```
    /// # use taskcast::client::{NewEvent, NewTask};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// client.publish(&task.id, NewEvent::new("step", 1)).await?;
    /// let archive = client.archive(&task.id).await?;
    /// assert_eq!((archive.task()?.id, archive.events()?.len()), (task.task.id, 1));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `task_not_found`.
    pub async fn archive(&self, id: &str) -> Result<Archive, ClientError> {
        self.task_call(Method::GET, id, &["archive"])?.patient(PATIENCE).read().await
    }

    /// Puts a task in, with `overwrite` in place of one with the same id.
    ///
    /// ```
    /// # use taskcast::client::NewTask;
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let archive = client.archive(&task.id).await?;
    /// assert_eq!(client.import(&archive, false).await.unwrap_err().code(), "task_exists");
    /// assert!(client.import(&archive, true).await?.overwritten);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `task_exists`, `invalid_body` when it is no archive of this version.
    pub async fn import(&self, archive: &Archive, overwrite: bool) -> Result<Imported, ClientError> {
        let body = format!(r#"{{"archive":{},"overwrite":{overwrite}}}"#, archive.as_json());
        let call = self.call(Method::POST, &["tasks", "import"]).text(body).patient(PATIENCE);
        // A second time replaces the same by the same.
        if overwrite { call.repeatable().read().await } else { call.read().await }
    }

    /// Moves a task to cold storage (PROTOCOL §15), if `expected_last` is its last index (-1 without events) and
    /// nothing happened to it after `inactive_since`.
    ///
    /// ```
    /// # use taskcast::client::NewTask;
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// // This server has no cold storage.
    /// let refused = client.release(&task.id, -1, task.updated_at).await;
    /// assert_eq!(refused.unwrap_err().code(), "storage_release_unsupported");
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `storage_precondition_failed`, `storage_busy`, `storage_release_unsupported`, `task_not_found`.
    pub async fn release(
        &self,
        id: &str,
        expected_last: i64,
        inactive_since: Timestamp,
    ) -> Result<Released, ClientError> {
        let body = json!({"expectedLastEventIndex": expected_last, "inactiveSince": inactive_since});
        self.task_call(Method::POST, id, &["storage", "release"])?.json(&body)?.repeatable().read().await
    }
}

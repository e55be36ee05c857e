//! Workers over HTTP (PROTOCOL §11.6).

use std::time::Duration;

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use taskcast_actors::domain::Task;

use super::answer::read;
use super::send::{task_path, worker_path};
use super::{Client, ClientError, NewWorker, Worker, WorkerStatus};

/// # Workers
///
/// On a server without workers the list is empty, and everything else is refused with `not_found`.
impl Client {
    /// All workers.
    ///
    /// ```
    /// # taskcast::example::with_client(|client| async move {
    /// assert!(client.workers().await?.is_empty());
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Those of every call.
    pub async fn workers(&self) -> Result<Vec<Worker>, ClientError> {
        #[derive(Deserialize)]
        struct Answer {
            workers: Vec<Worker>,
        }
        let answer: Answer = self.call(Method::GET, &["workers"]).read().await?;
        Ok(answer.workers)
    }

    /// One worker.
    ///
    /// # Errors
    /// `worker_not_found`.
    pub async fn worker(&self, id: &str) -> Result<Worker, ClientError> {
        self.call(Method::GET, &worker_path(id, &[])?).read().await
    }

    /// Registers a worker that pulls, or registers it anew.
    ///
    /// ```
    /// # use taskcast::client::NewWorker;
    /// # taskcast::example::with_client(|client| async move {
    /// let worker = NewWorker { worker_id: Some("gpu-1".into()), capacity: Some(2), ..NewWorker::default() };
    /// match client.register_worker(&worker).await {
    ///     Ok(worker) => assert_eq!(worker.capacity, 2),
    ///     Err(error) => assert_eq!(error.code(), "not_found", "this server has no workers"),
    /// }
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `invalid_body`, `worker_id_mismatch`.
    pub async fn register_worker(&self, worker: &NewWorker) -> Result<Worker, ClientError> {
        let call = self.call(Method::POST, &["workers"]).json(worker)?;
        // Without an id each attempt would make a worker of its own.
        if worker.worker_id.is_some() { call.repeatable().read().await } else { call.read().await }
    }

    /// Says that a worker is alive.
    ///
    /// # Errors
    /// `worker_not_found`, `worker_id_mismatch`.
    pub async fn heartbeat(&self, id: &str) -> Result<Worker, ClientError> {
        self.call(Method::POST, &worker_path(id, &["heartbeat"])?).repeatable().read().await
    }

    /// Lets a worker finish what it has and take nothing new ([`WorkerStatus::Draining`]), or take tasks again
    /// ([`WorkerStatus::Idle`]).
    ///
    /// # Errors
    /// `worker_not_found`, `invalid_body` for any other status.
    pub async fn set_worker_status(&self, id: &str, status: WorkerStatus) -> Result<Worker, ClientError> {
        let call = self.call(Method::PATCH, &worker_path(id, &["status"])?);
        call.json(&json!({"status": status}))?.repeatable().read().await
    }

    /// Removes a worker at once.
    ///
    /// # Errors
    /// `worker_not_found`.
    pub async fn delete_worker(&self, id: &str) -> Result<(), ClientError> {
        self.call(Method::DELETE, &worker_path(id, &[])?).send().await.map(drop)
    }

    /// Waits up to `timeout` for a task for the worker `id` of one of `types` (any when empty), and claims it. `None`
    /// when there was none. A claim whose answer is lost is not asked for again: its task comes back when the worker
    /// is lost or declines it.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # taskcast::example::with_client(|client| async move {
    /// match client.pull("gpu-1", &["llm.*"], Duration::from_secs(20)).await {
    ///     Ok(Some(task)) => println!("{} is mine", task.id),
    ///     Ok(None) => println!("nothing to do"),
    ///     Err(error) => assert_eq!(error.code(), "not_found", "this server has no workers"),
    /// }
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `worker_not_found`, `worker_id_mismatch`.
    pub async fn pull(
        &self,
        id: &str,
        types: &[&str],
        timeout: Duration,
    ) -> Result<Option<Task>, ClientError> {
        let types = Some(types.join(",")).filter(|types| !types.is_empty());
        let call =
            self.call(Method::GET, &["workers", "pull"]).once().patient(timeout + Duration::from_secs(10));
        let call = call.query("workerId", id).query("timeout", &timeout.as_millis().to_string());
        match call.maybe("types", types.as_deref()).send().await? {
            (204, _) => Ok(None),
            (_, body) => read(&body).map(Some),
        }
    }

    /// Gives a task back, with `blacklist` never to get it again.
    ///
    /// # Errors
    /// `worker_id_mismatch`.
    pub async fn decline(&self, task: &str, worker: &str, blacklist: bool) -> Result<(), ClientError> {
        let path = [&["workers"], &task_path(task, &["decline"])?[..]].concat();
        let body = json!({"workerId": worker, "blacklist": blacklist});
        self.call(Method::POST, &path).json(&body)?.repeatable().send().await.map(drop)
    }
}

//! Tasks: create, look at, move on, end.

use reqwest::Method;
use serde_json::{Value, json};
use taskcast_actors::domain::{BlockedRequest, Json, Task, TaskError, TaskStatus};

use super::{Client, ClientError, NewTask, TaskView, Transition};

/// # Tasks
impl Client {
    /// Creates a task. Repeats carry the same `Idempotency-Key`, so that there is one task however often it was asked
    /// for.
    ///
    /// ```
    /// # use taskcast::client::{NewTask, TaskStatus};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask { ttl: Some(60), ..NewTask::of_type("llm.chat") }).await?;
    /// assert_eq!(task.status, TaskStatus::Pending);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `task_exists` when the id is taken, `invalid_body` when a field breaks a rule.
    pub async fn create_task(&self, task: NewTask) -> Result<TaskView, ClientError> {
        self.call(Method::POST, &["tasks"]).json(&task)?.keyed().read().await
    }

    /// A task with how many follow it.
    ///
    /// ```
    /// # use taskcast::client::NewTask;
    /// # taskcast::example::with_client(|client| async move {
    /// let id = client.create_task(NewTask::of_type("llm.chat")).await?.task.id;
    /// let task = client.get_task(&id).await?;
    /// assert_eq!((task.task_type.as_deref(), task.subscriber_count), (Some("llm.chat"), 0));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `task_not_found`.
    pub async fn get_task(&self, id: &str) -> Result<TaskView, ClientError> {
        self.task_call(Method::GET, id, &[])?.read().await
    }

    /// Changes the status of a task, exactly once: when an answer was lost, the change is tried again, and a refusal
    /// of that second attempt is no error if the task is by then as this change would have left it.
    ///
    /// ```
    /// # use taskcast::client::{NewTask, TaskStatus, Transition};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let paused = Transition { reason: Some("lunch".into()), ..Transition::to(TaskStatus::Paused) };
    /// assert_eq!(client.transition(&task.id, paused).await?.reason.as_deref(), Some("lunch"));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `invalid_transition` when the task is in a status this one cannot follow, or somebody else was faster;
    /// `task_not_found`.
    pub async fn transition(&self, id: &str, change: Transition) -> Result<Task, ClientError> {
        let call = self.task_call(Method::PATCH, id, &["status"])?.json(&change)?.repeatable();
        let (answer, doubtful) = call.counted().await;
        match answer {
            Ok((_, body)) => super::answer::read(&body),
            Err(error) if doubtful && error.code() == "invalid_transition" => {
                let task = self.get_task(id).await?.task;
                if is_as_asked(&task, &change) { Ok(task) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }

    /// Sets a task running.
    ///
    /// ```
    /// # use taskcast::client::{NewTask, TaskStatus};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// assert_eq!(client.start(&task.id).await?.status, TaskStatus::Running);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// As [`Self::transition`].
    pub async fn start(&self, id: &str) -> Result<Task, ClientError> {
        self.transition(id, Transition::to(TaskStatus::Running)).await
    }

    /// Completes a running task with `result`, an object or `null` for none.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use taskcast::client::NewTask;
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// client.start(&task.id).await?;
    /// client.complete(&task.id, json!({"tokens": 42})).await?;
    /// let again = client.complete(&task.id, json!({"tokens": 43})).await.unwrap_err();
    /// assert_eq!(again.code(), "invalid_transition");
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// As [`Self::transition`].
    pub async fn complete(&self, id: &str, result: Value) -> Result<Task, ClientError> {
        let result = Some(result).filter(|result| !result.is_null());
        self.transition(id, Transition { result, ..Transition::to(TaskStatus::Completed) }).await
    }

    /// Ends a running task with an error.
    ///
    /// ```
    /// # use taskcast::client::{NewTask, TaskError, TaskStatus};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// client.start(&task.id).await?;
    /// let error = TaskError { message: "no tokens left".into(), code: Some("quota".into()), details: None };
    /// assert_eq!(client.fail(&task.id, error).await?.status, TaskStatus::Failed);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// As [`Self::transition`].
    pub async fn fail(&self, id: &str, error: TaskError) -> Result<Task, ClientError> {
        self.transition(id, Transition { error: Some(error), ..Transition::to(TaskStatus::Failed) }).await
    }

    /// Ends a task at somebody's wish.
    ///
    /// ```
    /// # use taskcast::client::{NewTask, TaskStatus};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// assert_eq!(client.cancel(&task.id).await?.status, TaskStatus::Cancelled);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// As [`Self::transition`].
    pub async fn cancel(&self, id: &str) -> Result<Task, ClientError> {
        self.transition(id, Transition::to(TaskStatus::Cancelled)).await
    }

    /// What a blocked task asks for.
    ///
    /// ```
    /// # use taskcast::client::NewTask;
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// let error = client.blocked_request(&task.id).await.unwrap_err();
    /// assert_eq!(error.code(), "no_blocked_request");
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `no_blocked_request`, `task_not_found`.
    pub async fn blocked_request(&self, id: &str) -> Result<BlockedRequest, ClientError> {
        self.task_call(Method::GET, id, &["request"])?.read().await
    }

    /// Answers what a blocked task asks for: it goes on.
    ///
    /// ```
    /// # use serde_json::json;
    /// # use taskcast::client::{BlockedRequest, Json, NewTask, TaskStatus, Transition};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// client.start(&task.id).await?;
    /// let request = BlockedRequest { request_type: "approve".into(), data: None };
    /// let block = Transition { blocked_request: Some(request), ..Transition::to(TaskStatus::Blocked) };
    /// client.transition(&task.id, block).await?;
    /// assert_eq!(client.blocked_request(&task.id).await?.request_type, "approve");
    /// assert_eq!(client.resolve(&task.id, json!({"approved": true})).await?.status, TaskStatus::Running);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `task_not_blocked`, `invalid_transition` when somebody else was faster, `task_not_found`. An answer that was
    /// lost is not asked for again: look at the task then.
    pub async fn resolve(&self, id: &str, data: Value) -> Result<Task, ClientError> {
        self.task_call(Method::POST, id, &["resolve"])?.json(&json!({"data": data}))?.read().await
    }

    /// Removes a task with everything that belongs to it. When an answer was lost and the task is gone afterwards, this
    /// is no error.
    ///
    /// ```
    /// # use taskcast::client::NewTask;
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// client.delete_task(&task.id).await?;
    /// assert_eq!(client.get_task(&task.id).await.unwrap_err().code(), "task_not_found");
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `task_not_found`.
    pub async fn delete_task(&self, id: &str) -> Result<(), ClientError> {
        let (answer, doubtful) = self.task_call(Method::DELETE, id, &[])?.repeatable().counted().await;
        match answer {
            Err(error) if doubtful && error.code() == "task_not_found" => Ok(()),
            answer => answer.map(drop),
        }
    }
}

/// Whether `task` is as `change` leaves a task.
fn is_as_asked(task: &Task, change: &Transition) -> bool {
    let same = |kept: Option<&Json>, asked: &Value| {
        kept.and_then(|kept| kept.read::<Value>().ok()).is_some_and(|kept| kept == *asked)
    };
    task.status == change.status
        && change.result.as_ref().is_none_or(|asked| same(task.result.as_ref(), asked))
        && change.error.as_ref().is_none_or(|asked| task.error.as_deref() == Some(asked))
}

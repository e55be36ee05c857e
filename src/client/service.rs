//! The server itself: is it there, what is it, and what could it not deliver.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::{AdminToken, Client, ClientError, Detail, Failures, Health, Json, Readiness};

/// # The server
impl Client {
    /// Whether the server is there.
    ///
    /// ```
    /// # taskcast::example::with_client(|client| async move {
    /// assert_eq!(client.health().await?.api_version, "v1");
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Those of every call.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.call(Method::GET, &["health"]).read().await
    }

    /// Whether the server and everything it depends on can serve now. A server that cannot is an answer, too.
    ///
    /// ```
    /// # taskcast::example::with_client(|client| async move {
    /// assert!(client.ready().await?.ok);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Those of every call.
    pub async fn ready(&self) -> Result<Readiness, ClientError> {
        self.call(Method::GET, &["health", "ready"]).whatever_the_status().read().await
    }

    /// Everything the server tells of itself.
    ///
    /// ```
    /// # taskcast::example::with_client(|client| async move {
    /// let detail = client.detail().await?;
    /// assert_eq!((detail.auth.mode.as_str(), detail.adapters["shortTermStore"].provider.as_str()), ("none", "memory"));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Those of every call.
    pub async fn detail(&self) -> Result<Detail, ClientError> {
        self.call(Method::GET, &["health", "detail"]).read().await
    }

    /// The metrics of the server, in the text format of Prometheus.
    ///
    /// ```
    /// # taskcast::example::with_client(|client| async move {
    /// assert!(client.metrics().await?.contains("taskcast_tasks_created_total"));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `missing_token` or `forbidden` where metrics are protected.
    pub async fn metrics(&self) -> Result<String, ClientError> {
        let (_, body) = self.call(Method::GET, &["metrics"]).send().await?;
        String::from_utf8(body.into()).map_err(|error| ClientError::InvalidAnswer(error.to_string()))
    }

    /// The description of the API (OpenAPI 3.1).
    ///
    /// ```
    /// # taskcast::example::with_client(|client| async move {
    /// assert!(client.openapi().await?.member("paths").is_some());
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Those of every call.
    pub async fn openapi(&self) -> Result<Json, ClientError> {
        self.call(Method::GET, &["openapi.json"]).read().await
    }

    /// A token for whoever knows the admin token of the server: with `scopes` (all when empty), for so many seconds.
    ///
    /// ```
    /// # taskcast::example::with_client(|client| async move {
    /// // This server gives no tokens.
    /// let refused = client.admin_token("what it printed", &["event:subscribe"], 3600).await;
    /// assert_eq!(refused.unwrap_err().code(), "not_found");
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `invalid_admin_token`; `not_found` when the server gives none.
    pub async fn admin_token(
        &self,
        admin_token: &str,
        scopes: &[&str],
        expires_in: u64,
    ) -> Result<AdminToken, ClientError> {
        let scopes = if scopes.is_empty() { &["*"] } else { scopes };
        let body = json!({"adminToken": admin_token, "scopes": scopes, "expiresIn": expires_in});
        self.call(Method::POST, &["admin", "token"]).json(&body)?.repeatable().read().await
    }

    /// Deliveries to the webhooks of a task that failed for good.
    ///
    /// ```
    /// # use taskcast::client::NewTask;
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// assert!(client.webhook_failures(&task.id).await?.failures.is_empty());
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `task_not_found`.
    pub async fn webhook_failures(&self, id: &str) -> Result<Failures, ClientError> {
        self.task_call(Method::GET, id, &["webhooks", "failures"])?.read().await
    }

    /// Has failed deliveries tried once more, those with the ids `failures` or all, and says how many.
    ///
    /// ```
    /// # use taskcast::client::NewTask;
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// assert_eq!(client.redeliver(&task.id, None).await?, 0);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// `task_not_found`.
    pub async fn redeliver(&self, id: &str, failures: Option<&[&str]>) -> Result<usize, ClientError> {
        #[derive(Deserialize)]
        struct Answer {
            redelivering: usize,
        }
        let body = failures.map_or_else(|| json!({}), |failures| json!({"failures": failures}));
        let call = self.task_call(Method::POST, id, &["webhooks", "redeliver"])?.json(&body)?;
        Ok(call.repeatable().read::<Answer>().await?.redelivering)
    }
}

//! All tasks, page by page.

use std::collections::VecDeque;

use futures_util::StreamExt as _;
use futures_util::stream::{self, Stream};
use reqwest::Method;
use serde::Deserialize;

use super::{Client, ClientError, TaskQuery, TaskView};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    tasks: VecDeque<TaskView>,
    next_cursor: Option<String>,
}

/// Where a walk over all pages is.
struct Walk {
    client: Client,
    query: TaskQuery,
    page: VecDeque<TaskView>,
    /// `None` once the last page is here.
    next: Option<Option<String>>,
}

impl Walk {
    async fn next(&mut self) -> Result<Option<TaskView>, ClientError> {
        while self.page.is_empty() {
            let Some(cursor) = self.next.take() else { return Ok(None) };
            let page = fetch(&self.client, &self.query, cursor.as_deref()).await?;
            self.page = page.tasks;
            self.next = page.next_cursor.map(Some);
        }
        Ok(self.page.pop_front())
    }
}

async fn fetch(client: &Client, query: &TaskQuery, cursor: Option<&str>) -> Result<Page, ClientError> {
    let status: Vec<_> = query.status.iter().map(|status| status.as_str()).collect();
    let list = |items: String| Some(items).filter(|items| !items.is_empty());
    client
        .call(Method::GET, &["tasks"])
        .maybe("status", list(status.join(",")).as_deref())
        .maybe("type", query.task_type.as_deref())
        .maybe("tags", list(query.tags.join(",")).as_deref())
        .maybe("assignMode", query.assign_mode.map(|mode| mode.as_str()))
        .maybe("order", query.newest_first.then_some("desc"))
        .maybe("limit", query.page.map(|limit| limit.to_string()).as_deref())
        .maybe("cursor", cursor)
        .read()
        .await
}

/// # Lists
impl Client {
    /// All tasks that `query` asks for, fetched page by page as they are read: none twice, and none left out that is
    /// there all the while. Ends after the first error.
    ///
    /// ```
    /// # use futures_util::TryStreamExt as _;
    /// # use taskcast::client::{NewTask, TaskQuery};
    /// # taskcast::example::with_client(|client| async move {
    /// for _ in 0..5 {
    ///     client.create_task(NewTask::of_type("demo")).await?;
    /// }
    /// let query = TaskQuery { task_type: Some("demo".into()), page: Some(2), ..TaskQuery::default() };
    /// let tasks: Vec<_> = client.list_tasks(query).try_collect().await?;
    /// assert_eq!(tasks.len(), 5);
    /// # Ok(()) });
    /// ```
    pub fn list_tasks(
        &self,
        query: TaskQuery,
    ) -> impl Stream<Item = Result<TaskView, ClientError>> + Send + Unpin + use<> {
        let walk = Walk { client: self.clone(), query, page: VecDeque::new(), next: Some(None) };
        let tasks = stream::unfold(Some(walk), |walk| async move {
            let mut walk = walk?;
            match walk.next().await {
                Ok(task) => task.map(|task| (Ok(task), Some(walk))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Box::pin(tasks.fuse())
    }
}

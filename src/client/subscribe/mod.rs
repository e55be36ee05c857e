//! Following a task: its events once each, in order, until it ends, whatever happens to the connection.
//!
//! A stream that broke is opened again after the last event that was handed on (PROTOCOL §9.4). One exception: in the
//! format of deltas, a first replay holds each text series as one snapshot at the place of its newest piece, and whoever
//! was cut off before it came would never see the pieces in it. Nothing in a stream says where its replay ends, but a
//! delta that is no snapshot is live. As long as none was seen, the replay is asked for anew, and what was handed on
//! already is left out.

mod fold;
mod follow;
mod received;
mod subscription;
mod wish;

pub use self::fold::{Latest, Text};
pub use self::received::{Connection, Ending, Received};
pub use self::subscription::Subscription;
pub use self::wish::Subscribe;
use super::{Client, Filter};

/// # Streams
impl Client {
    /// Follows a task.
    ///
    /// ```
    /// # use futures_util::StreamExt as _;
    /// # use serde_json::json;
    /// # use taskcast::client::{Ending, NewEvent, NewTask, Received, TaskStatus};
    /// # taskcast::example::with_client(|client| async move {
    /// let task = client.create_task(NewTask::default()).await?;
    /// client.publish(&task.id, NewEvent::new("step", json!(1))).await?;
    /// client.cancel(&task.id).await?;
    /// let mut stream = client.subscribe(&task.id).stream();
    /// while let Some(received) = stream.next().await {
    ///     match received? {
    ///         Received::Event(event) => println!("{} {}", event.event_type, event.data.as_str()),
    ///         Received::Done(ending) => assert_eq!(ending, Ending::Finished(TaskStatus::Cancelled)),
    ///         Received::Gap => unreachable!("only the stream of all tasks has gaps"),
    ///     }
    /// }
    /// # Ok(()) });
    /// ```
    pub fn subscribe(&self, task: &str) -> Subscribe {
        Subscribe {
            client: self.clone(),
            task: Some(task.to_owned()),
            filter: Filter::default(),
            since: None,
            accumulated: false,
            last: None,
        }
    }

    /// Follows all tasks from now on (PROTOCOL §10). There is no history and no cursor: what happens while the connection
    /// is lost is missing, and [`Received::Gap`] says so. Of what [`Subscribe`] offers, only the filters have a meaning
    /// here.
    ///
    /// ```
    /// # use futures_util::StreamExt as _;
    /// # use taskcast::client::{Connection, NewEvent, NewTask, Received};
    /// # taskcast::example::with_client(|client| async move {
    /// let mut all = client.subscribe_all().types(["agent.*"]).stream();
    /// let mut status = all.watch_status();
    /// let reading = tokio::spawn(async move { all.next().await });
    /// status.wait_for(|status| *status == Connection::Open).await?;
    /// let task = client.create_task(NewTask::default()).await?;
    /// client.publish(&task.id, NewEvent::new("agent.step", 1)).await?;
    /// let Some(Ok(Received::Event(event))) = reading.await? else { panic!("there is an event") };
    /// assert_eq!(event.task_id, task.id.as_str());
    /// # Ok(()) });
    /// ```
    pub fn subscribe_all(&self) -> Subscribe {
        Subscribe { task: None, ..self.subscribe("") }
    }
}
